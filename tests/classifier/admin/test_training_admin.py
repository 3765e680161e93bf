"""Staff start, watch and cancel runs, and change what serves, in admin; nobody else does."""

import re
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.contrib.admin.models import LogEntry
from django.test import Client
from django_celery_beat.models import CrontabSchedule, PeriodicTask

from accounts.models import User
from accounts.roles import Role, set_role
from classifier.models import Label, Promotion, Sample, TrainingRun, Version
from classifier.training.gate import record_decision
from classifier.training.registry import promote_version
from ml.artifacts import default_artifact, load_artifact
from tests.factories import make_user, make_version

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff() -> User:
    return make_member("boss", "staff")


def make_member(name: str, role: Role) -> User:
    person = make_user(name)
    set_role(user=person, role=role)
    return person


def enter(person: User | None) -> Client:
    client = Client()
    if person:
        client.force_login(person)
    return client


@pytest.fixture
def ready() -> Version:
    """A dataset and a champion: a run could start."""
    for number, split in enumerate(("train", "test")):
        Sample.objects.create(
            split=split, label=1, sha256=f"{number:064x}", key=f"k{number}", source="fer2013", source_name=str(number)
        )
    return make_version("1")


START = "/admin/classifier/trainingrun/start/"


def test_a_run_is_started_watched_and_cancelled(staff: User, ready: Version) -> None:
    client = enter(staff)
    listed = client.get("/admin/classifier/trainingrun/")
    assert "0 approved answers from 0 people wait" in listed.content.decode()
    page = client.post(START, {"mode": "fine_tune", "epochs": "2"}, follow=True)
    run = TrainingRun.objects.get()
    assert (run.state, run.trigger, run.options, run.requested_by) == ("queued", "button", {"epochs": 2}, staff)
    assert page.request["PATH_INFO"] == f"/admin/classifier/trainingrun/{run.pk}/change/"

    TrainingRun.objects.update(
        stage="training", progress={"epoch": 1, "epochs": 2, "loss": 1.25, "share": 0.25, "seconds_left": 130}
    )
    seen = client.get(f"/admin/classifier/trainingrun/{run.pk}/progress/").json()
    assert seen == {
        "state": "queued", "active": True, "share": 0.25,
        "words": "training, epoch 1 of 2, loss 1.250, about 2 min left",
    }  # fmt: skip
    line = {"epoch": 1, "loss": 1.5, "accuracy": 0.25, "val_loss": 1.75, "val_accuracy": 0.125}
    TrainingRun.objects.update(log=[line])
    watched = client.get(f"/admin/classifier/trainingrun/{run.pk}/change/").content.decode()
    assert "<td>1</td><td>1.500</td><td>0.250</td><td>1.750</td><td>0.125</td>" in watched
    assert "Cancel this run" in watched
    again = client.post(START, {"mode": "fine_tune"}, follow=True)
    assert "Another run waits" in again.content.decode()
    client.post(f"/admin/classifier/trainingrun/{run.pk}/cancel/")
    run.refresh_from_db()
    assert (run.state, run.reason, run.stage) == ("cancelled", "Cancelled by boss.", "")
    TrainingRun.objects.update(stage="training")  # left by whoever ended it: it does not train
    ended = client.get(f"/admin/classifier/trainingrun/{run.pk}/progress/").json()
    assert (ended["words"], ended["active"]) == ("Cancelled", False)


@pytest.mark.filterwarnings("ignore::celery.exceptions.CDeprecationWarning")  # the form lists every task
def test_staff_moves_the_nightly_check(staff: User) -> None:
    client, check = enter(staff), PeriodicTask.objects.get(name="check-retraining")
    assert "/admin/django_celery_beat/periodictask/" in client.get("/admin/classifier/trainingrun/").content.decode()
    assert "check-retraining" in client.get("/admin/django_celery_beat/periodictask/").content.decode()
    page = client.get(f"/admin/django_celery_beat/periodictask/{check.pk}/change/").content.decode()
    assert 'name="_save"' in page
    form = client.get(f"/admin/django_celery_beat/periodictask/{check.pk}/change/").context["adminform"].form
    later = CrontabSchedule.objects.create(hour="4", minute="15")
    given = {name: form[name].value() for name in form.fields if form[name].value() is not None}
    given |= {"crontab": later.pk, "expires_0": "", "expires_1": "", "start_time_0": "", "start_time_1": ""}
    client.post(f"/admin/django_celery_beat/periodictask/{check.pk}/change/", given)
    check.refresh_from_db()
    assert (check.crontab, check.enabled, check.task) == (later, True, "classifier.tasks.check_retraining")
    assert check.name not in django_settings.CELERY_BEAT_SCHEDULE  # which beat writes over what staff chose
    reviewer = enter(make_member("rita", "reviewer"))
    assert reviewer.get("/admin/django_celery_beat/periodictask/").status_code == 403


