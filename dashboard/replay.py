"""Plays a history into the site: faces of a public dataset go through the real pipeline and are dated back.

Upload, queue, worker, network, answers, reviews, rollups and alerts are the site's own; only the clock is played. The
pages say that there was a replay.
"""

import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic, sleep

import numpy as np
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.mail import get_connection
from django.db import transaction
from django.db.models import F
from django.utils import timezone
from numpy.typing import NDArray
from PIL import Image

from accounts.models import User
from accounts.roles import set_role
from classifier.answers.corrections import give_answer
from classifier.models import Correction, Face, Prediction, Upload, choose_prediction
from classifier.models.upload import UploadQuerySet
from classifier.photos.intake import Outcome, take_upload
from classifier.review.decisions import ReviewError, approve_answer
from dashboard.alerts.episodes import REPLAY_HOURS, check_alerts
from dashboard.models import Alert, Replay
from dashboard.rollups.hours import DAY, start_of_day, work_off
from ml.data import FaceData

PEOPLE, REVIEWERS = 20, 2
# Of all faces: how many are answered, how many answers are wrong, how many are reviewed.
ANSWERED, WRONG, REVIEWED = 0.35, 0.08, 0.8
DARKENED = 0.45
WAIT_SECONDS = 120.0


class ReplayError(Exception):
    """The replay cannot go on; the message says why."""


@dataclass(frozen=True)
class Played:
    """What a replay did. alerts: those that fired in it, with the simulated moment."""

    replay: Replay
    photos: int
    faces: int
    answers: int
    reviewed: int
    alerts: Sequence[Alert]


@contextmanager
def clock_at(moment: datetime) -> Iterator[None]:
    """Django's clock shows this moment, in this process; what is stamped inside is stamped so."""
    real = timezone.now
    timezone.now = lambda: moment
    try:
        yield
    finally:
        timezone.now = real


def replay_history(
    *,
    data: FaceData,
    days: int = 60,
    drift_days: int = 10,
    seed: int = 0,
    on_day: Callable[[datetime, int], object] = lambda day, faces: None,
) -> Played:
    """Spread the faces over the last whole days; the photos of the last `drift_days` are darkened.

    Args:
        data: faces with true labels, n >= days; every one is uploaded once.
        on_day: called after each day with its start and the number of its photos.

    Raises:
        ReplayError: too few faces, another replay is going on, or the worker does not answer.
    """
    if len(data) < days or drift_days > days or days < 1:
        raise ReplayError(f"{len(data)} faces cannot be spread over {days} days, {drift_days} of them with drift.")
    rng = np.random.default_rng(seed)
    starts = [start_of_day(timezone.now()) - (days - i) * DAY for i in range(days)]
    replay = begin(starts, drift_days)
    people, reviewers = make_accounts(replay)
    began, counts = timezone.now(), []
    order = np.array_split(rng.permutation(len(data)), days)
    try:
        for number, (start, chosen) in enumerate(zip(starts, order, strict=True)):
            images = data.images[chosen]
            if number >= days - drift_days:
                images = (images * DARKENED).astype(np.uint8)
            uploads = play_photos(people, images, start, rng)
            answers = play_answers(uploads, data.labels[chosen], start, rng)
            counts.append((len(uploads), answers, play_reviews(reviewers, start, rng)))
            end_day(start + DAY)
            on_day(start, len(uploads))
    finally:
        Replay.objects.filter(pk=replay.pk).update(finished_at=timezone.now(), faces=count_faces(people))
    replay.refresh_from_db()
    fired = Alert.objects.filter(opened_at__gte=starts[0], opened_at__lte=began).order_by("opened_at")
    photos, answers, reviewed = (sum(of_day) for of_day in zip(*counts, strict=True))
    return Played(replay, photos, replay.faces, answers, reviewed, list(fired.select_related("rule")))


def end_day(end: datetime) -> None:
    """Compute the day's rollups, and let the alerts look at them as if it were then."""
    wait_for_rollups()
    nowhere = get_connection("django.core.mail.backends.dummy.EmailBackend")  # nobody is told of a past that was not
    with clock_at(end):
        check_alerts(now=end, mails=nowhere)


def begin(starts: Sequence[datetime], drift_days: int) -> Replay:
    """Store that a replay goes on; until it ends, the alerts' own check pauses."""
    with transaction.atomic():
        recent = timezone.now() - timedelta(hours=REPLAY_HOURS)
        if Replay.objects.filter(finished_at=None, started_at__gte=recent).exists():
            raise ReplayError(f"Another replay is going on; one that was cut off counts for {REPLAY_HOURS} hours.")
        drift = starts[-drift_days].date() if drift_days else None
        return Replay.objects.create(first_day=starts[0].date(), last_day=starts[-1].date(), drift_from=drift)


