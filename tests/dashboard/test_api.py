"""GET /api/v1/dashboard/: the charts as JSON, for staff."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from dashboard.charts.pages import PAGES
from dashboard.figures.scope import Scope
from dashboard.rollups.hours import roll_up
from tests.api.rows import check_problem, make_caller
from tests.api.test_schema import check_body
from tests.dashboard.history import make_history
from tests.dashboard.visitors import MAY, MAY_NOT, RANGE, make_person, visit_as

pytestmark = pytest.mark.django_db
URL = "/api/v1/dashboard/"
ADDRESSES = [URL, *(f"{URL}{page}/" for page in PAGES)]


@pytest.fixture
def staff() -> APIClient:
    return make_caller(make_person("staff"))


@pytest.mark.parametrize("address", ADDRESSES)
def test_anonymous(address: str) -> None:
    check_problem(make_caller(None).get(address), 401, "not_authenticated")


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("role", MAY_NOT)
def test_not_staff(role: str, address: str) -> None:
    check_problem(make_caller(make_person(role)).get(address), 403, "permission_denied")


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("role", MAY)
def test_staff_by_token(role: str, address: str) -> None:
    response = make_caller(make_person(role)).get(address)
    assert response.status_code == 200
    assert response["Cache-Control"] == "private, no-store"


def test_staff_by_session() -> None:
    client: Client = visit_as("staff")
    assert client.get(URL).status_code == 200


def test_the_pages_are_listed(staff: APIClient) -> None:
    pages = staff.get(URL).json()["pages"]
    assert [page["page"] for page in pages] == list(PAGES)
    for page in pages:
        assert staff.get(page["url"]).json()["title"] == page["title"]


@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_its_charts(staff: APIClient, page: str) -> None:
    make_history(photos=60)
    roll_up()
    body = staff.get(f"{URL}{page}/", RANGE).json()
    scope = Scope(since=datetime(2026, 3, 26, tzinfo=UTC), end=datetime(2026, 4, 1, tzinfo=UTC))
    charts = json.loads(json.dumps([chart.to_dict() for chart in PAGES[page].build(scope)]))
    assert body == {"page": page, "title": PAGES[page].title, **RANGE, "grain": "day", "charts": charts}
    schema = json.loads(make_caller(None).get("/api/v1/schema/?format=json").content)
    check_body(schema, "Page", body)


def test_two_days_go_by_the_hour(staff: APIClient) -> None:
    body = staff.get(f"{URL}photos/?since=2026-03-01&until=2026-03-02").json()
    assert body["grain"] == "hour"
    assert body["charts"][0]["rows"] == []  # not enough
    assert body["charts"][0]["enough"] is False


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("since=yesterday", "since"),
        ("version=9.9.9", "version"),
        ("source=probe", "source"),
        ("label=bored", "label"),
        ("label=%00", "label"),
        ("since=2026-03-05&until=2026-03-01", "non_field_errors"),
        ("since=2020-03-05&until=2026-03-01", "non_field_errors"),
    ],
)
def test_wrong_filters(staff: APIClient, query: str, field: str) -> None:
    body = check_problem(staff.get(f"{URL}photos/?{query}"), 400, "invalid_filters")
    assert list(body["errors"]) == [field]
    assert body["errors"][field][0]


@pytest.mark.parametrize("query", ["until=0001-01-01", "until=9999-12-31&since=9999-12-30", "since=0001-01-01"])
def test_the_ends_of_time(staff: APIClient, query: str) -> None:
    assert staff.get(f"{URL}photos/?{query}").status_code in (200, 400)


@pytest.mark.parametrize("address", [f"{URL}nothing/", f"{URL}photos/volume/"])
def test_unknown_pages(staff: APIClient, address: str) -> None:
    check_problem(staff.get(address), 404, "not_found")


def test_only_reading(staff: APIClient) -> None:
    check_problem(staff.post(f"{URL}photos/"), 405, "method_not_allowed")


def test_the_schema_describes_it() -> None:
    schema: dict[str, Any] = json.loads(make_caller(None).get("/api/v1/schema/?format=json").content)
    page = schema["paths"][f"{URL}{{page}}/"]["get"]
    assert {one["name"] for one in page["parameters"]} == {"page", "since", "until", "version", "source", "label"}
    assert {"200", "400", "401", "403", "404"} <= set(page["responses"])
    codes = page["responses"]["400"]["content"]["application/problem+json"]["examples"]
    assert {example["value"]["code"] for example in codes.values()} == {"invalid_filters"}
