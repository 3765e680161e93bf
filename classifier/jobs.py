"""Work that rows wait for: one lease for every kind of it, and the only place that sends a task.

The row is the truth; a message only says that there is work. A job goes like this:

1. `hand_over`, once the row is committed, sends its message. A dead broker never fails, and hardly delays, the caller.
2. `claim` takes the lease by compare-and-swap: an end, one more attempt and a new fencing token, in one UPDATE.
3. `held` is the fence: a worker writes through it alone, so one that lost its lease and comes back changes nothing;
   `renew` lengthens the lease of work that takes longer.
4. `finish` writes the result and ends the lease.
5. `give_back`, after a failure, waits twice as long each time, and buries the row after the last attempt;
   `postpone`, in an outage of what is around the work, gives the attempt back as well.
6. `sweep` buries what is out of attempts and sends again what waits too long or was left by a lost worker.
"""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Generic, TypeVar

import redis
from django.conf import settings
from django.db import InterfaceError, OperationalError, connection
from django.db.models import F, QuerySet
from django.utils import timezone

from classifier.models import BulkReview, Face, TrainingRun, Upload
from classifier.models.lease import Leased
from classifier.storage.bulk import BUCKET_OUTAGES, BucketError
from classifier.storage.objects import StorageUnavailable
from fersite.broker import count_messages
from fersite.celery import app
from ml.artifacts import ArtifactError

logger = logging.getLogger(__name__)

Row = TypeVar("Row", bound=Leased)
Result = TypeVar("Result")

EXPLAIN = "classifier.tasks.explain_prediction"
# After a failure the broker is left alone for so long: the sweeper hands out later what was not sent.
PAUSE_SECONDS = 5.0
_paused_until = 0.0
# A person waits for the answer: a broker that does not take the message at once gets it from the sweeper later.
BROKER_SECONDS = 0.15
_IMPATIENT = {"socket_connect_timeout": BROKER_SECONDS, "socket_timeout": BROKER_SECONDS, "max_retries": 0}
SWEEP_BATCH = 500
# A message that was sent so long ago has reached Redis, if it ever will.
UNDER_WAY = timedelta(seconds=5)
LONGEST_WAIT = timedelta(seconds=60)
# Seconds between two tries while the database is away.
PAUSES = (0.2, 0.5, 1.0, 2.0, 4.0)
# A worker that dies three times over one training run will die a fourth time.
RUN_ATTEMPTS = 3


class Outage(Exception):
    """Something around the work is missing and will come back; no fault of the work's."""


