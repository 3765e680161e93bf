"""Review in admin: the list of answers about shared photos, with what the network and other people said."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.admin.views.main import ORDER_VAR, ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone

from classifier.admin import filters
from classifier.admin.bulk import show_preview
from classifier.admin.places import LONGEST
from classifier.admin.review_pages import ReviewPages
from classifier.admin.uploads import show_image
from classifier.answers.agreement import measure_agreement
from classifier.answers.track_records import read_track_records
from classifier.models import BulkReview, Correction, Label

if TYPE_CHECKING:
    from django.utils.safestring import SafeString


class AnswerList(ChangeList):
    """Ordered by suspicion while label issues are asked for, unless a column is clicked."""

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[Any]:
        """By the label issue filter's rank, unless a column is clicked."""
        if filters.ISSUE_RANK in queryset.query.annotations and ORDER_VAR not in self.params:
            return [filters.ISSUE_RANK, "pk"]
        return super().get_ordering(request, queryset)


@admin.register(Correction)
class CorrectionAdmin(ReviewPages):
    """Answers about shared photos, the oldest pending first; a reviewer's own cannot be reviewed by them."""

    list_display = (
        *("crop_image", "id", "network_said", "prediction_set", "person_said", "author_with_record"),
        *("marks", "what_became_of_it", "answered_at"),
    )
    list_display_links = ("crop_image", "id")
    list_filter = (
        *(filters.StateFilter, filters.LabelIssueFilter, filters.DisagreementFilter, filters.PairFilter),
        *(filters.ConfidenceFilter, filters.AgeFilter, "answer", "prediction__label", "prediction__version"),
        *("blind", "asked"),
    )
    search_fields = ("id__exact", "author__username__iexact", "face__upload__id__exact")
    search_help_text = "Number of an answer, name of an author, or id of an upload."
    list_select_related = ("face__upload", "prediction__version", "author", "reviewer")
    ordering = ("created_at", "id")
    actions = ("approve", "reject")

    class Media:
        css = {"all": ("css/review.css",)}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Correction]:
        """Show shared photos only; `differs`: another person says something else of the face."""
        answers = super().get_queryset(request).filter(face__upload__consent_training=True)
        related = answers.select_related(*self.list_select_related)
        return related.annotate(differs=Correction.objects.other_opinions())

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return AnswerList

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Add people's agreement, and the track records of this page's authors in one query."""
        extra = {"title": "Answers to review", "agreement": measure_agreement, **(extra_context or {})}
        response = super().changelist_view(request, extra)
        shown = response.context_data if isinstance(response, TemplateResponse) else None
        if shown and "cl" in shown:
            records = read_track_records(row.author_id for row in shown["cl"].result_list)
            for row in shown["cl"].result_list:
                row.author_record = records[row.author_id]
        return response

    @admin.action(description="Approve the chosen answers …", permissions=["review"])
    def approve(self, request: HttpRequest, queryset: QuerySet[Correction]) -> HttpResponse:
        """Show a preview; nothing is decided yet."""
        return self._preview(request, queryset, BulkReview.Action.APPROVE)

    @admin.action(description="Reject the chosen answers …", permissions=["review"])
    def reject(self, request: HttpRequest, queryset: QuerySet[Correction]) -> HttpResponse:
        """Show a preview; nothing is decided yet."""
        return self._preview(request, queryset, BulkReview.Action.REJECT)

    def _preview(self, request: HttpRequest, queryset: QuerySet[Correction], action: str) -> HttpResponse:
        chosen = list(queryset.values_list("pk", flat=True)[: LONGEST + 1])
        return show_preview(request, self.admin_site, action, chosen, request.GET.urlencode())

    @admin.display(description="face")
    def crop_image(self, correction: Correction) -> "SafeString | str":
        """The crop that the network saw."""
        return show_image(correction.face.crop, shared=correction.face.upload.consent_training, size=72)

    @admin.display(description="network said", ordering="prediction__confidence")
    def network_said(self, correction: Correction) -> str:
        """The label that was shown, and how sure the network was of it."""
        said = correction.prediction
        return f"{said.get_label_display()} {said.confidence:.0%}" if said else "–"

    @admin.display(description="plausible")
    def prediction_set(self, correction: Correction) -> str:
        said = correction.prediction
        return ", ".join(Label(label).label for label in said.prediction_set) if said else "–"

    @admin.display(description="person said", ordering="answer")
    def person_said(self, correction: Correction) -> str:
        return filters.say_answer(correction.answer)

    @admin.display(description="author", ordering="author__username")
    def author_with_record(self, correction: Any) -> str:
        """The author, and how many of their reviewed answers were approved as they were."""
        record = correction.author_record
        if record.rate is None:
            return f"{correction.author} (new)"
        return f"{correction.author} ({record.rate:.0%} of {record.decided})"

    @admin.display(description="marks", ordering="differs")
    def marks(self, correction: Any) -> str:
        """Whether it was given blind, whether people differ, and a likely label issue."""
        marks = [("blind", correction.blind), ("people differ", correction.differs)]
        return ", ".join(filter(None, [*(words for words, holds in marks if holds), filters.say_issue(correction)]))

    @admin.display(description="state", ordering="state")
    def what_became_of_it(self, correction: Correction) -> str:
        """The state, and the label where the reviewer chose another."""
        return filters.say_state(correction)

    @admin.display(description="answered", ordering="created_at")
    def answered_at(self, correction: Correction) -> str:
        return f"{timezone.localtime(correction.created_at):%Y-%m-%d %H:%M}"
