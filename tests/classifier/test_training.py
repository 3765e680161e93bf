"""Training runs: from a request to a candidate at the gate; cancelled, lost, skipped and failed ones leave no harm."""

import itertools
import time
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.models import User
from classifier import runs, snapshots, training
from classifier.dataset import choose_split, import_fer2013
from classifier.models import GateDecision, Sample, TrainingRun, Upload, Version
from classifier.registry import find_champion, register_version
from classifier.review import approve_answer
from classifier.snapshots import take_snapshot
from classifier.training import execute_run, find_folder
from tests.factories import make_answer_with_crop, make_user, make_version
from tests.ml.drawing import draw_crop
from tests.tiny import GENEROUS_GATE, tiny_archive_of, train_tiny_network
from tests.workers import start_worker, stop_worker

LENIENT: dict[str, Any] = {name: str(value) for name, value in GENEROUS_GATE.items()}
SHORT = {"epochs": 2, "batch_size": 64}


@pytest.fixture
def champion(transactional_db: None, settings: Any) -> Version:
    """The tiny network serves, and the dataset holds what it learned from."""
    for name, value in GENEROUS_GATE.items():
        setattr(settings, name, value)
    network = train_tiny_network()
    import_fer2013(path=tiny_archive_of(network))
    return register_version(path=network, promote=True, reason="first")


@pytest.fixture
def staff(transactional_db: None) -> User:
    return make_user("staff")


def ask(staff: User, **options: Any) -> TrainingRun:
    return runs.request_run(trigger="button", options={**SHORT, **options}, requested_by=staff)


@pytest.mark.tensorflow
@pytest.mark.slow
def test_a_run_ends_with_a_candidate_that_waits_for_staff(champion: Version, staff: User) -> None:
    run = ask(staff)
    execute_run(run.pk)
    run.refresh_from_db()
    assert (run.state, run.reason) == ("done", "")
    assert [line["epoch"] for line in run.log] == [1, 2]
    assert run.progress["share"] == 1.0
    assert run.snapshot is not None
    assert (run.snapshot.size, run.champion) == (245, champion)
    candidate = run.version
    assert candidate is not None
    assert (candidate.state, candidate.parent, candidate.snapshot) == ("candidate", champion, run.snapshot)
    decision = GateDecision.objects.get(version=candidate)
    # Nobody has corrected anything, so staff must decide.
    assert (decision.outcome, decision.report["frozen"]["n"], decision.report["trusted"]) == ("waits", 35, None)
    assert decision.report["frozen_set"]["used_before"] == 0
    assert find_champion() == champion
    assert not find_folder(run).exists()
    execute_run(run.pk)  # delivered again: nothing happens
    assert Version.objects.count() == 2


@pytest.mark.tensorflow
def test_a_run_that_is_cancelled_makes_no_version(champion: Version, staff: User) -> None:
    run = ask(staff, epochs=50)
    runs.cancel_run(run=run, actor=staff)
    run.refresh_from_db()
    assert (run.state, run.reason) == ("cancelled", "Cancelled by staff.")
    with pytest.raises(runs.RunError, match="ended already"):
        runs.cancel_run(run=run, actor=staff)

    second = ask(staff, epochs=50)
    TrainingRun.objects.filter(pk=second.pk).update(cancel_asked=True)
    execute_run(second.pk)
    second.refresh_from_db()
    assert second.state == "cancelled"
    assert (Version.objects.count(), find_champion()) == (1, champion)


