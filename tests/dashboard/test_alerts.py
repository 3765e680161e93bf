"""Alerts: one for each episode, with a mail when it opens and when it is resolved, whatever goes wrong beside."""

import threading
from typing import Any

import pytest
from django.core import mail
from django.db import IntegrityError, connection, transaction

from dashboard import tasks
from dashboard.alerts import episodes
from dashboard.alerts.episodes import check_alerts, check_alerts_now
from dashboard.figures import measures
from dashboard.models import Alert, AlertRule, Replay
from tests.dashboard.alerting import DAY, HOUR, MINUTE, NOW, add_rule, look, make_rule


@pytest.mark.django_db
def test_fires_once_and_is_resolved_once() -> None:
    rule = make_rule(name="Photos wait")
    look(130)
    [alert] = check_alerts(now=NOW)
    assert (alert.rule, alert.value, alert.threshold, alert.n, alert.opened_at) == (rule, 130, 100, 1, NOW)
    assert (alert.window_start, alert.window_end) == (NOW.replace(hour=11, minute=0), NOW)
    assert alert.text == "Wait of the oldest photo: 130 s, above 100 s (at the last look)."
    [opened] = mail.outbox
    assert (opened.subject, opened.to) == ("[fersite] alert: Photos wait", ["ops@example.org"])
    assert alert.text in str(opened.body)

    look(150, moment=NOW + 5 * MINUTE)
    assert check_alerts(now=NOW + 5 * MINUTE) == []
    alert.refresh_from_db()
    assert (alert.value, alert.last_value, alert.emailed_at) == (130, 150, NOW)
    assert (Alert.objects.count(), len(mail.outbox)) == (1, 1)

    look(10, moment=NOW + 10 * MINUTE)
    assert check_alerts(now=NOW + 10 * MINUTE) == [alert]
    assert check_alerts(now=NOW + 11 * MINUTE) == []
    alert.refresh_from_db()
    assert (alert.resolved_at, alert.last_value) == (NOW + 10 * MINUTE, 10)
    assert [sent.subject for sent in mail.outbox[1:]] == ["[fersite] resolved: Photos wait"]
    assert "after 10 min. It is 10 s now." in str(mail.outbox[1].body)

    look(200, moment=NOW + 15 * MINUTE)  # another episode
    [again] = check_alerts(now=NOW + 15 * MINUTE)
    assert again != alert
    assert len(mail.outbox) == 3


@pytest.mark.django_db
def test_hovering_at_the_threshold_is_one_episode() -> None:
    make_rule()
    for number, oldest in enumerate([101, 99, 101, 96, 101]):
        moment = NOW + 5 * number * MINUTE
        look(oldest, moment=moment)
        check_alerts(now=moment)
    assert [alert.resolved_at for alert in Alert.objects.all()] == [None]
    look(95, moment=NOW + 30 * MINUTE)
    assert len(check_alerts(now=NOW + 30 * MINUTE)) == 1


@pytest.mark.parametrize(
    ("metric", "direction", "limit", "value", "fine"),
    [
        ("accuracy", "below", 0.6, 0.61, False),
        ("accuracy", "below", 0.6, 0.62, True),
        ("accuracy", "below", 0.98, 0.985, True),  # it can come back though there is little room
        ("failure_share", "above", 0.1, 0.097, False),
        ("failure_share", "above", 0.1, 0.094, True),
        ("failure_share", "above", 0.0, 0.0, True),
        ("p95_seconds", "above", 30.0, 29.0, False),
        ("p95_seconds", "above", 30.0, 28.0, True),
    ],
)
def test_margin(metric: str, direction: str, limit: float, value: float, fine: bool) -> None:
    rule = AlertRule(metric=metric, direction=direction, threshold=limit)
    assert episodes.is_fine(rule, value, limit) is fine
    assert not episodes.is_bad(rule, value, limit)


@pytest.mark.django_db
def test_too_little_data_neither_fires_nor_resolves() -> None:
    make_rule(minimum=2)
    look(130)
    assert check_alerts(now=NOW) == []
    look(130, moment=NOW + MINUTE)
    assert len(check_alerts(now=NOW + MINUTE)) == 1
    assert check_alerts(now=NOW + DAY) == []  # nothing at all
    look(5, moment=NOW + DAY)
    assert check_alerts(now=NOW + DAY) == []  # one look
    assert Alert.objects.open().get().last_value == 130
    look(5, moment=NOW + DAY + MINUTE)
    assert len(check_alerts(now=NOW + DAY + MINUTE)) == 1


@pytest.mark.django_db
def test_switching_a_rule_off_resolves_its_alert() -> None:
    rule = make_rule()
    look(130)
    check_alerts(now=NOW)
    AlertRule.objects.filter(pk=rule.pk).update(enabled=False)
    assert len(check_alerts(now=NOW + MINUTE)) == 1
    assert "The rule was switched off." in str(mail.outbox[1].body)
    look(500, moment=NOW + 5 * MINUTE)
    assert check_alerts(now=NOW + 5 * MINUTE) == []


@pytest.mark.django_db
def test_a_rule_that_fails_does_not_silence_the_others(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    broken = make_rule()
    rule = add_rule("Another")
    look(130)
    read = measures.read_metric

    def fail(*, rule: AlertRule, now: Any) -> Any:
        if rule == broken:
            raise ValueError("a broken measure")
        return read(rule=rule, now=now)

    monkeypatch.setattr(episodes, "read_metric", fail)
    assert [alert.rule for alert in check_alerts(now=NOW)] == [rule]
    assert f"rule {broken.pk} could not be checked" in caplog.text


@pytest.mark.django_db
def test_no_second_open_alert_of_a_rule() -> None:
    make_rule()
    look(130)
    [alert] = check_alerts(now=NOW)
    alert.pk = None
    with pytest.raises(IntegrityError), transaction.atomic():
        alert.save()


@pytest.mark.django_db(transaction=True)
def test_two_checks_at_once_open_one_alert_and_send_one_mail() -> None:
    make_rule()
    look(130)
    together = threading.Barrier(4)

    def check() -> None:
        together.wait(10)
        try:
            check_alerts(now=NOW)
        finally:
            connection.close()

    threads = [threading.Thread(target=check) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert Alert.objects.count() == 1
    assert len(mail.outbox) == 1


@pytest.mark.django_db
def test_while_the_past_is_replayed_the_present_is_not_checked() -> None:
    make_rule("worker_silent", 0)
    replay = Replay.objects.create(first_day=NOW, last_day=NOW)
    from django.utils import timezone

    look(0, alive=False, moment=timezone.now())
    assert check_alerts_now() == []
    assert tasks.check_alerts() == 0
    Replay.objects.filter(pk=replay.pk).update(started_at=timezone.now() - 7 * HOUR)  # it was cut off
    assert tasks.check_alerts() == 1