def test_an_obstacle_is_said(staff: User) -> None:
    assert "import_fer2013" in enter(staff).get("/admin/classifier/trainingrun/").content.decode()
    assert "import_fer2013" in enter(staff).post(START, {"mode": "fine_tune"}, follow=True).content.decode()


def test_one_click_promotes_and_rolls_back_with_a_reason(staff: User) -> None:
    client = enter(staff)
    first, second = make_version("1", state="candidate"), make_version("2", state="candidate")
    promote_version(version=first, reason="first")
    act = f"/admin/classifier/version/{second.pk}/act"
    assert "Say why" in client.post(f"{act}/promote/", {"reason": " "}, follow=True).content.decode()
    client.post(f"{act}/promote/", {"reason": "better by far"})
    assert Version.objects.get(state="champion") == second
    page = client.get(f"/admin/classifier/version/{second.pk}/change/").content.decode()
    assert "Roll back to 1" in page
    client.post(f"{act}/rollback/", {"reason": "worse after all"})
    assert Version.objects.get(state="champion") == first
    last = Promotion.objects.first()
    assert last is not None
    assert (last.actor, last.kind, last.reason) == (staff, "rolled_back", "worse after all")


def test_a_second_click_rolls_nothing_back(staff: User) -> None:
    """Nor does a page that shows a champion of before: another step back would be one that nobody asked for."""
    client = enter(staff)
    first, second, third = (make_version(name, state="candidate") for name in "123")
    for version in (first, second, third):
        promote_version(version=version, reason="next")
    act = f"/admin/classifier/version/{third.pk}/act/rollback/"
    client.post(act, {"reason": "worse"})
    assert "3 does not serve any more" in client.post(act, {"reason": "worse"}, follow=True).content.decode()
    assert Version.objects.get(state="champion") == second


def test_the_gates_report_is_readable(staff: User) -> None:
    recall = {"n": 9, "champion": 0.5, "candidate": 0.4, "difference": -0.1, "interval": [-0.3, 0.1]}
    network = {"accuracy": 0.7, "ece": 0.02, "nll": 0.8}
    figures = {"n": 35, "champion": network, "candidate": network, "difference": 0.0, "interval": [-0.01, 0.01]}
    report = {
        "champion": "1", "candidate": "2", "outcome": "waits", "trusted": None,
        "frozen": {**figures, "recall": {"fear": recall}},
        "checks": [{"name": "accuracy on the frozen set", "found": "+0.00", "limit": "at least -1", "passed": True}],
        "frozen_set": {"digest": "f" * 64, "used_before": 3},
    }  # fmt: skip
    decision = record_decision(
        candidate=make_version("2", state="candidate"), champion=make_version("1"), report=report
    )
    page = enter(staff).get(f"/admin/classifier/gatedecision/{decision.pk}/change/").content.decode()
    assert "recall of fear (n = 9)" in page
    assert "used 3 times before" in page
    assert "-0.1000 (-0.3000 to 0.1000)" in page
    # The candidate's own page has no other figures on a test set.
    listed = enter(staff).get("/admin/classifier/version/").content.decode()
    assert "70.0% (n = 35, at the gate)" in listed
    page = enter(staff).get(f"/admin/classifier/version/{decision.version_id}/change/").content.decode()
    assert '<th scope="row">frozen test set, at the gate</th><td>35</td><td>0.7000</td>' in page


def test_a_hand_rejection_says_who_and_why(staff: User) -> None:
    client, other = enter(staff), make_version("2", state="candidate")
    act = f"/admin/classifier/version/{other.pk}/act/reject/"
    for reason, words in (
        ("", "Say why"),
        (" ", "Say why"),
        ("a\0b", "Null characters are not allowed."),
        ("x" * 501, "at most 500"),
    ):
        assert words in client.post(act, {"reason": reason}, follow=True).content.decode()
    other.refresh_from_db()
    assert other.state == "candidate"
    page = client.post(act, {"reason": "learned from <spam>"}, follow=True).content.decode()
    assert "Rejected: this version will never serve." in page
    assert "Running workers" not in page
    assert "This version was rejected and cannot serve" in page
    assert "Rejected by boss, " in page
    assert ": learned from &lt;spam&gt;</p>" in page
    assert "learned from" in client.get(f"/admin/classifier/version/{other.pk}/history/").content.decode()
    other.refresh_from_db()
    assert other.state == "rejected"
    assert "is no candidate" in client.post(act, {"reason": "again"}, follow=True).content.decode()
    assert LogEntry.objects.count() == 1


