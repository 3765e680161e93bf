"""Where an answer stands in the list a reviewer has filtered, and which one comes next."""

from dataclasses import dataclass
from urllib.parse import urlencode

from django.db.models import QuerySet
from django.urls import reverse

from accounts.models import User
from classifier.models import Correction

# Beyond so many answers of a list nobody goes one by one.
LONGEST = 20_000


@dataclass(frozen=True)
class Place:
    """number: from 1, None when the answer is not in the list any more; the neighbours are ids or None.

    upcoming: the next one that this reviewer may decide, from the top again after the last.
    """

    number: int | None
    total: int
    previous: int | None
    following: int | None
    upcoming: int | None


def find_place(queryset: QuerySet[Correction], *, pk: int, reviewer: User, hint: int | None = None) -> Place:
    """Look an answer up in a filtered, ordered list, in one query.

    Args:
        hint: the id that came next when the page was made: where to go on when `pk` has left the list, which is what
            a decision does to a list of pending answers.
    """
    rows = list(queryset.values_list("pk", "state", "author_id")[:LONGEST])
    ids = [row_pk for row_pk, *_ in rows]
    at = ids.index(pk) if pk in ids else None
    after = at + 1 if at is not None else ids.index(hint) if hint in ids else 0
    reviewable = (
        row_pk
        for row_pk, state, author in rows[after:] + rows[:after]
        if state == Correction.State.PENDING and author != reviewer.pk and row_pk != pk
    )
    return Place(
        number=at + 1 if at is not None else None,
        total=len(rows),
        previous=ids[at - 1] if at else None,
        following=ids[after] if after < len(ids) else None,
        upcoming=next(reviewable, None),
    )


def link_answer(pk: int, filters: str) -> str:
    """An answer's page that remembers the list's filters (a query string)."""
    return _remember(reverse("admin:classifier_correction_change", args=[pk]), filters)


def link_decision(pk: int, filters: str) -> str:
    return _remember(reverse("admin:classifier_correction_decide", args=[pk]), filters)


def link_list(filters: str) -> str:
    address = reverse("admin:classifier_correction_changelist")
    return f"{address}?{filters}" if filters else address


def _remember(address: str, filters: str) -> str:
    return f"{address}?{urlencode({'_changelist_filters': filters})}" if filters else address
