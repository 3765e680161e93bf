"""/metrics: staff tokens and the environment's open it, nothing else does; the gauges say what the rows say."""

import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError
from django.test import Client
from django.utils import timezone
from prometheus_client import generate_latest
from rest_framework.authtoken.models import Token

from accounts.roles import Role, set_role
from classifier.models import TrainingRun, Upload
from classifier.serving.heartbeat import beat_once
from dashboard.alerts.episodes import check_alerts
from dashboard.api import prometheus
from dashboard.rollups.hours import roll_up
from dashboard.rollups.queue import sample_queue
from fersite.checks import check_settings
from tests.dashboard.alerting import DAY, look, make_rule, show_face
from tests.factories import make_upload, make_user
from tests.reviews import enter, make_reviewer

pytestmark = pytest.mark.django_db
SECRET = "metrics-0123456789-abcdefghij"
GAUGE = re.compile(r"^(fersite_\w+)(?:\{version=\"(.*)\"\})? (\S+)$", re.M)


def ask(token: str = "", kind: str = "Bearer") -> Any:
    return Client().get("/metrics", headers={"Authorization": f"{kind} {token}"} if token else {})


def make_token(role: Role) -> str:
    user = make_user(f"token-{role}")
    set_role(user=user, role=role)
    key: str = Token.objects.create(user=user).key
    return key


def read_gauges(settings: Any) -> dict[tuple[str, str], float]:
    settings.FERSITE_METRICS_TOKEN = SECRET
    answer = ask(SECRET)
    assert answer.status_code == 200
    return {(name, label): float(value) for name, label, value in GAUGE.findall(answer.content.decode())}


def test_staff_s_token_opens_it() -> None:
    answer = ask(make_token("staff"))
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("text/plain; version=0.0.4")
    assert "no-store" in answer["Cache-Control"]
    assert "# TYPE fersite_uploads_pending gauge" in answer.content.decode()
    assert "django_http_requests_before_middlewares_total" in answer.content.decode()


def test_the_environment_s_token_opens_it(settings: Any) -> None:
    settings.FERSITE_METRICS_TOKEN = SECRET
    assert ask(SECRET).status_code == 200
    assert ask(SECRET, "bearer").status_code == 200


@pytest.mark.parametrize("role", ["user", "reviewer"])
def test_other_people_s_tokens_do_not(role: Role) -> None:
    answer = ask(make_token(role))
    assert answer.status_code == 403
    assert "fersite_" not in answer.content.decode()


@pytest.mark.parametrize(
    ("token", "kind"),
    [("", "Bearer"), ("nonsense", "Bearer"), (SECRET + "x", "Bearer"), (SECRET[:-1], "Bearer"), (SECRET, "Token"),
     (SECRET, "Basic"), ("\xfc" * 40, "Bearer"), ("a b", "Bearer")],
)  # fmt: skip
def test_nothing_else_does(settings: Any, token: str, kind: str) -> None:
    settings.FERSITE_METRICS_TOKEN = SECRET
    answer = ask(token, kind)
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == "Bearer"
    assert "fersite_" not in answer.content.decode()


def test_without_a_token_in_the_environment_an_empty_one_is_none(settings: Any) -> None:
    settings.FERSITE_METRICS_TOKEN = ""
    assert Client().get("/metrics", headers={"Authorization": "Bearer "}).status_code == 401
    assert Client().get("/metrics", headers={"Authorization": "Bearer"}).status_code == 401


def test_a_session_is_no_token() -> None:
    assert enter(make_reviewer("sue", "staff")).get("/metrics").status_code == 401


def test_a_blocked_account_s_token_is_dead() -> None:
    token = make_token("staff")
    Token.objects.get(key=token).user.__class__.objects.update(is_active=False)
    assert ask(token).status_code == 401


def test_only_reading(settings: Any) -> None:
    settings.FERSITE_METRICS_TOKEN = SECRET
    assert Client().post("/metrics", headers={"Authorization": f"Bearer {SECRET}"}).status_code == 405


