"""Charts as HTML tables. Put together here and not in a template: a page has thousands of cells."""

from collections.abc import Iterable, Sequence

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from dashboard.charts.chart import Cell, Chart
from dashboard.web.cells import ABSENT, show_column

SHADES = 10


def render_table(chart: Chart) -> SafeString:
    """The first column heads the rows.

    Cells of a matrix are shaded by their share of the row (css/model.css) and hold both; its other columns, which have
    these shares, are left to the CSV file.
    """
    shaded = list_shaded(chart)
    shown = [0, *shaded] if shaded else range(len(chart.columns))
    columns: list[Iterable[str]] = []
    cells = ['<tr><th scope="row">{}</th>']
    for number in shown:
        column, values = chart.columns[number], [row[number] for row in chart.rows]
        if number in shaded:
            columns.append(shade_cells(chart, number, values, shaded))
            cells.append("{}")
            continue
        columns.append(show_column(values, column))
        if number:
            cells.append('<td class="is-text">{}</td>' if column.format == "text" else "<td>{}</td>")
    titles = ((mark_text(chart.columns[number].format), chart.columns[number].title) for number in shown)
    return format_html(
        '<table class="table table-sm figures{}"><thead><tr>{}</tr></thead><tbody>{}</tbody></table>',
        " confusion" if shaded else "",
        format_html_join("", '<th scope="col"{}>{}</th>', titles),
        format_html_join("\n", "".join([*cells, "</tr>"]), zip(*columns, strict=True)),
    )


def mark_text(kind: str) -> SafeString:
    """The attribute that puts texts on the left; empty for other kinds of cells."""
    return SafeString(' class="is-text"' if kind == "text" else "")


def list_shaded(chart: Chart) -> list[int]:
    """The columns of a matrix whose cells are shaded: the drawn ones."""
    if chart.plot != "matrix":
        return []
    drawn = {one.column for one in chart.series}
    return [
        number
        for number, column in enumerate(chart.columns)
        if number and (column.name in drawn if drawn else column.format == "count")
    ]


def shade_cells(chart: Chart, number: int, values: Sequence[Cell], shaded: Sequence[int]) -> list[SafeString]:
    """Table cells of one column: the count above its share of the row, framed where row and column are one label."""
    column = chart.columns[number]
    found = []
    for row, value, text in zip(chart.rows, values, show_column(values, column), strict=True):
        if not isinstance(value, int | float):
            found.append(format_html("<td>{}</td>", ABSENT))
            continue
        share = value
        if column.format != "share":
            total = sum(cell for cell in (row[i] for i in shaded) if isinstance(cell, int | float))
            share = value / total if total else 0
            text = format_html("{}<small>{}</small>", text, f"{100 * share:.0f}\u00a0%")
        right = " is-right" if row[0] in (column.name, column.title) else ""
        found.append(format_html('<td class="shade-{}{}">{}</td>', round(SHADES * min(max(share, 0), 1)), right, text))
    return found