def test_who_rejected_a_version(staff: User) -> None:
    """The gate only where it did; of hands that rejected before reasons were kept, nothing is known."""
    client, other, unknown = enter(staff), make_version("2", state="candidate"), make_version("3", state="rejected")
    report = {"outcome": "rejected", "frozen_set": {"digest": "f" * 64, "used_before": 0}}
    record_decision(candidate=other, champion=make_version("1"), report=report)
    page = client.get(f"/admin/classifier/version/{other.pk}/change/").content.decode()
    assert "This version was rejected at the gate and cannot serve" in page
    assert "Rejected by" not in page
    page = client.get(f"/admin/classifier/version/{unknown.pk}/change/").content.decode()
    assert "This version was rejected and cannot serve" in page
    assert "by whom and why was not kept" in page


def test_a_versions_figures_are_readable(staff: User) -> None:
    version, bare = make_version("1"), make_version("2", state="candidate")
    version.metrics = load_artifact(default_artifact()).metrics
    version.card = {"note": "<b>"}
    version.save()
    page = enter(staff).get(f"/admin/classifier/version/{version.pk}/change/").content.decode()
    test = version.metrics["test"]
    assert f"<td>{test['n']}</td><td>{test['accuracy']:.4f} (" in page
    assert f"<td>{test['macro_f1']:.4f}</td><td>{test['ece']:.4f}</td><td>{test['nll']:.4f}</td>" in page
    rows = re.findall(r'<th scope="row">(\w+)</th><td>[\d.]+</td><td>([\d.]+)</td><td>[\d.]+</td></tr>', page)
    recalls = [f"{test['per_class'][label]['recall']:.4f}" for label in Label.labels]
    assert list(zip(Label.labels, recalls, strict=True)) == rows[:7]
    assert "&quot;note&quot;: &quot;&lt;b&gt;&quot;" in page
    assert "None were measured." in enter(staff).get(f"/admin/classifier/version/{bare.pk}/change/").content.decode()


def test_what_is_no_action(staff: User, ready: Version) -> None:
    assert enter(staff).post(f"/admin/classifier/version/{ready.pk}/act/eat/", {"reason": "x"}).status_code == 404


def test_a_shadow_is_chosen_and_dismissed(staff: User) -> None:
    client, other = enter(staff), make_version("2", state="candidate")
    act = f"/admin/classifier/version/{other.pk}/act"
    page = client.post(f"{act}/shadow/", {"reason": ""}, follow=True).content.decode()
    assert "From now on it answers silently beside the champion." in page
    assert "Running workers" not in page
    assert Version.objects.shadows().get() == other
    client.post(f"{act}/unshadow/")
    assert not Version.objects.shadows().exists()


@pytest.mark.parametrize("role", ["reviewer", "user", None])
def test_nobody_else_may(role: Role | None, ready: Version) -> None:
    client = enter(make_member("eve", role) if role else None)
    run, other = TrainingRun.objects.create(trigger="button"), make_version("2", state="candidate")
    refused: list[Any] = [
        client.post(START, {"mode": "fine_tune"}),
        client.post(f"/admin/classifier/trainingrun/{run.pk}/cancel/"),
        client.get(f"/admin/classifier/trainingrun/{run.pk}/progress/"),
        client.get("/admin/classifier/trainingrun/"),
        client.get("/admin/classifier/gatedecision/"),
        *(client.post(f"/admin/classifier/version/{other.pk}/act/{what}/", {"reason": "x"})
          for what in ("promote", "rollback", "reject", "shadow")),
    ]  # fmt: skip
    # Admin asks for another login, or says no.
    assert all(answer.status_code == (403 if role == "reviewer" else 302) for answer in refused)
    run.refresh_from_db()
    other.refresh_from_db()
    assert (run.state, run.cancel_asked, other.state, other.is_shadow) == ("queued", False, "candidate", False)
    assert TrainingRun.objects.count() == 1


def test_reading_changes_nothing(staff: User, ready: Version) -> None:
    client = enter(staff)
    run = TrainingRun.objects.create(trigger="button")
    assert client.get(START).status_code == 403
    assert client.get(f"/admin/classifier/trainingrun/{run.pk}/cancel/").status_code == 403
    assert client.get(f"/admin/classifier/version/{ready.pk}/act/promote/").status_code == 403


def test_more_runs_cost_no_more_queries(staff: User, django_assert_max_num_queries: Any) -> None:
    champion, client = make_version("1"), enter(staff)
    report = {"outcome": "waits", "frozen_set": {"digest": "f" * 64, "used_before": 0}}
    for number in range(12):
        version = make_version(f"run-{number:02d}", state="candidate")
        record_decision(candidate=version, champion=champion, report=report)
        TrainingRun.objects.create(trigger="nightly", state="done", version=version, champion=champion)
    with django_assert_max_num_queries(16):
        assert client.get("/admin/classifier/trainingrun/").status_code == 200