DATABASE_OUTAGES = (InterfaceError, OperationalError)
# ArtifactError: the network of the site, not this one photo, is what cannot be used.
OUTAGES = (
    Outage, *DATABASE_OUTAGES, *BUCKET_OUTAGES, BucketError, StorageUnavailable, ConnectionError, TimeoutError,
    ArtifactError,
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Kind(Generic[Row]):
    """One kind of work.

    task, queue, expires: of its message (expires in seconds; None: never). delivery: how long the broker has to deliver
    it. waiting, running, bury: what is written beside the lease when the row waits, is claimed, is out of attempts.
    related: what a claim reads with the row. lease_seconds, max_attempts: asked anew each time; None: no last attempt.
    """

    model: type[Row]
    task: str
    queue: str = "inference"
    expires: float | None = None
    delivery: timedelta
    waiting: Mapping[str, Any] = field(default_factory=dict)
    running: Mapping[str, Any] = field(default_factory=dict)
    bury: Callable[[], Mapping[str, Any]] = dict
    related: tuple[str, ...] = ()
    lease_seconds: Callable[[], float] = lambda: settings.FERSITE_LEASE_SECONDS
    max_attempts: Callable[[], int | None] = lambda: settings.FERSITE_MAX_ATTEMPTS

    @property
    def rows(self) -> Any:
        """All rows of the kind, as its LeasedQuerySet."""
        return self.model._default_manager.all()


UPLOADS = Kind(
    model=Upload,
    task="classifier.tasks.classify_upload",
    delivery=timedelta(seconds=60),
    waiting={"status": Upload.Status.PENDING},
    running={"status": Upload.Status.RUNNING},
    bury=lambda: {"status": Upload.Status.DEAD, "error": "attempts_exhausted", "finished_at": timezone.now()},
)
# The photo that a start sends through the site does not wait behind those of people.
PROBES = replace(UPLOADS, queue="probe")
# Faces that people drew; one that is buried stays without a prediction.
FACES = Kind(model=Face, task="classifier.tasks.classify_face", delivery=timedelta(seconds=30), related=("upload",))
# Carried out in pieces; what fails is noted with its answer, so no attempt is the last.
BULK_REVIEWS = Kind(
    model=BulkReview,
    task="classifier.tasks.run_bulk_review",
    delivery=timedelta(seconds=60),
    waiting={"state": BulkReview.State.PENDING},
    running={"state": BulkReview.State.RUNNING},
    related=("reviewer",),
    max_attempts=lambda: None,
)
# A message that nobody takes for a minute is sent again: the worker may be busy.
RUNS = Kind(
    model=TrainingRun,
    task="classifier.tasks.train_network",
    queue="training",
    expires=60,
    delivery=timedelta(seconds=60),
    waiting={"state": TrainingRun.State.QUEUED, "stage": "waiting for a worker"},
    running={"state": TrainingRun.State.RUNNING, "stage": "reading"},
    bury=lambda: {
        "state": TrainingRun.State.FAILED,
        "stage": "",
        "finished_at": timezone.now(),
        "reason": f"The worker was lost {RUN_ATTEMPTS} times; the network that serves was not touched.",
    },
    related=("snapshot", "champion", "version"),
    lease_seconds=lambda: settings.FERSITE_TRAINING_LEASE_SECONDS,
    max_attempts=lambda: RUN_ATTEMPTS,
)


def hand_over(kind: Kind[Row], pk: Any) -> bool:
    """Send a committed row to the workers; where the broker does not take it, the next sweep sends it."""
    if send_task(kind.task, pk, queue=kind.queue, expires=kind.expires):
        return True
    kind.rows.open().filter(pk=pk, claimed_until__isnull=True).update(due_at=timezone.now())
    return False


def claim(kind: Kind[Row], pk: Any) -> Row | None:
    """Take the lease; None when another worker has it, or the row is finished, gone or out of attempts."""
    now, most = timezone.now(), kind.max_attempts()
    free = kind.rows.filter(pk=pk).claimable(now=now)
    claimed = (free if most is None else free.filter(attempts__lt=most)).update(
        **kind.running,
        attempts=F("attempts") + 1,
        fencing_token=F("fencing_token") + 1,
        claimed_until=now + timedelta(seconds=kind.lease_seconds()),
        due_at=None,
    )
    if not claimed:
        _bury(kind, free)
        return None
    row: Row | None = kind.rows.select_related(*kind.related).filter(pk=pk).first()
    return row


def held(kind: Kind[Row], row: Row) -> Any:
    """The row, as a query set, if this worker holds its lease still: the fencing token is of its claim."""
    return kind.rows.filter(pk=row.pk, claimed_until__isnull=False, fencing_token=row.fencing_token)


def renew(kind: Kind[Row], row: Row) -> bool:
    """Let the lease last for its whole time again; False when it was lost."""
    until = timezone.now() + timedelta(seconds=kind.lease_seconds())
    return held(kind, row).update(claimed_until=until) == 1


def finish(kind: Kind[Row], row: Row, **values: Any) -> bool:
    """Write the result and end the lease; False, and nothing is written, when it was lost."""
    return held(kind, row).update(**values, claimed_until=None, due_at=None) == 1


def give_back(kind: Kind[Row], row: Row) -> None:
    """After a failure: wait twice as long each time, or give up after the last attempt."""
    wait = timedelta(seconds=settings.FERSITE_RETRY_SECONDS * 2 ** (row.attempts - 1))
    _wait(kind, row, wait)
    _bury(kind, kind.rows.filter(pk=row.pk).claimable(now=timezone.now()))


def postpone(kind: Kind[Row], row: Row, *, wait: timedelta | None = None, **values: Any) -> bool:
    """Give lease and attempt back; False when the lease was lost.

    Args:
        wait: until a sweep hands the row out again; None, for an outage: as long again as it has waited, a minute at
            most.
        values: more to be written into the row.
    """
    if wait is None:
        wait = max(timedelta(seconds=settings.FERSITE_RETRY_SECONDS), min(row.age(timezone.now()), LONGEST_WAIT))
    return _wait(kind, row, wait, attempts=F("attempts") - 1, **values)


def _wait(kind: Kind[Row], row: Row, wait: timedelta, **values: Any) -> bool:
    written = {**kind.waiting, **values}
    return held(kind, row).update(**written, claimed_until=None, due_at=timezone.now() + wait) == 1


def _bury(kind: Kind[Row], rows: "QuerySet[Any]") -> None:
    """Give up on those of these claimable rows whose attempts are used up."""
    most = kind.max_attempts()
    if most is not None:
        rows.filter(attempts__gte=most).update(**kind.bury(), claimed_until=None, due_at=None)


def find_forgotten(kind: Kind[Row]) -> Any:
    """Rows, as a query set, whose messages an emptied broker has lost, as far as their number tells; else none.

    They were sent some seconds ago and never claimed, and there are more of them than messages. Among them may be some
    whose message is still there: sending one twice is harmless.
    """
    sent = timezone.now() + kind.delivery - UNDER_WAY
    waiting = kind.rows.open().filter(claimed_until__isnull=True, fencing_token=0, due_at__lte=sent)
    try:
        forgotten = waiting.count() > count_messages(kind.queue)
    except redis.RedisError:
        forgotten = False  # whoever sends says so
    return waiting if forgotten else waiting.none()


def sweep(kind: Kind[Row]) -> int:
    """Bury what is out of attempts, send again what got lost; how many were sent."""
    now = timezone.now()
    _bury(kind, kind.rows.claimable(now=now))
    order = F("due_at").asc(nulls_first=True)
    stalled = kind.rows.stalled(now=now) | find_forgotten(kind)
    lost = list(stalled.order_by(order, "pk").values_list("pk", flat=True)[:SWEEP_BATCH])
    kind.rows.open().filter(pk__in=lost, claimed_until__isnull=True).update(due_at=now + kind.delivery)
    return sum(hand_over(kind, pk) for pk in lost)


def be_patient(step: Callable[[], Result]) -> Result:
    """A step that the database's short absence (a restart, say) must not cost: tried again for some seconds.

    Raises:
        InterfaceError, OperationalError: it is away for longer.
    """
    for pause in PAUSES:
        try:
            return step()
        except DATABASE_OUTAGES as error:
            logger.warning("the database is away, once more in %.1f s: %s", pause, error)
            connection.close()  # a broken one would fail again
            time.sleep(pause)
    return step()


def carry_out(kind: Kind[Row], pk: Any, work: Callable[[Row], None]) -> None:
    """Do the work of a row if nobody else does; safe to call twice, at once or later.

    In an outage the row waits; whatever else `work` raises costs an attempt.
    """
    row = be_patient(lambda: claim(kind, pk))
    if row is None:
        return
    try:
        work(row)
    except OUTAGES as error:
        logger.warning("%s %s waits: %s", kind.model.__name__, pk, error)
        if isinstance(error, DATABASE_OUTAGES):
            connection.close()  # a broken one would fail again below
        be_patient(lambda: postpone(kind, row))
    except Exception:
        logger.exception("%s %s failed", kind.model.__name__, pk)
        be_patient(lambda: give_back(kind, row))


def enqueue_explanation(explanation_id: int) -> bool:
    """Ask a worker what a network looked at; False when the broker could not be reached: asking again sends it."""
    return send_task(EXPLAIN, explanation_id)


def send_task(task: str, pk: Any, *, queue: str = "inference", expires: float | None = None) -> bool:
    """Send a message about a row; False when the broker could not be reached, or could not just now."""
    global _paused_until
    if time.monotonic() < _paused_until:
        return False
    try:
        with app.connection_for_write(connect_timeout=BROKER_SECONDS, transport_options=_IMPATIENT) as connection:
            args = [pk if isinstance(pk, int) else str(pk)]
            app.send_task(task, args=args, queue=queue, expires=expires, connection=connection, retry=False)
    except Exception as error:  # noqa: BLE001 - whatever its client raises: the row is stored, the sweeper sends it
        _paused_until = time.monotonic() + PAUSE_SECONDS
        logger.warning("broker unreachable (%s); %s %s waits", error, task, pk)
        return False
    return True
