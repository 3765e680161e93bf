"""The dashboard's pages: who sees them, what the filters do, what stands beside what, and how many queries it takes."""

import re
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from classifier.models import Version
from dashboard.charts.pages import PAGES
from dashboard.figures.scope import Scope
from dashboard.models import Replay
from dashboard.rollups.hours import roll_up
from tests.dashboard.history import make_history
from tests.dashboard.visitors import MAY, MAY_NOT, RANGE, visit_as

pytestmark = pytest.mark.django_db
COMPARES = next(page.name for page in PAGES.values() if page.compares)
ALONE = next(page.name for page in PAGES.values() if not page.compares)


@pytest.fixture
def staff() -> Client:
    return visit_as("staff")


@pytest.fixture
def history() -> None:
    make_history(photos=60)
    roll_up()


def read(client: Client, page: str = ALONE, **query: Any) -> str:
    response = client.get(f"/dashboard/{page}/", query)
    assert response.status_code == 200
    return response.content.decode()


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("role", MAY)
def test_staff_sees_it(role: str, page: str) -> None:
    response = visit_as(role).get(f"/dashboard/{page}/")
    assert response.status_code == 200
    assert "no-store" in response["Cache-Control"]
    assert f"<h1>{PAGES[page].title}</h1>" in response.content.decode()


@pytest.mark.parametrize("address", ["", *(f"{page}/" for page in PAGES), f"{ALONE}/volume.csv"])
@pytest.mark.parametrize("role", MAY_NOT)
def test_others_do_not(role: str, address: str) -> None:
    response = visit_as(role).get(f"/dashboard/{address}")
    assert response.status_code == 403
    assert "Your account may not open this page" in response.content.decode()


@pytest.mark.parametrize("address", ["", *(f"{page}/" for page in PAGES), f"{ALONE}/volume.csv"])
def test_who_is_not_logged_in_is_asked_to(client: Client, address: str) -> None:
    response = client.get(f"/dashboard/{address}")
    assert response.status_code == 302
    assert response["Location"] == f"/accounts/login/?next=/dashboard/{address}"


def test_the_first_page(staff: Client) -> None:
    response = staff.get("/dashboard/?source=api")
    assert response["Location"] == f"/dashboard/{next(iter(PAGES))}/?source=api"
    assert staff.post("/dashboard/").status_code == 405
    assert staff.get("/dashboard/nothing/").status_code == 404


@pytest.mark.parametrize(
    ("role", "shown"), [("staff", True), ("superuser", True), ("reviewer", False), ("user", False)]
)
def test_the_header_leads_staff_there_and_asks_nothing_for_it(
    role: str, shown: bool, django_assert_num_queries: Any
) -> None:
    visitor = visit_as(role)
    with django_assert_num_queries(3 + shown):  # session; user; the champion, whom the first page names; open alerts
        page = visitor.get("/").content.decode()
    assert ('href="/dashboard/"' in page) == shown


def test_filters_are_kept_and_carried(staff: Client, history: None) -> None:
    version = Version.objects.get(state="champion").name
    chosen = {**RANGE, "version": version, "source": "api", "label": "happy"}
    page = read(staff, **chosen)
    for name in RANGE:
        assert f'name="{name}" value="{RANGE[name]}"' in page
    for name in ("version", "source", "label"):
        assert f'<option value="{chosen[name]}" selected>' in page
    links = re.findall(r'href="(/dashboard/[a-z]+/\?[^"]*)"', page)
    assert len(links) >= len(PAGES)
    for link in links:
        assert parse_qs(urlsplit(link.replace("&amp;", "&")).query) == {name: [value] for name, value in chosen.items()}


def test_nothing_chosen_is_thirty_days_of_everything(staff: Client) -> None:
    page = read(staff)
    assert 'aria-current="true">30 days' in page
    assert f'href="/dashboard/{COMPARES}/"' in page


