"""One decision about many answers: previewed, confirmed, and carried out by workers in short pieces between photos."""

import logging
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from time import monotonic
from uuid import UUID

from django.contrib.postgres.expressions import ArraySubquery
from django.db import transaction
from django.db.models import F, JSONField, OuterRef, Value
from django.db.models.expressions import CombinedExpression
from django.utils import timezone

from accounts.models import User
from classifier import jobs
from classifier.dataset.samples import CropMissingError
from classifier.models import Answer, BulkReview, Correction, Label
from classifier.review.decisions import CONTRADICTS, ReviewError, approve_answer, reject_answer

logger = logging.getLogger(__name__)

LARGEST = 5_000
# A piece ends after so many answers or seconds, so that a photo never waits longer behind it.
PIECE = 50
PIECE_SECONDS = 1.0


class LeaseLostError(Exception):
    """Another worker goes on with this bulk review."""


@dataclass(frozen=True)
class BulkPreview:
    """What a bulk review would do.

    corrections: ids this reviewer may decide, in the order given; counts: answer in words → how many of them;
    refused: why not → how many of the others.
    """

    corrections: list[int]
    counts: dict[str, int]
    refused: dict[str, int]
    without_label: int


def preview_bulk_review(*, reviewer: User, corrections: Sequence[int], approves: bool = True) -> BulkPreview:
    """Count what the reviewer may decide, by answer, and the rest by reason; two queries.

    Args:
        approves: leave out answers that say something else of their face than what stands approved, or than each other.
    """
    fields = ("answer", "state", "author_id", "face__upload__consent_training")
    chosen = Correction.objects.filter(pk__in=corrections)
    rows = {pk: rest for pk, *rest in chosen.values_list("pk", *fields)}
    refusals = {pk: _refuse(*rest[1:], reviewer=reviewer) for pk, rest in rows.items()}
    open_ones = [pk for pk, why in refusals.items() if not why]
    contradicting = _find_contradicting(open_ones) if approves else set()
    refusals |= dict.fromkeys(contradicting, CONTRADICTS)
    counts: Counter[int] = Counter()
    refused: Counter[str] = Counter()
    mine = []
    for pk in dict.fromkeys(corrections):
        why = refusals.get(pk, "erased")
        if why:
            refused[why] += 1
        else:
            mine.append(pk)
            counts[rows[pk][0]] += 1
    named = {str(Answer(answer).label).replace("_", " "): counts[answer] for answer in sorted(counts)}
    without = sum(number for answer, number in counts.items() if answer not in Label.values)
    return BulkPreview(mine, named, dict(refused), without)


def _find_contradicting(corrections: Sequence[int]) -> set[int]:
    """Those that say something else of their face, a label or none, than what stands approved, or than each other."""
    known = ArraySubquery(Correction.objects.counting().filter(face=OuterRef("face")).values("final_label"))
    found = list(Correction.objects.filter(pk__in=corrections).values_list("pk", "face", "answer", known))
    labels: defaultdict[UUID, set[int | None]] = defaultdict(set)
    for _, face, answer, final_labels in found:
        labels[face] |= {answer if answer in Label.values else None, *final_labels}
    return {pk for pk, face, *_ in found if len(labels[face]) > 1}


def _refuse(state: str, author: int, shared: bool, *, reviewer: User) -> str:
    if state == Correction.State.WITHDRAWN:
        return "taken back by the author"
    if state != Correction.State.PENDING:
        return f"{state} already"
    if author == reviewer.pk:
        return "your own: another reviewer decides"
    return "" if shared else "photo not shared any more"


