"""A worker that comes back late, while another one is still at its job, changes nothing: not the row, not the bucket.

Its lease ran out, the job was claimed again, and the second worker has not finished. Every kind of job that is leased:
photos, drawn faces, bulk reviews, training runs.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError
from django.core.files.storage import default_storage
from django.db.models import Model
from django.utils import timezone

from classifier import jobs
from classifier.models import BulkReview, Correction, Face, Prediction, TrainingRun, Upload, Version
from classifier.photos.drawing import Box, draw_face
from classifier.review import bulk
from classifier.review.decisions import reject_answer
from classifier.serving import classify, drawn
from classifier.storage.codec import ImageDamaged
from classifier.training import execution, lease, runs
from tests.factories import make_user
from tests.fakes import FakePipeline, install, make_result
from tests.reviews import add_answer, make_reviewer

pytestmark = pytest.mark.django_db
Patch = pytest.MonkeyPatch
HIS, MINE = 0, 5  # the labels that the late worker and the other one come to


def let_lapse(model: type[Model]) -> None:
    model._default_manager.update(claimed_until=timezone.now() - timedelta(seconds=1))


def read_row(model: type[Model]) -> dict[str, Any]:
    """Every column of the only row."""
    return dict(model._default_manager.values().get())


def list_crops() -> list[str]:
    try:
        return sorted(default_storage.listdir("faces")[1])
    except FileNotFoundError:
        return []


class LatePipeline(FakePipeline):
    """Comes to its answer, or raises, after `meanwhile` has happened."""

    def __init__(self, *answers: Any, error: Exception | None, meanwhile: Callable[[], None]) -> None:
        super().__init__(*answers, error=error)
        self.meanwhile = meanwhile

    def predict_photo(self, photo: Any) -> Any:
        self.meanwhile()
        return super().predict_photo(photo)


OUTAGE = EndpointConnectionError(endpoint_url="the bucket")
OUTCOMES = [
    pytest.param([make_result(HIS)], None, id="an answer"),
    pytest.param([], None, id="no face"),
    pytest.param([], OUTAGE, id="an outage"),
    pytest.param([], RuntimeError("poison"), id="a failure"),
]
UNREADABLE = pytest.param([], ImageDamaged("cut short"), id="an unreadable photo")


@pytest.mark.parametrize(("answers", "error"), OUTCOMES)
@pytest.mark.parametrize("last", [False, True], ids=["a further attempt", "the last attempt"])
def test_photo(
    upload: Upload, monkeypatch: Patch, settings: Any, answers: Any, error: Exception | None, last: bool
) -> None:
    if last:
        settings.FERSITE_MAX_ATTEMPTS = 2
    seen: dict[str, Any] = {}

    def lose() -> None:
        let_lapse(Upload)
        seen["other"] = jobs.claim(jobs.UPLOADS, upload.pk)
        seen["row"] = read_row(Upload)

    install(monkeypatch, LatePipeline(*answers, error=error, meanwhile=lose))
    classify.classify_upload(upload.pk)
    other = seen["other"]
    assert (other.status, other.attempts) == ("running", 2)
    assert read_row(Upload) == seen["row"]
    assert (Face.objects.count(), Prediction.objects.count(), list_crops()) == (0, 0, [])

    classify.store_result(other, classify.PhotoResult(Version.objects.get(), [make_result(MINE)], 1.0))
    upload.refresh_from_db()
    assert (upload.status, upload.attempts) == ("done", 2)
    assert Prediction.objects.get().label == MINE


@pytest.mark.parametrize(("answers", "error"), [OUTCOMES[0], *OUTCOMES[2:], UNREADABLE])
@pytest.mark.parametrize("last", [False, True], ids=["a further attempt", "the last attempt"])
def test_drawn_face(
    upload: Upload, monkeypatch: Patch, settings: Any, answers: Any, error: Exception | None, last: bool
) -> None:
    if last:
        settings.FERSITE_MAX_ATTEMPTS = 2
    Upload.objects.update(status="no_face")
    face = draw_face(upload=upload, box=Box(30, 10, 20, 30))
    seen: dict[str, Any] = {}

    def lose() -> None:
        let_lapse(Face)
        seen["other"] = jobs.claim(jobs.FACES, face.pk)
        seen["row"] = read_row(Face)

    install(monkeypatch, LatePipeline(*answers, error=error, meanwhile=lose))
    drawn.classify_face(face.pk)
    assert seen["other"].attempts == 2
    assert read_row(Face) == seen["row"]
    assert (Prediction.objects.count(), list_crops(), Upload.objects.get().status) == (0, [], "no_face")

    drawn.store_result(seen["other"], Version.objects.get(), make_result(MINE), 1.0)
    face.refresh_from_db()
    assert (face.due_at, list_crops()) == (None, [face.crop.removeprefix("faces/")])
    assert Prediction.objects.get().label == MINE


@pytest.mark.parametrize("error", [None, OUTAGE, RuntimeError("unheard of")], ids=["decided", "an outage", "a failure"])
def test_bulk_review(monkeypatch: Patch, error: Exception | None) -> None:
    ada, ruth = make_user(), make_reviewer()
    monkeypatch.setattr(jobs, "send_task", lambda *args, **options: True)
    rows = [add_answer(ada) for _ in range(3)]
    job = bulk.request_bulk_review(
        reviewer=ruth, action="reject", corrections=[row.pk for row in rows], reason="Too dark."
    )
    seen: dict[str, Any] = {}
    decide_next = bulk._decide_next

    def lose(late: BulkReview) -> None:
        """Before a decision begins: what happens within its transaction would be rolled back with it."""
        if not seen:
            let_lapse(BulkReview)
            seen["other"] = jobs.claim(jobs.BULK_REVIEWS, job.pk)
            seen["row"] = read_row(BulkReview)
        decide_next(late)

    def decide(**options: Any) -> Any:
        if error:
            raise error
        return reject_answer(**options)

    with monkeypatch.context() as late:
        late.setattr(bulk, "_decide_next", lose)
        late.setattr(bulk, "reject_answer", decide)
        bulk.run_bulk_review(job.pk)
    assert read_row(BulkReview) == seen["row"]
    assert not Correction.objects.filter(state="rejected").exists()

    bulk._run_piece(seen["other"])
    job.refresh_from_db()
    assert (job.state, job.done, job.decided, job.problems) == ("done", 3, 3, [])


def fail(run: TrainingRun) -> None:
    raise execution.RunFailed("too little to learn from")


def break_down(run: TrainingRun) -> None:
    raise KeyError("colour")


def renew(run: TrainingRun) -> None:
    jobs.renew(jobs.RUNS, run)


def go_on(run: TrainingRun) -> None:
    lease.go_on(run, stage="measuring")


def finish(run: TrainingRun) -> None:
    lease.finish_run(run, TrainingRun.State.DONE, reason="")


@pytest.mark.parametrize("come_back", [fail, break_down, renew, go_on, finish])
@pytest.mark.parametrize("stopping", [False, True], ids=["at work", "stopping"])
def test_training_run(monkeypatch: Patch, come_back: Callable[[TrainingRun], None], stopping: bool) -> None:
    run = TrainingRun.objects.create(trigger="button")
    monkeypatch.setattr(jobs, "send_task", lambda *args, **options: True)
    seen: dict[str, Any] = {}

    def lose(late: TrainingRun) -> None:
        let_lapse(TrainingRun)
        runs.sweep_runs()
        seen["other"] = lease.claim_run(run.pk)
        seen["row"] = read_row(TrainingRun)
        for module in (lease, execution):
            monkeypatch.setattr(module, "is_stopping", lambda: stopping)
        come_back(late)

    monkeypatch.setattr(execution, "_execute", lose)
    folder = execution.find_folder(run)
    folder.mkdir(parents=True)
    execution.execute_run(run.pk)
    other = seen["other"]
    assert (other.state, other.attempts) == ("running", 2)
    assert read_row(TrainingRun) == seen["row"]
    assert folder.exists()

    monkeypatch.undo()
    lease.finish_run(other, TrainingRun.State.DONE)
    execution.clear_folders()
    run.refresh_from_db()
    assert run.state == "done"
    assert not folder.exists()