def test_the_last_days(staff: Client) -> None:
    link = re.search(r'href="(\?[^"]*)"[^>]*>7 days', read(staff, source="page"))
    assert link
    page = staff.get(f"/dashboard/{ALONE}/{link[1].replace('&amp;', '&')}").content.decode()
    assert 'aria-current="true">7 days' in page
    assert 'value="page" selected' in page


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"since": "yesterday"}, "Enter a valid date."),
        ({"version": "9.9.9"}, "There is no such version."),
        ({"label": "bored"}, "There is no such label."),
        ({"since": "2026-03-05", "until": "2026-03-01"}, "The first day is after the last one."),
        ({"since": "2020-01-01", "until": "2026-03-01"}, "At most 400 days at once."),
    ],
)
def test_wrong_filters_are_named_and_the_default_is_shown(staff: Client, wrong: dict[str, str], said: str) -> None:
    page = read(staff, **wrong)
    assert said in page
    assert "shows the last 30 days" in page
    assert "Photos handed in" in page
    if len(wrong) == 1:
        name = next(iter(wrong))
        assert f'id="id_{name}_error"' in page
        assert re.search(rf'name="{name}"[^>]*aria-invalid="true"[^>]*aria-describedby="id_{name}_error"', page)
    assert staff.get(f"/dashboard/{ALONE}/volume.csv", wrong).status_code == 400


@pytest.mark.parametrize("page", PAGES)
def test_every_chart_has_its_parts(staff: Client, history: None, page: str) -> None:
    text = read(staff, page, **RANGE)
    scope = Scope(since=datetime(2026, 3, 26, tzinfo=UTC), end=datetime(2026, 4, 1, tzinfo=UTC))
    for chart in PAGES[page].build(scope):
        part = re.search(rf'<section class="chart[^>]* id="{chart.name}".*?</section>', text, re.DOTALL)
        assert part, chart.name
        assert f"n&nbsp;=&nbsp;{chart.n:,} {chart.of}" in part[0]
        if not chart.is_enough:
            assert f"Not enough data: {chart.n:,} of {chart.minimum:,}." in part[0]
            assert "<table" not in part[0]
            continue
        assert f"/dashboard/{page}/{chart.name}.csv?since=2026-03-26" in part[0]
        assert part[0].count("<tr>") == (len(chart.rows) + 1 if chart.rows else 0)
        assert ('<canvas role="img" aria-label="' in part[0]) == (
            chart.plot not in ("matrix", "table") and bool(chart.rows) and "too little in any day" not in part[0]
        )


def test_too_little_to_be_shown(staff: Client) -> None:
    page = read(staff, "predictions")
    assert "Not enough data: 0 of 20." in page
    assert "<canvas" not in page


def test_two_versions_side_by_side(staff: Client, history: None) -> None:
    both = {"version": "old-0", "versus": "new-0"}
    page = read(staff, COMPARES, **RANGE, **both)
    titles = re.findall(r"<h3>(.*?)</h3>", page)
    assert titles
    assert set(titles) == {"Version old-0", "Version new-0"}
    assert titles[0::2] == ["Version old-0"] * (len(titles) // 2)
    assert "version=new-0" in page
    keys = re.findall(r'data-plot="([^"]*)"', page)
    assert len(keys) == len(set(keys))
    page = read(staff, ALONE, **RANGE, **both)
    assert "<h3>" not in page
    assert "This page does not compare versions: new-0 is left out." in page


def test_beside_every_version_together(staff: Client, history: None) -> None:
    assert "<h3>Every version</h3>" in read(staff, COMPARES, **RANGE, versus="new-0")


def test_what_is_counted_later_is_said(staff: Client) -> None:
    make_history(photos=5)
    assert "still being counted" in read(staff)
    roll_up()
    assert "still being counted" not in read(staff)


def test_a_replay_is_said(staff: Client) -> None:
    Replay.objects.create(first_day="2026-02-01", last_day="2026-03-28", drift_from="2026-03-20", faces=2000)
    assert "this is a replay: 2,000 faces" in read(staff, **RANGE)
    assert "this is a replay" not in read(staff, since="2026-03-29", until="2026-03-31")


@pytest.mark.parametrize("page", PAGES)
def test_more_rows_cost_no_more_queries(staff: Client, page: str) -> None:
    found = []
    for seed in (1, 2):
        make_history(seed=seed, photos=20 * seed) if seed == 1 else make_more(seed)
        roll_up()
        staff.get("/dashboard/")
        with CaptureQueriesContext(connection) as queries:
            read(staff, page, **RANGE, version="new-1", versus="old-1")
        found.append(len(queries))
    assert found[0] == found[1]
    assert found[0] <= 32


def make_more(seed: int) -> None:
    """Another history; only one of the versions can be champion and silent."""
    Version.objects.update(state="retired", is_shadow=False)
    make_history(seed=seed, photos=40)


def test_nothing_in_it_is_taken_for_html(staff: Client, history: None) -> None:
    Version.objects.filter(state="champion").update(name="<b>new</b>")
    for page in PAGES:
        assert "<b>new" not in read(staff, page, **RANGE)
