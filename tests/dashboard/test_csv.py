"""Charts as CSV files, and as tables: the same numbers, each in its form."""

import csv
import io
from datetime import UTC, datetime

import pytest

from dashboard.charts.chart import Cell, Chart, Column, Series
from dashboard.charts.pages import PAGES
from dashboard.figures.scope import Scope
from dashboard.rollups.hours import roll_up
from dashboard.web.panels import guard_formula
from dashboard.web.tables import render_table
from tests.dashboard.history import make_history
from tests.dashboard.visitors import RANGE, visit_as

SCOPE = Scope(since=datetime(2026, 3, 26, tzinfo=UTC), end=datetime(2026, 4, 1, tzinfo=UTC))


@pytest.mark.django_db
@pytest.mark.parametrize("page", PAGES)
def test_the_file_has_the_charts_rows(page: str) -> None:
    make_history(photos=60)
    roll_up()
    staff = visit_as("staff")
    for chart in PAGES[page].build(SCOPE):
        response = staff.get(f"/dashboard/{page}/{chart.name}.csv", RANGE)
        assert response.status_code == 200
        assert response["Content-Type"] == "text/csv; charset=utf-8"
        assert f"fersite-{page}-{chart.name}-2026-03-26-2026-03-31.csv" in response["Content-Disposition"]
        rows = list(csv.reader(io.StringIO(response.content.decode())))
        assert rows[0] == [column.name for column in chart.columns]
        assert rows[1:] == ([[write(cell) for cell in row] for row in chart.rows] if chart.is_enough else [])


def write(cell: Cell) -> str:
    """As the file has it: by other code than the page's."""
    if isinstance(cell, datetime):
        return cell.isoformat().replace("+00:00", "Z")
    return "" if cell is None else str(cell)


@pytest.mark.django_db
@pytest.mark.parametrize("address", ["nothing/volume.csv", "photos/nothing.csv"])
def test_unknown_names(address: str) -> None:
    assert visit_as("staff").get(f"/dashboard/{address}").status_code == 404


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        ("=1+1", "'=1+1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("-x", "'-x"),
        ("+x", "'+x"),
        ("\tx", "'\tx"),
        ("a=b", "a=b"),
        (-1, -1),
    ],
)
def test_texts_are_no_formulas(cell: Cell, written: Cell) -> None:
    assert guard_formula(cell) == written


def make_chart(plot: str, columns: list[Column], rows: list[list[Cell]]) -> Chart:
    return Chart(
        name="made", title="Made", plot=plot, columns=columns, rows=rows, n=9,  # type: ignore[arg-type]
        series=[Series(one.name) for one in columns[1:]] if plot != "table" else (),
    )  # fmt: skip


def test_cells_as_people_read_them() -> None:
    columns = [
        Column("start", "From", "time"), Column("name", "Name", "text"), Column("n", "n"),
        Column("share", "Share", "share"), Column("value", "Value", "number"), Column("seconds", "Time", "seconds"),
    ]  # fmt: skip
    moment = datetime(2026, 3, 1, 14, 30, tzinfo=UTC)
    table = render_table(
        make_chart(
            "table", columns, [[moment, "<i>", 12345, 0.6963, 0.02595, 0.0316], [None, None, None, None, -1.5, 300]]
        )
    )
    assert '<time datetime="2026-03-01T14:30:00+00:00">1 Mar 2026, 14:30</time>' in table
    for text in (
        "&lt;i&gt;",
        ">12,345<",
        ">69.6\u00a0%<",
        ">0.026<",
        ">31.6\u00a0ms<",
        ">-1.500<",
        ">5\u00a0min<",
        ">–<",
    ):
        assert text in table


def test_whole_days_have_no_hour() -> None:
    columns = [Column("start", "From", "time"), Column("n", "n")]
    table = render_table(make_chart("lines", columns, [[datetime(2026, 3, 1, tzinfo=UTC), 1]]))
    assert '<th scope="row"><time datetime="2026-03-01">1 Mar 2026</time></th>' in table


def test_a_matrix_is_shaded_by_its_rows() -> None:
    columns = [
        Column("truth", "True", "text"), Column("sad", "sad"), Column("happy", "happy"),
        Column("sad_share", "sad, of the row", "share"), Column("happy_share", "happy, of the row", "share"),
    ]  # fmt: skip
    chart = Chart(
        name="m", title="M", plot="matrix", columns=columns, n=40,
        rows=[["sad", 9, 1, 0.9, 0.1], ["happy", 0, 30, 0.0, 1.0], ["other", 0, 0, None, None]],
    )  # fmt: skip
    table = render_table(chart)
    assert '<td class="shade-9 is-right">9<small>90\u00a0%</small></td>' in table
    assert '<td class="shade-1">1<small>10\u00a0%</small></td>' in table
    assert '<td class="shade-10 is-right">30<small>100\u00a0%</small></td>' in table
    assert "of the row" not in table
