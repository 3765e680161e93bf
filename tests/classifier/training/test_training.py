"""Training runs: from a request to a candidate at the gate; cancelled, lost, skipped and failed ones leave no harm."""

import itertools
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from botocore.exceptions import EndpointConnectionError
from django.core.files.storage import default_storage
from django.db import IntegrityError, transaction
from django.utils import timezone
from s3transfer.exceptions import RetriesExceededError  # type: ignore[import-untyped]

from accounts.models import User
from classifier import jobs
from classifier.dataset import snapshots
from classifier.dataset.samples import choose_split, import_fer2013
from classifier.dataset.snapshots import take_snapshot
from classifier.models import GateDecision, Sample, TrainingRun, Upload, Version
from classifier.review.decisions import approve_answer
from classifier.serving.network import get_network
from classifier.training import execution, lease, runs
from classifier.training.execution import execute_run, find_folder
from classifier.training.gate import Faces, measure_candidate, record_decision
from classifier.training.registry import find_champion, register_version
from ml.artifacts import Artifact, load_artifact
from ml.fitting import Progress
from tests.factories import make_answer_with_crop, make_user, make_version
from tests.ml.drawing import draw_crop
from tests.tiny import GENEROUS_GATE, PATCHES, make_tiny_network, offer_patches, tiny_archive_of
from tests.workers import start_worker

LENIENT: dict[str, Any] = {name: str(value) for name, value in GENEROUS_GATE.items()}
# All faces in one batch: batches of two sizes would be traced twice.
SHORT = {"epochs": 2, "batch_size": 256}


@pytest.fixture
def champion(transactional_db: None, settings: Any) -> Version:
    """A network of one convolution serves, and the dataset holds what it was calibrated on."""
    return serve(make_tiny_network(), settings)


def serve(network: Path, settings: Any) -> Version:
    for name, value in GENEROUS_GATE.items():
        setattr(settings, name, value)
    import_fer2013(path=tiny_archive_of(network))
    return register_version(path=network, promote=True, reason="first")


@pytest.fixture
def staff(transactional_db: None) -> User:
    return make_user("staff")


def ask(staff: User, **options: Any) -> TrainingRun:
    return runs.request_run(trigger="button", options={**SHORT, **options}, requested_by=staff)


@pytest.mark.tensorflow
@pytest.mark.slow
def test_a_run_ends_with_a_candidate_that_waits_for_staff(staff: User, settings: Any) -> None:
    champion = serve(make_tiny_network("vgg-tiny"), settings)
    correct_one_face(staff)
    run = ask(staff)
    execute_run(run.pk)
    run.refresh_from_db()
    assert (run.state, run.reason) == ("done", "")
    assert [line["epoch"] for line in run.log] == [1, 2]
    assert run.progress["share"] == 1.0
    assert run.snapshot is not None
    assert (run.snapshot.size, run.snapshot.corrections, run.champion) == (246, 1, champion)
    candidate = run.version
    assert candidate is not None
    assert (candidate.state, candidate.parent, candidate.snapshot) == ("candidate", champion, run.snapshot)
    decision = GateDecision.objects.get(version=candidate)
    # Nobody has corrected anything, so staff must decide.
    assert (decision.outcome, decision.report["frozen"]["n"], decision.report["trusted"]) == ("waits", 35, None)
    assert decision.report["frozen_set"]["used_before"] == 0
    assert find_champion() == champion
    assert candidate.find_gate_figures().items() >= {"n": 35, **decision.report["frozen"]["candidate"]}.items()
    # The card says what it was made of, and claims nothing else.
    assert candidate.card["origin"] == {
        "dataset": f"{run.snapshot} of this site's dataset", "parent": "tiny", "networks": 1,
        "faces": 210, "corrections": 1, "epochs": 2,
    }  # fmt: skip
    assert candidate.card["data"]["name"].endswith("dataset (210 of FER-2013, 1 corrected by people)")
    assert "FER+" not in candidate.card["data"]["cleaned"]
    assert "members" not in candidate.card
    with default_storage.open(f"versions/{candidate.digest}/card.md") as card:
        assert b"\nFine-tuned from tiny, in 2 epochs.\n" in card.read()
    assert not find_folder(run).exists()
    execute_run(run.pk)  # delivered again: nothing happens
    assert Version.objects.count() == 2


