"""The shapes of charts as the interface sends them, for the schema: dashboard.charts.chart.Chart.to_dict makes them."""

from typing import Any, get_args

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from dashboard.charts.chart import Format, Plot
from dashboard.models import Grain

CELL = {"oneOf": [{"type": "string"}, {"type": "number"}], "nullable": True}


class ColumnSerializer(serializers.Serializer[Any]):
    """A column of a chart's table."""

    name = serializers.CharField(help_text="as in the CSV file")
    title = serializers.CharField()
    format = serializers.ChoiceField(
        choices=get_args(Format),
        help_text="count: a whole number; share: a fraction; seconds: a duration; time: a moment, ISO 8601, UTC",
    )


class SeriesSerializer(serializers.Serializer[Any]):
    """A column that is drawn."""

    column = serializers.CharField()
    low = serializers.CharField(allow_null=True, help_text="column of the lower end of its 95 % interval")
    high = serializers.CharField(allow_null=True)
    dashed = serializers.BooleanField(help_text="an estimate or a limit")


class MarkSerializer(serializers.Serializer[Any]):
    """An event on the x axis."""

    at = serializers.DateTimeField()
    text = serializers.CharField()


class ChartSerializer(serializers.Serializer[Any]):
    """A chart: a table, what of it is drawn, and how much it rests on."""

    name = serializers.CharField()
    title = serializers.CharField()
    plot = serializers.ChoiceField(choices=get_args(Plot))
    n = serializers.IntegerField(help_text="how many it rests on")
    of = serializers.CharField(help_text="of what n is the number")
    minimum = serializers.IntegerField(help_text="below it there are no rows and no facts")
    enough = serializers.BooleanField(help_text="whether n is at least the minimum")
    note = serializers.CharField(help_text="how it is measured, and its limits")
    columns = ColumnSerializer(many=True, help_text="the first is the x axis")
    rows = serializers.SerializerMethodField(help_text="one value for each column; null where there is none")
    series = SeriesSerializer(many=True)
    marks = MarkSerializer(many=True)
    facts = serializers.SerializerMethodField(help_text="single figures, by a readable name")

    @extend_schema_field({"type": "array", "items": {"type": "array", "items": CELL}})
    def get_rows(self, chart: dict[str, Any]) -> list[list[Any]]:
        rows: list[list[Any]] = chart["rows"]
        return rows

    @extend_schema_field({"type": "object", "additionalProperties": CELL})
    def get_facts(self, chart: dict[str, Any]) -> dict[str, Any]:
        facts: dict[str, Any] = chart["facts"]
        return facts


class PageSerializer(serializers.Serializer[Any]):
    """A page of the dashboard."""

    page = serializers.CharField()
    title = serializers.CharField()
    since = serializers.DateField(help_text="the first day, UTC")
    until = serializers.DateField(help_text="the last day")
    grain = serializers.ChoiceField(choices=Grain.labels, help_text="of the charts over time")
    charts = ChartSerializer(many=True)


class PageAddressSerializer(serializers.Serializer[Any]):
    """Where a page is."""

    page = serializers.CharField()
    title = serializers.CharField()
    url = serializers.URLField()


class PageListSerializer(serializers.Serializer[Any]):
    """All pages, in their order."""

    pages = PageAddressSerializer(many=True)