def make_accounts(replay: Replay) -> tuple[list[User], list[User]]:
    """Accounts nobody can log in with; their names say what they are."""
    made = []
    for name in [f"person-{i + 1}" for i in range(PEOPLE)] + [f"reviewer-{i + 1}" for i in range(REVIEWERS)]:
        user = User(username=f"replay-{replay.pk}-{name}")
        user.set_unusable_password()
        user.save()
        made.append(user)
    people, reviewers = made[:PEOPLE], made[PEOPLE:]
    for reviewer in reviewers:
        set_role(user=reviewer, role="reviewer")
    return people, reviewers


def count_faces(people: Sequence[User]) -> int:
    """How many faces were found in these people's photos."""
    return Face.objects.filter(upload__owner__in=people).count()


def play_photos(
    people: Sequence[User], images: NDArray[np.uint8], start: datetime, rng: np.random.Generator
) -> list[Upload | None]:
    """Upload images, uint8 (n, 48, 48), wait for the worker, date everything back into the day.

    Returns:
        each image's upload; None where the same bytes had been uploaded before.
    """
    taken: list[Upload | None] = []
    for image in images:
        buffer = io.BytesIO()
        Image.fromarray(image).save(buffer, "PNG")
        file = SimpleUploadedFile("face.png", buffer.getvalue())
        owner = people[int(rng.integers(len(people)))]
        source = Upload.Source.PAGE if rng.random() < 0.7 else Upload.Source.API
        found = take_upload(owner=owner, file=file, source=source, consent_training=True)
        taken.append(found.upload if found.outcome is Outcome.CREATED else None)
    mine = Upload.objects.filter(pk__in=[upload.pk for upload in taken if upload])
    wait_for_worker(mine)
    with transaction.atomic():
        for upload in mine:
            back = start + timedelta(seconds=float(rng.uniform(0, 86_000))) - upload.created_at
            Upload.objects.filter(pk=upload.pk).update(
                created_at=F("created_at") + back, finished_at=F("finished_at") + back
            )
            Prediction.objects.filter(face__upload=upload).update(created_at=F("created_at") + back)
    return taken


def wait_for_worker(uploads: UploadQuerySet) -> None:
    """Wait until none of the uploads is pending or running."""
    end = monotonic() + WAIT_SECONDS
    while uploads.filter(status__in=["pending", "running"]).exists():
        if monotonic() > end:
            raise ReplayError(f"The worker did not finish a day's photos in {WAIT_SECONDS:.0f} s: is the site running?")
        sleep(0.1)


def wait_for_rollups() -> None:
    """Wait until nothing is stale; raises ReplayError when it takes too long."""
    try:
        work_off(seconds=WAIT_SECONDS)
    except TimeoutError as error:
        raise ReplayError(f"The {error}: does another process hold them?") from None


def play_answers(
    uploads: Sequence[Upload | None], labels: NDArray[np.int64], start: datetime, rng: np.random.Generator
) -> int:
    """Some owners say what their photo shows, a few of them wrongly; how many."""
    said = 0
    for upload, truth in zip(uploads, labels, strict=True):
        if upload is None or rng.random() > ANSWERED:
            continue
        faces = list(Face.objects.filter(upload=upload).prefetch_related("predictions__version"))
        if len(faces) != 1:  # whose label it is cannot be told
            continue
        answer = int(truth) if rng.random() > WRONG else int(rng.integers(7))
        moment = start + timedelta(seconds=float(rng.uniform(86_000, 86_300)))
        with clock_at(moment):
            give_answer(
                face=faces[0],
                author=upload.owner,
                answer=answer,
                asked=Correction.Asked.RESULT if upload.source == "page" else Correction.Asked.API,
                prediction=choose_prediction(faces[0]),
                blind=upload.asked_blind,
            )
        said += 1
    return said


def play_reviews(reviewers: Sequence[User], start: datetime, rng: np.random.Generator) -> int:
    """Reviewers approve most of what waits; how many."""
    done = 0
    with clock_at(start + DAY - timedelta(seconds=60)):
        for correction in Correction.objects.pending().filter(author__username__startswith="replay-"):
            if rng.random() > REVIEWED:
                continue
            try:
                approve_answer(correction=correction, reviewer=reviewers[done % len(reviewers)])
            except ReviewError:
                continue
            done += 1
    return done
