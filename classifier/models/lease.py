"""What every row has that a worker claims; classifier.jobs has the protocol."""

from datetime import datetime, timedelta
from typing import Self, TypeVar

from django.db import models
from django.db.models import Q

Row = TypeVar("Row", bound=models.Model)


class LeasedQuerySet(models.QuerySet[Row]):
    """Rows that wait for a worker, are held by one, or were."""

    def open(self) -> Self:
        """Work that is not finished; each model says which of its rows those are."""
        raise NotImplementedError

    def claimable(self, *, now: datetime) -> Self:
        """Waiting, or left by a worker whose lease ran out."""
        return self.open().filter(Q(claimed_until__isnull=True) | Q(claimed_until__lt=now))

    def stalled(self, *, now: datetime) -> Self:
        """Waiting for longer than the queue should take, or left by a worker: what a sweep sends again."""
        late = Q(claimed_until__isnull=True) & (Q(due_at__isnull=True) | Q(due_at__lte=now))
        return self.open().filter(late | Q(claimed_until__lt=now))


class Leased(models.Model):
    """Columns of the lease. Nobody holds a row without `claimed_until`; who holds it knows its `fencing_token`."""

    attempts = models.PositiveSmallIntegerField(
        default=0, help_text="claims that ended in no result, and the present one"
    )
    claimed_until = models.DateTimeField(null=True, blank=True, help_text="the lease of the worker that has it")
    fencing_token = models.PositiveIntegerField(default=0, db_default=0, help_text="the number of the latest claim")
    due_at = models.DateTimeField(null=True, blank=True, help_text="when the sweeper sends waiting work out again")

    class Meta:
        abstract = True

    def age(self, now: datetime) -> timedelta:
        """How long the work has waited for; nothing where the row does not say."""
        return timedelta(0)
