"""What became of people's answers so far: how often reviewers agreed with each author; reads only."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Count, F, Q

from classifier.models import Correction


@dataclass(frozen=True)
class TrackRecord:
    """Counts of one author's answers; approved includes relabelled: approved under another label than the author's."""

    approved: int = 0
    relabelled: int = 0
    rejected: int = 0
    pending: int = 0

    @property
    def decided(self) -> int:
        return self.approved + self.rejected

    @property
    def rate(self) -> float | None:
        """Share of the reviewed answers that were taken as they were, 0 to 1; None before the first review."""
        return (self.approved - self.relabelled) / self.decided if self.decided else None


def read_track_records(authors: Iterable[int]) -> dict[int, TrackRecord]:
    """Records by author id, one query; each of these authors is there."""
    wanted = set(authors)
    state = Correction.State
    rows = (
        Correction.objects.filter(author__in=wanted)
        .order_by()
        .values("author")
        .annotate(
            approved=Count("pk", filter=Q(state=state.APPROVED)),
            relabelled=Count("pk", filter=Q(final_label__isnull=False) & ~Q(final_label=F("answer"))),
            rejected=Count("pk", filter=Q(state=state.REJECTED)),
            pending=Count("pk", filter=Q(state=state.PENDING)),
        )
        .values_list("author", "approved", "relabelled", "rejected", "pending")
    )
    return {author: TrackRecord() for author in wanted} | {author: TrackRecord(*counts) for author, *counts in rows}