@transaction.atomic
def request_bulk_review(
    *, reviewer: User, action: str, corrections: Sequence[int], label: int | None = None, reason: str = ""
) -> BulkReview:
    """Note one decision about many answers; workers carry it out once this is stored.

    Args:
        action: a value of BulkReview.Action; label: approve under this one (0 to 6), None as answered.
        corrections: ids, at most LARGEST; what cannot be decided when its turn comes is noted as a problem.

    Raises:
        classifier.review.decisions.ReviewError: nothing or too much is chosen, or a rejection gives no reason.
    """
    ids = list(dict.fromkeys(corrections))
    if not ids:
        raise ReviewError("There is nothing to decide.")
    if len(ids) > LARGEST:
        raise ReviewError(f"At most {LARGEST} answers at once.")
    rejects = action == BulkReview.Action.REJECT
    if rejects and not reason.strip():
        raise ReviewError("Say why: the authors read it.")
    bulk = BulkReview.objects.create(
        reviewer=reviewer, action=BulkReview.Action(action), corrections=ids, label=None if rejects else label,
        reason=reason.strip() if rejects else "", due_at=timezone.now() + jobs.BULK_REVIEWS.delivery,
    )  # fmt: skip
    transaction.on_commit(partial(jobs.hand_over, jobs.BULK_REVIEWS, bulk.pk), robust=True)
    return bulk


def run_bulk_review(bulk_review_id: int) -> None:
    """Decide the next piece and ask for the one after; safe to call twice, at once or later.

    Each decision and the note that it is done are one transaction: a killed worker's successor neither repeats nor
    skips one. In an outage the rest waits.
    """
    jobs.carry_out(jobs.BULK_REVIEWS, bulk_review_id, _run_piece)


def sweep_bulk_reviews() -> int:
    """Send again what the broker lost or a worker left; how many were sent."""
    return jobs.sweep(jobs.BULK_REVIEWS)


def _run_piece(bulk: BulkReview) -> None:
    try:
        _decide_piece(bulk)
    except LeaseLostError:
        logger.warning("bulk review %s: another worker goes on", bulk.pk)
        return
    if bulk.done >= len(bulk.corrections):
        jobs.finish(jobs.BULK_REVIEWS, bulk, state=BulkReview.State.DONE, finished_at=timezone.now())
    elif jobs.postpone(jobs.BULK_REVIEWS, bulk, wait=jobs.BULK_REVIEWS.delivery):
        jobs.hand_over(jobs.BULK_REVIEWS, bulk.pk)


def _decide_piece(bulk: BulkReview) -> None:
    if bulk.done < len(bulk.corrections) and not bulk.reviewer.has_perm("classifier.review_correction"):
        _advance(bulk, len(bulk.corrections), problem="The rest was left: you may not review any more.")
    end = monotonic() + PIECE_SECONDS
    for _ in range(PIECE):
        if bulk.done >= len(bulk.corrections) or monotonic() > end:
            break
        _decide_next(bulk)


def _decide_next(bulk: BulkReview) -> None:
    try:
        with transaction.atomic():
            _decide(bulk)
            _advance(bulk, bulk.done + 1)
    except (ReviewError, CropMissingError) as error:
        _advance(bulk, bulk.done + 1, problem=str(error))
    except (LeaseLostError, *jobs.OUTAGES):
        raise
    except Exception:
        logger.exception("bulk review %s: answer %s failed", bulk.pk, bulk.corrections[bulk.done])
        _advance(bulk, bulk.done + 1, problem="Something went wrong.")


def _decide(bulk: BulkReview) -> None:
    # Only the id is known yet: the use case locks and reads the row, and says so if it is gone.
    correction = Correction(pk=bulk.corrections[bulk.done])
    if bulk.action == BulkReview.Action.APPROVE:
        approve_answer(correction=correction, reviewer=bulk.reviewer, label=bulk.label, replace=False)
    else:
        reject_answer(correction=correction, reviewer=bulk.reviewer, reason=bulk.reason)


def _advance(bulk: BulkReview, done: int, *, problem: str = "") -> None:
    """Note how far it is, by compare-and-swap; raises LeaseLostError, which takes a decision back."""
    if problem:
        noted = Value([[bulk.corrections[bulk.done], problem]], output_field=JSONField())
        problems = CombinedExpression(F("problems"), "||", noted, output_field=JSONField())
        changed = jobs.held(jobs.BULK_REVIEWS, bulk).filter(done=bulk.done).update(done=done, problems=problems)
    else:
        changed = jobs.held(jobs.BULK_REVIEWS, bulk).filter(done=bulk.done).update(done=done, decided=F("decided") + 1)
    if changed != 1:
        raise LeaseLostError
    bulk.done = done
