"""Rollups: every change makes its hour stale, what is kept incrementally is what a rebuild gives, nothing is lost."""

import threading
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from classifier.answers.corrections import allow_erasing
from classifier.models import Correction, Prediction, Sample, Upload
from dashboard.models import (
    AgreementRollup,
    AnswerRollup,
    PredictionRollup,
    SampleRollup,
    ShadowRollup,
    StaleHour,
    UploadRollup,
)
from dashboard.rollups.hours import _take_turn, rebuild, roll_up, start_of_day, work_off
from tests.dashboard.history import at, make_history
from tests.factories import make_face, make_prediction, make_upload, make_user, make_version

ALL = (UploadRollup, PredictionRollup, AnswerRollup, ShadowRollup, AgreementRollup, SampleRollup)
NOON = datetime(2026, 3, 10, 12, 30, tzinfo=UTC)


def read_all() -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every rollup, without ids."""
    found = {}
    for model in ALL:
        names = [field.attname for field in model._meta.concrete_fields if field.name != "id"]
        rows = [tuple(tuple(v) if isinstance(v, list) else v for v in row) for row in model.objects.values_list(*names)]
        found[model.__name__] = sorted(rows, key=repr)
    return found


@pytest.mark.django_db
def test_incremental_is_what_a_rebuild_gives() -> None:
    make_history(seed=1, photos=40)
    roll_up()
    make_history(seed=2, photos=40)  # the same days again: hours are computed anew
    roll_up()
    for correction in Correction.objects.pending()[:10]:  # late decisions
        Correction.objects.filter(pk=correction.pk).update(
            state="approved", final_label=correction.answer % 7, reviewed_at=timezone.now()
        )
    allow_erasing()
    for upload in Upload.objects.order_by("sha256")[:10]:
        upload.delete()
    Upload.objects.filter(sha256__gte="8").update(consent_training=False)
    roll_up()
    kept = read_all()
    assert all(kept.values())
    assert rebuild() > 20
    assert read_all() == kept


@pytest.mark.django_db
def test_again_and_from_nothing_gives_the_same() -> None:
    make_history(photos=30)
    roll_up()
    kept = read_all()
    assert roll_up() == 0  # nothing is stale
    for model in ALL:
        model.objects.all().delete()
    rebuild()
    assert read_all() == kept


@pytest.mark.django_db
def test_days_are_sums_of_their_hours() -> None:
    make_history(photos=60)
    roll_up()
    hours: Counter[Any] = Counter()
    for row in PredictionRollup.objects.filter(grain="h"):
        hours[start_of_day(row.start), row.version_id, row.shadow, row.source, row.label] += row.faces
    days = {
        (row.start, row.version_id, row.shadow, row.source, row.label): row.faces
        for row in PredictionRollup.objects.filter(grain="d")
    }
    assert days == hours
    assert sum(days.values()) == Prediction.objects.measured().count()


@pytest.fixture
def prediction(db: None) -> Prediction:
    """One shown prediction of 12:30, rolled up."""
    user, version = make_user(), make_version("1.0.0")
    with at(NOON):
        made = make_prediction(make_face(make_upload(user, consent_training=True)), version)
    roll_up()
    return made


@pytest.mark.django_db
def test_a_late_answer_counts_under_the_hour_of_its_prediction(prediction: Prediction) -> None:
    assert not AnswerRollup.objects.exists()
    with at(NOON + timedelta(days=40)):
        Correction.objects.create(
            face=prediction.face, author=prediction.face.upload.owner, prediction=prediction, answer=3,
            asked="result", state="approved", final_label=3, reviewed_at=timezone.now(),
        )  # fmt: skip
    assert roll_up() == 1
    row = AnswerRollup.objects.get(grain="d")
    assert (row.start, row.answers, row.agreeing, row.approved) == (start_of_day(NOON), 1, 1, 1)
    assert row.truths == [0, 0, 0, 1, 0, 0, 0]
    assert (sum(row.reviewed_bins), sum(row.right_bins), sum(row.reviewed_sums)) == (1, 1, 700_000)


@pytest.mark.django_db
def test_withdrawn_answers_do_not_count(prediction: Prediction) -> None:
    said = Correction.objects.create(
        face=prediction.face, author=prediction.face.upload.owner, prediction=prediction, answer=3, asked="result"
    )
    roll_up()
    assert AnswerRollup.objects.get(grain="h").answers == 1
    Correction.objects.filter(pk=said.pk).update(state="withdrawn")
    roll_up()
    assert not AnswerRollup.objects.exists()


@pytest.mark.django_db
def test_of_several_approved_answers_the_last_is_the_truth(prediction: Prediction) -> None:
    for number, label in enumerate((5, 3, 6)):
        Correction.objects.create(
            face=prediction.face, author=make_user(f"person-{number}"), prediction=prediction, answer=label,
            asked="random", state="approved", final_label=label,
            reviewed_at=NOON + timedelta(days=(1, 3, 2)[number]),
        )  # fmt: skip
    roll_up()
    row = AnswerRollup.objects.get(grain="h")
    assert row.truths == [0, 0, 0, 1, 0, 0, 0]
    assert (row.answers, row.answered) == (3, 1)
    agreement = AgreementRollup.objects.get(grain="h")
    assert (agreement.faces, agreement.agreeing_sum, sum(agreement.answers)) == (1, 0, 3)
    Correction.objects.create(
        face=prediction.face, author=make_user("last"), prediction=prediction, answer=8, asked="random",
        state="approved", reviewed_at=NOON + timedelta(days=4),
    )  # fmt: skip
    roll_up()  # that there is no face is no truth to measure with
    row = AnswerRollup.objects.get(grain="h")
    assert (sum(row.truths), sum(row.reviewed_bins), row.approved) == (0, 0, 4)


@pytest.mark.django_db
def test_an_erased_photo_is_in_no_figure(prediction: Prediction) -> None:
    assert UploadRollup.objects.exists()
    assert PredictionRollup.objects.exists()
    prediction.face.upload.delete()
    roll_up()
    assert not any(read_all().values())


@pytest.mark.django_db
def test_probes_are_in_no_figure() -> None:
    upload = make_upload(make_user("probe"))
    Upload.objects.update(source="probe")
    make_prediction(make_face(upload), make_version("1.0.0"))
    roll_up()
    assert not any(read_all().values())


@pytest.mark.django_db
def test_samples_of_photos_that_are_shared_no_longer_leave(prediction: Prediction) -> None:
    said = Correction.objects.create(
        face=prediction.face, author=prediction.face.upload.owner, prediction=prediction, answer=3, asked="result",
        state="approved", final_label=3, reviewed_at=timezone.now(),
    )  # fmt: skip
    Sample.objects.create(
        split="train", label=3, sha256="0" * 64, key="a", source="correction", source_name="a", correction=said
    )
    roll_up()
    assert SampleRollup.objects.get(grain="d").samples == 1
    Upload.objects.update(consent_training=False)
    roll_up()
    assert not SampleRollup.objects.exists()


@pytest.mark.django_db
def test_a_silent_prediction_is_compared_under_the_shown_one(prediction: Prediction) -> None:
    silent = make_version("2.0.0", "candidate")
    with at(NOON + timedelta(hours=5)):
        Prediction.objects.create(
            face=prediction.face, version=silent, label=4, confidence=0.6, probabilities=[0.1] * 7,
            prediction_set=[4], ms=4, shadow=True,
        )  # fmt: skip
    roll_up()
    row = ShadowRollup.objects.get(grain="h")
    assert (row.start.hour, row.faces, row.agreeing, row.reviewed) == (12, 1, 0, 0)


@pytest.mark.django_db
def test_a_limit_leaves_the_rest_for_later() -> None:
    make_history(photos=30)
    before = StaleHour.objects.values("hour").distinct().count()
    assert roll_up(limit=5) == 5
    assert StaleHour.objects.values("hour").distinct().count() == before - 5


@pytest.mark.django_db(transaction=True)
def test_two_at_once_do_no_harm() -> None:
    make_history(photos=60)
    done: list[int] = []

    def run() -> None:
        try:
            done.append(roll_up())
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    roll_up()
    kept = read_all()
    rebuild()
    assert sum(done) > 0
    assert read_all() == kept


@pytest.mark.django_db(transaction=True)
def test_what_is_committed_while_rollups_run_is_counted_next_time() -> None:
    """The writer's hour is stale in its own transaction: a run beside it neither waits for it nor loses it."""
    user, version = make_user(), make_version("1.0.0")
    written, rolled = threading.Event(), threading.Event()

    def write() -> None:
        try:
            with transaction.atomic(), at(NOON):
                make_prediction(make_face(make_upload(user)), version)
                written.set()
                assert rolled.wait(20)
        finally:
            connection.close()

    thread = threading.Thread(target=write)
    thread.start()
    assert written.wait(20)
    roll_up()
    rolled.set()
    thread.join()
    assert not PredictionRollup.objects.exists()
    assert roll_up() == 1
    assert PredictionRollup.objects.get(grain="d").faces == 1


@pytest.mark.django_db(transaction=True)
def test_working_off_waits_for_another_process() -> None:
    make_history(photos=10)
    taken, enough = threading.Event(), threading.Event()

    def hold_the_turn() -> None:
        try:
            with transaction.atomic():
                assert _take_turn()
                taken.set()
                assert enough.wait(20)
        finally:
            connection.close()

    thread = threading.Thread(target=hold_the_turn)
    thread.start()
    assert taken.wait(20)
    assert roll_up() == 0
    with pytest.raises(TimeoutError, match="still stale"):
        work_off(seconds=0.3)
    threading.Timer(0.3, enough.set).start()
    assert work_off(seconds=20) > 0
    thread.join()
    assert not StaleHour.objects.exists()
