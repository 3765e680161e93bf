"""The page of alerts and the badge in the header: staff sees what is wrong, nobody else does."""

from typing import Any

import pytest
from django.test import Client

from accounts.roles import Role
from classifier.answers.batches import open_batch
from classifier.models import Face
from dashboard.alerts.episodes import check_alerts
from dashboard.charts.pages import PAGES
from dashboard.figures.scope import ScopeForm
from dashboard.models import Alert, Metric
from dashboard.web.alerts import CHARTS
from tests.dashboard.alerting import DAY, MINUTE, NOW, add_rule, look, make_rule, show_face
from tests.factories import make_user
from tests.reviews import enter, make_reviewer

pytestmark = pytest.mark.django_db
PAGE = "/dashboard/alerts/"


@pytest.fixture
def staff() -> Client:
    return enter(make_reviewer("sue", "staff"))


def open_alert(**fields: Any) -> Alert:
    make_rule(**({"name": "Photos wait"} | fields))
    look(130)
    [alert] = check_alerts(now=NOW)
    return alert


def test_open_ones_first_then_the_last(staff: Client) -> None:
    alert = open_alert()
    look(1, moment=NOW + 10 * MINUTE)
    check_alerts(now=NOW + 10 * MINUTE)
    add_rule("Something else", 0.5)
    check_alerts(now=NOW + 11 * MINUTE)
    page = staff.get(PAGE).content.decode()
    assert page.index("Something else") < page.index("Resolved") < page.index("Photos wait")
    assert alert.text in page
    assert "10 min" in page
    assert "At the last check: 1.0 s." in page


def test_leads_to_the_chart_and_the_batch(staff: Client) -> None:
    alert = open_alert()
    face = show_face(make_user())
    alert.batch = open_batch(name="Dark ones", why="drift", faces=Face.objects.filter(pk=face.pk))
    alert.save()
    page = staff.get(PAGE).content.decode()
    assert "/dashboard/photos/?since=2026-02-24&amp;until=" in page
    assert "#queue" in page
    assert alert.batch is not None
    address = f"/admin/classifier/labellingbatch/{alert.batch.pk}/change/"
    assert address in page
    assert staff.get(address).status_code == 200


def test_every_figure_has_a_chart() -> None:
    form = ScopeForm({})
    assert form.is_valid()
    charts = {(page.name, chart.name) for page in PAGES.values() for chart in page.build(form.to_scope())}
    assert {CHARTS[metric] for metric in Metric} <= charts


def test_the_badge_counts_open_alerts_for_staff(staff: Client) -> None:
    assert "open alert" not in staff.get("/").content.decode()
    alert = open_alert()
    page = staff.get("/").content.decode()
    assert 'aria-label="1 open alert"' in page
    assert f'href="{PAGE}"' in page
    for visitor in (enter(make_user("una")), enter(make_reviewer("ruth")), Client()):
        assert "open alert" not in visitor.get("/").content.decode()
    Alert.objects.filter(pk=alert.pk).update(resolved_at=NOW)
    assert "open alert" not in staff.get("/").content.decode()


@pytest.mark.parametrize(("role", "status"), [("reviewer", 403), ("user", 403), (None, 302)])
def test_nobody_else(role: Role | None, status: int) -> None:
    open_alert()
    visitor = enter(make_reviewer("eve", role)) if role else Client()
    answer = visitor.get(PAGE)
    assert answer.status_code == status
    assert "Photos wait" not in answer.content.decode()


def test_a_constant_number_of_queries(staff: Client, django_assert_max_num_queries: Any) -> None:
    alert = open_alert()
    face = show_face(make_user())
    batch = open_batch(name="Dark ones", why="drift", faces=Face.objects.filter(pk=face.pk))
    for number in range(60):
        rule = add_rule(f"Rule {number}", 1)
        Alert.objects.create(
            rule=rule, opened_at=NOW - number * DAY, resolved_at=NOW if number % 2 else None, value=1, last_value=1,
            n=1, threshold=1, window_start=NOW, window_end=NOW, text="wrong", batch=batch,
        )  # fmt: skip
    assert alert.pk
    with django_assert_max_num_queries(10):
        assert staff.get(PAGE).status_code == 200
