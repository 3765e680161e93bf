"""Mails about alerts: sent once to whoever should know, and again while the server is down, but not for ever."""

from typing import Any

import pytest
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend

from accounts.roles import set_role
from dashboard.alerts.episodes import check_alerts
from dashboard.models import Alert
from tests.dashboard.alerting import DAY, MINUTE, NOW, add_rule, look, make_rule
from tests.factories import make_user

SERVER = "django.core.mail.backends.locmem.EmailBackend"
DEAD_SERVER = "tests.dashboard.test_notices.DeadBackend"


class DeadBackend(EmailBackend):
    """A mail server that is not there."""

    def open(self) -> bool:
        raise ConnectionRefusedError("no mail server")


@pytest.mark.django_db
def test_mail_server_down_is_tried_again(settings: Any, caplog: pytest.LogCaptureFixture) -> None:
    make_rule()
    look(130)
    settings.EMAIL_BACKEND = DEAD_SERVER
    assert len(check_alerts(now=NOW)) == 1
    assert Alert.objects.get().emailed_at is None
    assert "mails about 1 alerts wait: no mail server" in caplog.text
    settings.EMAIL_BACKEND = SERVER
    assert check_alerts(now=NOW + MINUTE) == []
    assert check_alerts(now=NOW + 2 * MINUTE) == []
    assert [sent.subject for sent in mail.outbox] == ["[fersite] alert: A rule"]
    assert Alert.objects.get().emailed_at == NOW + MINUTE


@pytest.mark.django_db
def test_over_before_anybody_heard_of_it_is_one_mail(settings: Any) -> None:
    make_rule()
    settings.EMAIL_BACKEND = DEAD_SERVER
    look(130)
    check_alerts(now=NOW)
    look(1, moment=NOW + MINUTE)
    check_alerts(now=NOW + MINUTE)
    settings.EMAIL_BACKEND = SERVER
    check_alerts(now=NOW + 2 * MINUTE)
    check_alerts(now=NOW + 3 * MINUTE)
    assert [sent.subject for sent in mail.outbox] == ["[fersite] resolved: A rule"]
    alert = Alert.objects.get()
    assert alert.emailed_at == alert.resolution_emailed_at == NOW + 2 * MINUTE


@pytest.mark.django_db
def test_one_refused_address_does_not_hold_up_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    make_rule(name="First", emails="gone@example.org")
    add_rule("Second", emails="b@example.org")
    look(130)
    send = EmailBackend.send_messages

    def refuse(self: EmailBackend, messages: Any) -> int:
        if messages[0].to == ["gone@example.org"]:
            raise OSError("mailbox unavailable")
        return send(self, messages)

    monkeypatch.setattr(EmailBackend, "send_messages", refuse)
    check_alerts(now=NOW)
    assert [sent.to for sent in mail.outbox] == [["b@example.org"]]
    assert Alert.objects.get(emailed_at=None).rule.name == "First"


@pytest.mark.django_db
def test_without_addresses_staff_gets_the_mail() -> None:
    make_rule(emails="")
    look(130)
    check_alerts(now=NOW)
    assert mail.outbox == []  # nobody yet: it waits
    for name, role in (("sue", "staff"), ("ruth", "reviewer"), ("una", "user")):
        set_role(user=make_user(name), role=role)  # type: ignore[arg-type]
    make_user("root", is_superuser=True)
    gone = make_user("gone", is_active=False)
    set_role(user=gone, role="staff")
    check_alerts(now=NOW + MINUTE)
    assert mail.outbox[0].to == ["root@example.org", "sue@example.org"]


@pytest.mark.django_db
def test_no_mail_about_what_was_long_ago(settings: Any) -> None:
    make_rule()
    look(130)
    settings.EMAIL_BACKEND = DEAD_SERVER
    check_alerts(now=NOW)
    settings.EMAIL_BACKEND = SERVER
    check_alerts(now=NOW + 8 * DAY)
    assert mail.outbox == []