def correct_one_face(reviewer: User) -> None:
    """An approved correction by somebody whose photos are learned from."""
    people = (make_user(f"person{number}") for number in itertools.count())
    learner = next(person for person in people if choose_split(person.pk) == "train")
    approve_answer(correction=make_answer_with_crop(learner, draw_crop(4, 999)), reviewer=reviewer)


def skip_training(folder: Path, *args: Any, **given: Any) -> Artifact:
    """Another network instead of a new one."""
    folder.mkdir(parents=True)
    return load_artifact(make_tiny_network(seed=2))


@pytest.mark.tensorflow
def test_images_that_are_lost_are_said_and_leave_the_decision_to_staff(
    champion: Version, staff: User, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    def lose_some(entries: Any) -> snapshots.LoadedImages:
        """One face that is tested on, and two that are learned from."""
        whole = snapshots.load_images(entries)
        kept = np.ones(len(whole.found), dtype=bool)
        kept[[0, -1, -2]] = False
        found, lost = ([entry for entry, here in zip(whole.found, kept, strict=True) if here == wanted]
                       for wanted in (True, False))  # fmt: skip
        return snapshots.LoadedImages(whole.images[kept], tuple(found), (), tuple(lost))

    settings.FERSITE_GATE_DROP = -200.0  # nobody can pass, but nobody is rejected for good on a part of the set
    monkeypatch.setattr(execution, "load_images", lose_some)
    monkeypatch.setattr("ml.finetune.retrain", skip_training)
    run = ask(staff)
    execute_run(run.pk)
    run.refresh_from_db()
    assert run.state == "done"
    assert run.reason == (
        "2 of 210 training images could not be read and were left out: run manage.py reconcile_dataset."
    )
    decision = GateDecision.objects.get()
    assert (decision.outcome, decision.report["frozen"]["n"]) == ("waits", 34)
    check = decision.report["checks"][0]
    assert (check["name"], check["found"]) == ("faces of the frozen set", "1 of 35 could not be read")
    assert find_champion() == champion


@pytest.mark.tensorflow
def test_a_run_that_is_cancelled_makes_no_version(
    champion: Version, staff: User, monkeypatch: pytest.MonkeyPatch
) -> None:
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

    def export_and_cancel(*args: Any, **given: Any) -> Artifact:
        runs.cancel_run(run=third, actor=staff)
        return load_artifact(make_tiny_network(seed=2))

    monkeypatch.setattr("ml.finetune.retrain", export_and_cancel)
    third = ask(staff)
    execute_run(third.pk)
    third.refresh_from_db()
    assert (third.state, third.stage) == ("cancelled", "")
    assert (Version.objects.count(), find_champion()) == (1, champion)


@pytest.mark.tensorflow
def test_a_run_is_stopped_and_cancelled_in_mid_fit(
    champion: Version, staff: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its worker stops in the middle of the second epoch: the next one learns all of that, until somebody cancels."""
    monkeypatch.setattr("ml.fitting.WATCH_SECONDS", 0.0)
    real, stopping, stages = lease.watch_fit, [True], []
    for module in (lease, execution):
        monkeypatch.setattr(module, "is_stopping", lambda: len(stopping) > 1)

    def interfere(run: TrainingRun) -> Any:
        watch = real(run)

        def told(seen: Progress) -> bool:
            if stopping and seen.epoch == 2 and not seen.finished:
                stopping.append(True)
            wanted = watch(seen)
            stages.append(TrainingRun.objects.get(pk=run.pk).stage)
            if seen.epoch == 2 and seen.finished:
                runs.cancel_run(run=run, actor=staff)
            return wanted

        return told

    monkeypatch.setattr(execution, "watch_fit", interfere)
    run = ask(staff, epochs=5, batch_size=64)
    execute_run(run.pk)
    run.refresh_from_db()
    assert (run.state, run.attempts, [line["epoch"] for line in run.log]) == ("queued", 0, [1])
    stopping.clear()
    execute_run(run.pk)
    run.refresh_from_db()
    assert (run.state, run.reason, run.stage) == ("cancelled", "Cancelled by staff.", "")
    assert [line["epoch"] for line in run.log] == [1, 2]
    assert set(stages) == {"training"}

    assert (Version.objects.count(), find_champion()) == (1, champion)
    assert not find_folder(run).exists()


@pytest.mark.tensorflow
def test_a_run_that_is_cancelled_while_it_is_measured_promotes_nothing(
    champion: Version, staff: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = ask(staff, epochs=1)

    def measure_and_cancel(**given: Any) -> dict[str, Any]:
        runs.cancel_run(run=run, actor=staff)
        return {"outcome": "promoted", "frozen_set": {"digest": "f" * 64, "used_before": 0}}

    monkeypatch.setattr("ml.finetune.retrain", skip_training)
    monkeypatch.setattr(execution, "measure_candidate", measure_and_cancel)
    execute_run(run.pk)
    run.refresh_from_db()
    assert (run.state, run.reason) == ("cancelled", "Cancelled by staff.")
    assert find_champion() == champion
    assert not GateDecision.objects.exists()
    assert not find_folder(run).exists()


@pytest.mark.tensorflow
@pytest.mark.slow
@pytest.mark.timeout(480)
def test_a_killed_worker_costs_one_epoch_at_most(champion: Version, staff: User) -> None:
    worker = start_worker(queue="training", **LENIENT, FERSITE_TRAINING_LEASE_SECONDS="3")
    try:
        run = ask(staff, epochs=40)
        wait_until(lambda: len(TrainingRun.objects.get(pk=run.pk).log) >= 3, pause=0.02)
    finally:
        worker.kill()
        worker.wait()
    wait_until(lambda: TrainingRun.objects.lost(now=timezone.now()).exists(), seconds=20)
    assert find_champion() == champion
    before = TrainingRun.objects.get(pk=run.pk).log[-1]["epoch"]

    TrainingRun.objects.filter(pk=run.pk).update(created_at=timezone.now() - timedelta(minutes=5))
    assert runs.sweep_runs() == 1
    execute_run(run.pk)  # by another process: this one
    run.refresh_from_db()
    assert (run.state, run.reason, run.attempts) == ("done", "", 2)
    epochs = [line["epoch"] for line in run.log]
    assert epochs[-1] == 40
    assert before <= epochs[3:].index(40) + 4 <= 41  # at most one epoch was trained twice
    assert run.version is not None


def fail_once(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """The first call of this function of training's meets an outage of the bucket."""
    real, calls = getattr(execution, name), itertools.count()

    def call(*args: Any, **given: Any) -> Any:
        if next(calls) == 0:
            raise EndpointConnectionError(endpoint_url="the bucket")
        return real(*args, **given)

    monkeypatch.setattr(execution, name, call)


@pytest.mark.tensorflow
def test_an_outage_costs_no_training(champion: Version, staff: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(execution, "WAIT_SECONDS", (0.0,) * 3)
    for name in ("load_images", "register_version", "measure_candidate"):
        fail_once(monkeypatch, name)
    run = ask(staff, epochs=1)
    execute_run(run.pk)
    run.refresh_from_db()
    assert (run.state, run.reason, run.attempts) == ("done", "", 1)
    assert [line["epoch"] for line in run.log] == [1]
    assert GateDecision.objects.count() == 1


def meet_outages(run: TrainingRun) -> None:
    raise EndpointConnectionError(endpoint_url="the bucket")


def lose_transfers(run: TrainingRun) -> None:
    raise RetriesExceededError(TimeoutError())


@pytest.mark.django_db
@pytest.mark.parametrize("work", [meet_outages, lose_transfers])
def test_an_outage_that_does_not_end_fails_and_says_so(work: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(execution, "_execute", work)
    monkeypatch.setattr(execution, "WAIT_SECONDS", (0.0, 0.0))
    run = TrainingRun.objects.create(trigger="button")
    execute_run(run.pk)
    run.refresh_from_db()
    assert run.state == "failed"
    assert run.reason.startswith("the bucket does not answer")


@pytest.mark.django_db
def test_a_run_that_waits_for_the_bucket_can_be_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    run = TrainingRun.objects.create(trigger="button")

    def meet_outage_and_cancel(run: TrainingRun) -> None:
        runs.cancel_run(run=run, actor=make_user())
        meet_outages(run)

    monkeypatch.setattr(execution, "_execute", meet_outage_and_cancel)
    execute_run(run.pk)
    run.refresh_from_db()
    assert (run.state, run.reason) == ("cancelled", "Cancelled by ada.")


@pytest.mark.django_db
def test_a_worker_that_stops_in_order_gives_the_run_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every evening somebody ends the site: no run is lost by that, whatever its number of restarts."""
    run = TrainingRun.objects.create(trigger="button")
    monkeypatch.setattr(execution, "_execute", lambda run: lease.go_on(run, stage="training"))
    for module in (lease, execution):
        monkeypatch.setattr(module, "is_stopping", lambda: True)
    folder = find_folder(run)
    folder.mkdir(parents=True)
    for _ in range(jobs.RUN_ATTEMPTS + 1):
        execute_run(run.pk)
        run.refresh_from_db()
        assert (run.state, run.attempts, run.claimed_until, run.stage) == ("queued", 0, None, "waiting for a worker")
    assert folder.exists()
    TrainingRun.objects.update(cancel_asked=True)
    execute_run(run.pk)
    run.refresh_from_db()
    assert (run.state, run.stage) == ("cancelled", "")
    assert not folder.exists()


@pytest.mark.django_db
def test_a_defect_is_said_to_be_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def break_down(run: TrainingRun) -> None:
        raise KeyError("colour")

    monkeypatch.setattr(execution, "_execute", break_down)
    run = TrainingRun.objects.create(trigger="button")
    execute_run(run.pk)
    run.refresh_from_db()
    assert (run.state, run.reason) == ("failed", "Unexpected: KeyError; the log says more.")


@pytest.mark.django_db
def test_a_training_goes_on_only_while_it_is_wanted() -> None:
    """What the fit tells, every second, is written down; False stops it."""
    until = timezone.now() + timedelta(minutes=1)
    run = TrainingRun.objects.create(trigger="button", state="running", attempts=1, claimed_until=until)
    watch, seen = lease.watch_fit(run), Progress(1, 2, 0.5, 0.7, 12.3, {"loss": 0.7})
    assert watch(seen)
    run.refresh_from_db()
    assert run.progress == {"epoch": 1, "epochs": 2, "share": 0.5, "loss": 0.7, "seconds_left": 12}
    assert run.log == [{"epoch": 1, "loss": 0.7}]
    runs.cancel_run(run=run, actor=make_user())
    assert not watch(seen)
    TrainingRun.objects.filter(pk=run.pk).update(cancel_asked=False)
    assert watch(seen)
    TrainingRun.objects.filter(pk=run.pk).update(fencing_token=2)  # another worker has it
    assert not watch(seen)


@pytest.mark.django_db
def test_a_lost_run_that_was_to_be_cancelled_is() -> None:
    since = timezone.now() - timedelta(seconds=1)
    run = TrainingRun.objects.create(
        trigger="button",
        state="running",
        stage="training",
        claimed_until=since,
        cancel_asked=True,
        reason="Cancelled by ada.",
    )
    assert runs.sweep_runs() == 0
    run.refresh_from_db()
    assert (run.state, run.reason, run.stage) == ("cancelled", "Cancelled by ada.", "")


@pytest.mark.tensorflow
@pytest.mark.slow
@offer_patches()
def test_a_network_can_be_trained_from_scratch(champion: Version, staff: User) -> None:
    options = {**SHORT, "epochs": 1, "network": PATCHES}
    run = runs.request_run(trigger="button", mode="scratch", options=options, requested_by=staff)
    execute_run(run.pk)
    run.refresh_from_db()
    assert (run.state, run.reason) == ("done", "")
    assert run.version is not None
    assert (run.version.parent, run.version.card["recipe"]["init"]) == (None, "")


@pytest.mark.django_db
def test_the_usual_epochs_are_kept_with_a_run(settings: Any) -> None:
    settings.FERSITE_RETRAIN_EPOCHS = 3
    make_version("1")
    for number, split in enumerate(("train", "test")):
        make_sample(split, number)
    run = runs.request_run(trigger="button")
    settings.FERSITE_RETRAIN_EPOCHS = 9
    assert execution.make_config(run, held_out=0.1).epochs == 3
    run.delete()
    scratch = execution.make_config(runs.request_run(trigger="button", mode="scratch"), held_out=0.1)
    assert (scratch.epochs, scratch.learning_rate) == (45, 2e-3)


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
        trigger="button",
        state="running",
        stage="training",
        attempts=3,
        claimed_until=timezone.now() - timedelta(seconds=1),
    )
    runs.sweep_runs()
    run.refresh_from_db()
    assert (run.state, run.stage) == ("failed", "")
    assert "lost 3 times" in run.reason


@pytest.mark.tensorflow
def test_an_impossible_option_fails_with_its_name(champion: Version, staff: User) -> None:
    run = ask(staff, colour="red")
    execute_run(run.pk)
    run.refresh_from_db()
    assert run.state == "failed"
    assert "colour" in run.reason
    assert find_champion() == champion


@pytest.mark.tensorflow
def test_the_gate_measures_two_networks_side_by_side(champion: Version) -> None:
    """On faces about which each says something else; what the champion says is taken for the truth."""
    path = make_tiny_network(seed=2)
    other = register_version(path=path, promote=False, reason="another")
    images = np.stack([draw_crop(number % 7, 5000 + number) for number in range(140)])
    truth, answers = (get_network(one).compute_logits(images).argmax(axis=1) for one in (champion, other))
    rest: dict[str, Any] = {
        "frozen": Faces(images, truth),
        "trusted": Faces(images[:0], truth[:0]),
        "frozen_digest": "f" * 64,
    }
    worse = measure_candidate(candidate=other, champion=champion, **rest)
    better = measure_candidate(candidate=champion, champion=other, **rest)
    agreement = (answers == truth).mean()
    assert 0 < agreement < 0.9
    assert worse["frozen"]["difference"] == pytest.approx(agreement - 1)
    assert better["frozen"]["difference"] == pytest.approx(1 - agreement)
    assert (worse["frozen"]["candidate"]["accuracy"], worse["frozen"]["champion"]["accuracy"]) == (agreement, 1)
    assert (worse["trusted"], worse["candidate"], worse["champion"]) == (None, other.name, champion.name)
    assert worse["bytes"] == (path / "network.tflite").stat().st_size
    spent = {check["name"]: check["found"] for check in worse["checks"]}["time for one face"]
    took, usual = worse["ms_per_face"]["candidate"], worse["ms_per_face"]["champion"]
    assert spent == f"{took:.1f} ms; the champion {usual:.1f} ms"
    assert worse["frozen_set"]["used_before"] == 0
    record_decision(candidate=other, champion=champion, report=worse)
    assert measure_candidate(candidate=other, champion=champion, **rest)["frozen_set"]["used_before"] == 1
    TrainingRun.objects.create(trigger="button", state="cancelled", version=champion)  # while it was measured, maybe
    assert measure_candidate(candidate=other, champion=champion, **rest)["frozen_set"]["used_before"] == 2
    # What is left of a set has another digest, but was used as often.
    rest |= {"frozen": Faces(images[:70], truth[:70], unreadable=70), "frozen_digest": "e" * 64}
    part = measure_candidate(candidate=other, champion=champion, **rest)
    assert (part["frozen_set"]["used_before"], part["outcome"]) == (2, "waits")
    assert part["checks"][0]["found"] == "70 of 140 could not be read"


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
    assert runs.count_waiting() == runs.NewSamples(0, 0)
    Upload.objects.filter(pk=shared.pk).update(consent_training=True)
    assert late.created_at < snapshot.created_at
    assert runs.count_waiting() == runs.NewSamples(1, 1)


@pytest.mark.django_db
def test_a_lost_list_does_not_end_retraining() -> None:
    make_sample("train", 1)
    snapshot = take_snapshot()
    TrainingRun.objects.create(trigger="button", state="done", snapshot=snapshot)
    default_storage.delete(snapshot.key)
    assert runs.count_waiting() == runs.NewSamples(0, 0)
    assert "Only 0 new samples" in runs.check_retraining().reason


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


def wait_until(done: Any, seconds: float = 120, pause: float = 0.2) -> None:
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, "took too long"
        time.sleep(pause)
