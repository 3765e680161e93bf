"""Cells as people read them: shares in per cent, durations with their unit, moments in UTC, a dash for nothing."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, time

from django.utils.html import format_html

from dashboard.charts.chart import Cell, Chart, Column

ABSENT = "–"
# Up to so many of a unit, the unit: seconds, its name, what it is in seconds.
UNITS = ((1, "ms", 0.001), (120, "s", 1), (7200, "min", 60), (172_800, "h", 3600), (float("inf"), "days", 86_400))


def show_column(cells: Sequence[Cell], column: Column) -> list[str]:
    """Every cell of a column as text, or as HTML that is safe; moments at midnight only are days."""
    if column.format == "time":
        moments = [cell.astimezone(UTC) for cell in cells if isinstance(cell, datetime)]
        whole_days = all(moment.time() == time.min for moment in moments)
        return [mark_moment(cell, whole_days) if isinstance(cell, datetime) else ABSENT for cell in cells]
    show = SHOWN[column.format]
    return [ABSENT if cell is None else show(cell) for cell in cells]


def show_fact(cell: Cell, chart: Chart) -> str:
    """A single figure: whole numbers are counts, others shares where all that the chart draws is shares."""
    if isinstance(cell, datetime):
        return mark_moment(cell, cell.astimezone(UTC).time() == time.min)
    if cell is None or isinstance(cell, str):
        return ABSENT if cell is None else cell
    drawn = {one.column for one in chart.series}
    formats = {column.format for column in chart.columns if column.name in drawn}
    return show_count(cell) if isinstance(cell, int) else SHOWN["share" if formats == {"share"} else "number"](cell)


def mark_moment(moment: datetime, whole_day: bool) -> str:
    moment = moment.astimezone(UTC)
    text = f"{moment.day} {moment:%b %Y}" if whole_day else f"{moment.day} {moment:%b %Y, %H:%M}"
    return format_html('<time datetime="{}">{}</time>', f"{moment:%Y-%m-%d}" if whole_day else moment.isoformat(), text)


def show_number(value: float) -> str:
    """1234.5 → "1,234"; 0.02595 → "0.026"."""
    places = 0 if abs(value) >= 1000 else 1 if abs(value) >= 100 else 2 if abs(value) >= 10 else 3
    return f"{value:,.{places}f}"


def show_count(value: float) -> str:
    """12345 → "12,345"."""
    return f"{value:,.0f}"


def show_share(value: float) -> str:
    """0.6963 → "69.6 %"."""
    return f"{100 * value:.1f}\u00a0%"


def show_seconds(value: float) -> str:
    """0.0316 → "32 ms"; 300 → "5 min"."""
    name, size = next((name, size) for end, name, size in UNITS if value < end)
    return f"{value / size:.3g}\u00a0{name}"


SHOWN: dict[str, Callable[..., str]] = {
    "text": str,
    "count": show_count,
    "share": show_share,
    "number": show_number,
    "seconds": show_seconds,
}