@pytest.mark.tensorflow
def test_a_run_that_is_cancelled_while_it_is_measured_promotes_nothing(
    champion: Version, staff: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = ask(staff, epochs=1)

    def measure_and_cancel(**given: Any) -> dict[str, Any]:
        runs.cancel_run(run=run, actor=staff)
        return {"outcome": "promoted", "frozen_set": {"digest": "f" * 64, "used_before": 0}}

    monkeypatch.setattr(training, "measure_candidate", measure_and_cancel)
    execute_run(run.pk)
    run.refresh_from_db()
    assert (run.state, run.reason) == ("cancelled", "Cancelled by staff.")
    assert find_champion() == champion
    assert not GateDecision.objects.exists()
    assert not find_folder(run).exists()


@pytest.mark.tensorflow
@pytest.mark.slow
def test_a_killed_worker_costs_one_epoch_at_most(champion: Version, staff: User) -> None:
    worker = start_worker(queue="training", **LENIENT, FERSITE_TRAINING_LEASE_SECONDS="3")
    try:
        run = ask(staff, epochs=25)
        wait_until(lambda: len(TrainingRun.objects.get(pk=run.pk).log) >= 3)
    finally:
        worker.kill()
        worker.wait()
    wait_until(lambda: TrainingRun.objects.lost(now=timezone.now()).exists(), seconds=20)
    assert find_champion() == champion
    before = TrainingRun.objects.get(pk=run.pk).log[-1]["epoch"]

    TrainingRun.objects.filter(pk=run.pk).update(created_at=timezone.now() - timedelta(minutes=5))
    worker = start_worker(queue="training", **LENIENT)
    try:
        assert runs.sweep_runs() == 1
        wait_until(lambda: not TrainingRun.objects.get(pk=run.pk).is_active, seconds=200)
    finally:
        stop_worker(worker)
    run.refresh_from_db()
    assert (run.state, run.reason, run.attempts) == ("done", "", 2)
    epochs = [line["epoch"] for line in run.log]
    assert epochs[-1] == 25
    assert before <= epochs[3:].index(25) + 4 <= 26  # at most one epoch was trained twice
    assert run.version is not None


@pytest.mark.tensorflow
def test_an_outage_costs_no_training(champion: Version, staff: User, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(**given: Any) -> Any:
        raise EndpointConnectionError(endpoint_url="the bucket")

    run = ask(staff, epochs=1)
    with monkeypatch.context() as patch:
        patch.setattr(training, "register_version", fail)
        execute_run(run.pk)
    run.refresh_from_db()
    assert (run.state, run.stage, run.reason) == ("queued", "waiting to go on", "")
    assert (find_folder(run) / "network.keras").exists()
    with monkeypatch.context() as patch:
        patch.setattr(training, "measure_candidate", fail)
        execute_run(run.pk)
    execute_run(run.pk)
    run.refresh_from_db()
    assert (run.state, run.reason, run.attempts) == ("done", "", 3)
    assert [line["epoch"] for line in run.log] == [1]
    assert GateDecision.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_run_that_meets_three_outages_fails_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(run: TrainingRun) -> None:
        raise EndpointConnectionError(endpoint_url="the bucket")

    monkeypatch.setattr(training, "_execute", fail)
    run = TrainingRun.objects.create(trigger="button")
    for attempt in (1, 2):
        execute_run(run.pk)
        run.refresh_from_db()
        assert (run.state, run.attempts) == ("queued", attempt)
    execute_run(run.pk)
    run.refresh_from_db()
    assert run.state == "failed"
    assert "Interrupted 3 times, at last: the bucket does not answer" in run.reason


@pytest.mark.django_db
def test_nothing_is_cancelled_while_the_gate_decides() -> None:
    until = timezone.now() + timedelta(minutes=1)
    run = TrainingRun.objects.create(trigger="button", state="running", stage="deciding", claimed_until=until)
    with pytest.raises(runs.RunError, match="the gate decides"):
        runs.cancel_run(run=run, actor=make_user())
    run.refresh_from_db()
    assert not run.cancel_asked


@pytest.mark.django_db
def test_a_run_that_kills_its_workers_fails_cleanly() -> None:
    run = TrainingRun.objects.create(
        trigger="button", state="running", attempts=3, claimed_until=timezone.now() - timedelta(seconds=1)
    )
    runs.sweep_runs()
    run.refresh_from_db()
    assert run.state == "failed"
    assert "lost 3 times" in run.reason


@pytest.mark.tensorflow
def test_an_impossible_option_fails_with_its_name(champion: Version, staff: User) -> None:
    run = ask(staff, colour="red")
    execute_run(run.pk)
    run.refresh_from_db()
    assert run.state == "failed"
    assert "colour" in run.reason
    assert find_champion() == champion


@pytest.mark.django_db
def test_one_run_at_a_time() -> None:
    TrainingRun.objects.create(trigger="button")
    with pytest.raises(IntegrityError), transaction.atomic():
        TrainingRun.objects.create(trigger="nightly")


@pytest.mark.django_db
def test_every_skip_says_why(settings: Any) -> None:
    settings.FERSITE_RETRAIN_SAMPLES = 2
    assert "Only 0 new samples" in runs.check_retraining().reason
    settings.FERSITE_RETRAIN_SAMPLES = 0
    assert "0 people; it takes 3" in runs.check_retraining().reason
    settings.FERSITE_RETRAIN_PEOPLE = 0
    assert "import_fer2013" in runs.check_retraining().reason
    make_sample("train", 1)
    assert "test split" in runs.check_retraining().reason
    make_sample("test", 2)
    assert "No version serves" in runs.check_retraining().reason
    make_version("1")
    assert runs.check_retraining().state == "queued"
    assert "Another run" in runs.check_retraining().reason
    assert TrainingRun.objects.filter(state="skipped").count() == 6


@pytest.mark.django_db
def test_what_waits_is_what_no_snapshot_listed() -> None:
    """A sample that was approved while the list was written, and so is older than the snapshot's row, waits, too."""
    reviewer = make_user("ruth")
    people = (make_user(f"person{number}") for number in itertools.count())
    learner = next(person for person in people if choose_split(person.pk) == "train")
    for number in range(2):
        crop = draw_crop(number, number)
        approve_answer(correction=make_answer_with_crop(learner, crop, number=number), reviewer=reviewer)
    late = Sample.objects.latest("pk")
    assert late.correction is not None
    shared = late.correction.face.upload
    Upload.objects.filter(pk=shared.pk).update(consent_training=False)
    snapshot = take_snapshot()
    assert snapshot.size == 1
    TrainingRun.objects.create(trigger="button", state="done", snapshot=snapshot)
    assert runs.count_waiting() == runs.Waiting(0, 0)
    Upload.objects.filter(pk=shared.pk).update(consent_training=True)
    assert late.created_at < snapshot.created_at
    assert runs.count_waiting() == runs.Waiting(1, 1)


@pytest.mark.django_db
def test_a_skip_says_that_the_bucket_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(key: str) -> bytes:
        raise EndpointConnectionError(endpoint_url="the bucket")

    make_sample("train", 1)
    TrainingRun.objects.create(trigger="button", state="done", snapshot=take_snapshot())
    monkeypatch.setattr(snapshots, "read_object", fail)
    assert "could not be counted: the bucket does not answer" in runs.check_retraining().reason


def make_sample(split: str, number: int) -> Sample:
    return Sample.objects.create(
        split=split, label=1, sha256=f"{number:064x}", key=f"k{number}", source="fer2013", source_name=f"{number}"
    )


def wait_until(done: Any, seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, "took too long"
        time.sleep(0.2)