def test_gauges_of_an_empty_site(settings: Any) -> None:
    found = read_gauges(settings)
    assert found["fersite_uploads_pending", ""] == found["fersite_worker_alive", ""] == 0
    assert not {name for name, _ in found} & {"fersite_reviewed_accuracy", "fersite_champion_info"}


def test_gauges_say_what_the_rows_say(settings: Any) -> None:
    now, ada = timezone.now(), make_user()
    faces = [show_face(ada, moment=now - age * DAY, label=3) for age in (1, 1, 2, 2, 40)]
    for face, truth in zip(faces, (3, 3, 3, 1, 1), strict=True):
        face.corrections.create(
            author=ada, answer=truth, final_label=truth, state="approved", asked="random", reviewed_at=now,
            prediction=face.predictions.get(),
        )  # fmt: skip
    roll_up()
    make_upload(ada, 1000, "pending")
    Upload.objects.filter(status="pending").update(created_at=now - timedelta(seconds=90))
    make_rule()
    look(500, moment=now)
    check_alerts(now=now)
    TrainingRun.objects.create(trigger="button")
    beat_once()
    found = read_gauges(settings)
    assert found["fersite_uploads_pending", ""] == 1
    assert 90 <= found["fersite_uploads_oldest_pending_seconds", ""] < 100
    assert found["fersite_worker_alive", ""] == 1
    assert found["fersite_champion_info", "1.0.0"] == 1
    assert found["fersite_predictions_total", "1.0.0"] == 5
    assert found["fersite_reviewed_accuracy", ""] == 0.75
    assert found["fersite_reviewed_faces", ""] == 4
    assert found["fersite_open_alerts", ""] == 1
    assert found["fersite_rollups_stale_hours", ""] >= 1
    assert found["fersite_training_active", ""] == 1
    assert 0 <= found["fersite_queue_sample_age_seconds", ""] < 130


def test_a_constant_number_of_queries(settings: Any, django_assert_num_queries: Any) -> None:
    settings.FERSITE_METRICS_TOKEN = SECRET
    with django_assert_num_queries(9):
        assert ask(SECRET).status_code == 200
    ada = make_user()
    for days in range(20):
        show_face(ada, moment=timezone.now() - days * DAY)
    roll_up()
    sample_queue(now=timezone.now())
    with django_assert_num_queries(9):
        assert ask(SECRET).status_code == 200


def test_without_the_database_the_processes_still_speak(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.FERSITE_METRICS_TOKEN = SECRET

    def fail(**kwargs: Any) -> None:
        raise DatabaseError("gone")

    monkeypatch.setattr(prometheus, "look_at_queue", fail)
    answer = ask(SECRET)
    assert answer.status_code == 200
    assert b"django_http_requests" in answer.content
    assert b"fersite_uploads_pending" not in answer.content


def test_a_client_s_own_methods_are_one_figure(settings: Any) -> None:
    settings.FERSITE_METRICS_TOKEN = SECRET
    for number in range(3):
        Client().generic(f"METHOD{number}", "/accounts/login/")
    text = ask(SECRET).content.decode()
    assert 'method="<invalid method>"' in text
    assert "METHOD1" not in text


def test_a_bad_length_is_the_view_s_to_refuse() -> None:
    assert Client().generic("GET", "/accounts/login/", CONTENT_LENGTH="long").status_code == 200


def test_all_web_processes_are_summed_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = "from prometheus_client import Counter; Counter('requests_of_a_test', 'x').inc(2)"
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    for _ in range(2):
        subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
    assert b"requests_of_a_test_total 4.0" in generate_latest(prometheus.collect_processes())


@pytest.mark.parametrize(("token", "number"), [("", 0), ("short", 1), (SECRET, 0)])
def test_a_short_token_is_an_error(settings: Any, token: str, number: int) -> None:
    settings.FERSITE_METRICS_TOKEN = token
    assert [error.id for error in check_settings()] == ["fersite.E004"] * number
