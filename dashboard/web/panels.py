"""Charts as a page shows them: alone, or those of two versions side by side."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.safestring import SafeString

from dashboard.charts.chart import Cell, Chart
from dashboard.charts.pages import Page
from dashboard.figures.scope import Scope
from dashboard.web.cells import show_column, show_fact
from dashboard.web.tables import render_table

KINDS = {"lines": "Lines", "bars": "Bars", "stacked": "Stacked bars", "reliability": "A reliability diagram"}
# A table of more columns has the page's width.
NARROW_COLUMNS = 5
# What the key of the second of two ends with; static/js/dashboard.js knows it too.
BESIDE = "-beside"


@dataclass(frozen=True)
class Panel:
    """One chart of one version. key: of its own on the page; version: "" where there is nothing beside it."""

    key: str
    chart: Chart
    note: str
    csv: str
    version: str = ""

    @property
    def is_drawn(self) -> bool:
        """Whether the script draws it; a matrix is its own table."""
        return self.chart.is_enough and bool(self.chart.rows) and self.chart.plot in KINDS and not self.is_blank

    @property
    def is_blank(self) -> bool:
        """Whether no row has a value that could be drawn."""
        drawn = find_drawn(self.chart)
        return bool(drawn) and all(row[number] is None for row in self.chart.rows for number in drawn)

    @property
    def table(self) -> SafeString:
        """The chart's numbers as an HTML table."""
        return render_table(self.chart)

    @property
    def facts(self) -> list[tuple[str, str]]:
        """Single figures, as people read them."""
        return [(name, show_fact(value, self.chart)) for name, value in self.chart.facts.items()]

    @property
    def description(self) -> str:
        """The plot in a sentence or two, for whoever does not see it."""
        chart, drawn, last = self.chart, find_drawn(self.chart), []
        for number in drawn:
            known = [row[number] for row in chart.rows if row[number] is not None]
            if known:
                last.append(f"{chart.columns[number].title} {show_column(known[-1:], chart.columns[number])[0]}")
        ends = f" Last known: {', '.join(last)}." if chart.columns[0].format == "time" and last else ""
        of = ", ".join(chart.columns[number].title for number in drawn)
        return f"{chart.title}. {KINDS[chart.plot]}: {of}.{ends} The table after the plot has the numbers."

    def to_plot(self) -> dict[str, Any]:
        """What the script needs to draw it."""
        found = self.chart.to_dict()
        return {name: found[name] for name in ("plot", "columns", "rows", "series", "marks")}


@dataclass(frozen=True)
class Block:
    """A chart's place on the page. note: what is said of both panels."""

    name: str
    title: str
    panels: Sequence[Panel]
    note: str = ""

    @property
    def is_wide(self) -> bool:
        """Whether it needs the whole width: two versions, or an open table of many columns."""
        chart = self.panels[0].chart
        return len(self.panels) > 1 or (chart.plot == "table" and len(chart.columns) > NARROW_COLUMNS)


def build_blocks(page: Page, scope: Scope) -> list[Block]:
    """The page's charts; what is the same for both versions (photos have none) stands once."""
    charts = page.build(scope)
    if not (page.compares and scope.versus):
        return [Block(chart.name, chart.title, [make_panel(page, scope, chart)]) for chart in charts]
    other = scope.other()
    others = {chart.name: chart for chart in page.build(other)}
    blocks = []
    for chart in charts:
        beside = others.get(chart.name)
        if beside is None or beside == chart:
            blocks.append(Block(chart.name, chart.title, [make_panel(page, scope, chart)]))
            continue
        shared = chart.note if chart.note == beside.note else ""
        panels = [
            make_panel(page, scope, chart, version=name_version(scope), shared=shared),
            make_panel(page, other, beside, version=name_version(other), shared=shared, place=BESIDE),
        ]
        blocks.append(Block(chart.name, chart.title, panels, shared))
    return blocks


def make_panel(
    page: Page, scope: Scope, chart: Chart, *, version: str = "", shared: str = "", place: str = ""
) -> Panel:
    """A chart with its address; shared: the note that stands above it already."""
    address = reverse("dashboard:csv", args=[page.name, chart.name])
    note = "" if shared else chart.note
    return Panel(f"{chart.name}{place}", chart, note, f"{address}?{scope.query()}", version)


def find_drawn(chart: Chart) -> list[int]:
    """Positions of the columns that are drawn."""
    names = [column.name for column in chart.columns]
    return [names.index(series.column) for series in chart.series]


def name_version(scope: Scope) -> str:
    """The heading of a version's panel."""
    return f"Version {scope.version.name}" if scope.version else "Every version"


def guard_formula(cell: Cell) -> Cell:
    """Texts that a spreadsheet would take for a formula get an apostrophe in front."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell
