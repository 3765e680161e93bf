"""Rules in admin: staff keeps them, with faults named; alerts are read there; the rules to begin with are sound."""

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test import Client

from accounts.roles import Role
from dashboard.alerts.episodes import check_alerts
from dashboard.models import Alert, AlertRule, Metric
from tests.dashboard.alerting import NOW, add_rule, look, make_rule
from tests.factories import make_user
from tests.reviews import enter, make_reviewer

pytestmark = pytest.mark.django_db
RULES, ALERTS = "/admin/dashboard/alertrule/", "/admin/dashboard/alert/"
FIELDS: dict[str, Any] = {
    "name": "Slow", "metric": "p95_seconds", "direction": "above", "threshold": "12.5", "window_hours": "6",
    "minimum": "20", "source": "page", "label": "", "enabled": "on", "emails": "a@example.org, b@example.org",
}  # fmt: skip


@pytest.fixture
def staff() -> Client:
    return enter(make_reviewer("sue", "staff"))


def test_staff_adds_changes_and_deletes(staff: Client) -> None:
    AlertRule.objects.all().delete()
    assert staff.post(f"{RULES}add/", FIELDS).status_code == 302
    rule = AlertRule.objects.get()
    assert (rule.metric, rule.threshold, rule.addresses()) == ("p95_seconds", 12.5, ["a@example.org", "b@example.org"])
    assert "above 12 s" in staff.get(RULES).content.decode()
    staff.post(f"{RULES}{rule.pk}/change/", FIELDS | {"threshold": "60", "enabled": ""})
    rule.refresh_from_db()
    assert (rule.threshold, rule.enabled) == (60, False)
    staff.post(f"{RULES}{rule.pk}/delete/", {"post": "yes"})
    assert not AlertRule.objects.exists()


def test_a_rule_that_had_alerts_stays(staff: Client) -> None:
    rule = make_rule()
    look(130)
    check_alerts(now=NOW)
    page = staff.post(f"{RULES}{rule.pk}/delete/", {"post": "yes"}).content.decode()
    assert "Cannot delete" in page
    assert AlertRule.objects.filter(pk=rule.pk).exists()


def test_past_alerts_keep_their_metric(staff: Client) -> None:
    rule = make_rule()
    address = f"{RULES}{rule.pk}/change/"
    fields = FIELDS | {"source": ""}
    assert 'name="metric"' in staff.get(address).content.decode()
    staff.post(address, fields | {"name": "Old", "metric": "queue_age", "threshold": "100", "minimum": "1"})
    look(130)
    [alert] = check_alerts(now=NOW)
    said = alert.describe("value")
    assert 'name="metric"' not in staff.get(address).content.decode()
    assert staff.post(address, fields | {"metric": "accuracy", "threshold": "0.5"}).status_code == 302
    alert = Alert.objects.get()
    assert (alert.rule.name, alert.rule.threshold, alert.rule.metric) == ("Slow", 0.5, "queue_age")
    assert alert.describe("value") == said
    assert staff.post(address, fields | {"metric": "accuracy", "source": "page"}).status_code == 200


def test_says_what_it_would_say_now(staff: Client) -> None:
    from django.utils import timezone

    rule = make_rule()
    address = f"{RULES}{rule.pk}/change/"
    assert "no data" in staff.get(address).content.decode()
    sample = look(130, moment=timezone.now())
    assert "130 s of 1 looks; the limit is 100 s: bad" in staff.get(address).content.decode()
    type(sample).objects.update(oldest_seconds=7)
    assert "7.0 s of 1 looks; the limit is 100 s: fine" in staff.get(address).content.decode()
    AlertRule.objects.update(minimum=5)
    assert "too few to tell" in staff.get(address).content.decode()
    assert not Alert.objects.exists()


@pytest.mark.parametrize(
    ("changed", "field", "words"),
    [
        ({"threshold": ""}, "threshold", "name one"),
        ({"threshold": "-1"}, "threshold", "At least 0"),
        ({"metric": "accuracy", "threshold": "60"}, "threshold", "0.6 for 60 %"),
        ({"metric": "label_drift", "threshold": "", "direction": "below"}, "direction", "choose above"),
        ({"window_hours": "0"}, "window_hours", "greater than or equal to 1"),
        ({"window_hours": "9999"}, "window_hours", "less than or equal to 2160"),
        ({"minimum": "0"}, "minimum", "greater than or equal to 1"),
        ({"metric": "queue_age"}, "source", "not told apart by source"),
        ({"label": "3"}, "label", "not told apart by label"),
        ({"metric": "label_drift", "threshold": "", "label": "3"}, "label", "not told apart by label"),
        ({"opens_batch": "on"}, "opens_batch", "No label of a face"),
        ({"emails": "a@example.org, nobody"}, "emails", "nobody is no address"),
        ({"metric": "nonsense"}, "metric", "not one of the available choices"),
        ({"name": ""}, "name", "required"),
    ],
)
def test_faults_are_named(staff: Client, changed: dict[str, str], field: str, words: str) -> None:
    AlertRule.objects.all().delete()
    answer = staff.post(f"{RULES}add/", FIELDS | changed)
    assert answer.status_code == 200
    errors = answer.context["adminform"].form.errors
    assert list(errors) == [field]
    assert words in str(errors[field])
    assert not AlertRule.objects.exists()


def test_a_drift_needs_no_threshold(staff: Client) -> None:
    AlertRule.objects.all().delete()
    fields = FIELDS | {"metric": "brightness_drift", "threshold": "", "opens_batch": "on", "label": "3"}
    assert staff.post(f"{RULES}add/", fields).status_code == 302
    assert AlertRule.objects.get().threshold is None
    assert "above the reference" in staff.get(RULES).content.decode()


def test_alerts_are_read_only(staff: Client) -> None:
    make_rule()
    look(130)
    [alert] = check_alerts(now=NOW)
    for state, shown in (("open", True), ("resolved", False), ("", True)):
        assert (alert.text in staff.get(ALERTS, {"state": state} if state else {}).content.decode()) is shown
    assert alert.text in staff.get(f"{ALERTS}{alert.pk}/change/").content.decode()
    assert staff.get(f"{ALERTS}add/").status_code == 403
    assert staff.post(f"{ALERTS}{alert.pk}/delete/", {"post": "yes"}).status_code == 403
    assert Alert.objects.get() == alert


@pytest.mark.parametrize(("role", "status"), [("reviewer", 403), ("user", 302), (None, 302)])
def test_nobody_else(role: Role | None, status: int) -> None:
    rule = make_rule()
    visitor = enter(make_reviewer("eve", role)) if role else Client()
    for answer in (
        visitor.get(RULES), visitor.get(f"{RULES}{rule.pk}/change/"), visitor.post(f"{RULES}add/", FIELDS),
        visitor.get(ALERTS),
    ):  # fmt: skip
        assert answer.status_code == status
    assert AlertRule.objects.get() == rule


def test_lists_cost_no_more_queries(staff: Client, django_assert_max_num_queries: Any) -> None:
    look(130)
    for number in range(15):
        add_rule(f"Rule {number}", number)
    check_alerts(now=NOW)
    for address in (RULES, ALERTS):
        staff.get(address)
        with django_assert_max_num_queries(12):
            assert staff.get(address).status_code == 200


def test_the_rules_to_begin_with_are_sound() -> None:
    rules = list(AlertRule.objects.all())
    assert {rule.metric for rule in rules} == set(Metric.values)
    for rule in rules:
        rule.full_clean()
        assert rule.enabled
        assert rule.opens_batch <= rule.kind.is_about_answers
    make_user()
    assert check_alerts(now=NOW) == []  # an empty site has nothing to report


def test_the_database_wants_a_threshold() -> None:
    from django.db import IntegrityError, transaction

    with pytest.raises(IntegrityError), transaction.atomic():
        make_rule("accuracy", None)
    with pytest.raises(ValidationError):
        AlertRule(name="x", metric="accuracy", direction="below").full_clean()
