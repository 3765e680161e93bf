"""Review in admin: shared faces with what the network and the people said: approve, relabel, reject with a reason."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ActionForm
from django.db.models import QuerySet
from django.http import HttpRequest

from classifier.admin.base import ReadOnlyAdmin
from classifier.admin.uploads import show_image
from classifier.dataset import CropMissingError
from classifier.models import Correction, Label
from classifier.review import ReviewError, approve_answer, reject_answer

if TYPE_CHECKING:
    from django.utils.safestring import SafeString


class ReviewForm(ActionForm):
    """Beside the choice of the action."""

    label = forms.TypedChoiceField(
        choices=[("", "as answered"), *Label.choices], coerce=int, empty_value=None, required=False, label="Approve as"
    )
    reason = forms.CharField(max_length=500, required=False, label="Reason, if rejected")


@admin.register(Correction)
class CorrectionAdmin(ReadOnlyAdmin):
    """Answers about shared photos, the oldest pending first; a reviewer's own cannot be reviewed by them."""

    list_display = (
        "crop_image",
        "id",
        "answer",
        "network_said",
        "confidence",
        "author",
        "blind",
        "state",
        "created_at",
    )
    list_display_links = ("id",)
    list_filter = ("state", "answer", "prediction__label", "prediction__version", "blind", "asked", "created_at")
    search_fields = ("=id", "=author__username", "=face__upload__id")
    list_select_related = ("face__upload", "prediction", "author")
    ordering = ("-state", "created_at", "id")
    actions = ("approve", "reject")
    action_form = ReviewForm
    fields = (
        *(
            "id",
            "crop_image",
            "photo",
            "answer",
            "network_said",
            "confidence",
            "author",
            "blind",
            "asked",
            "created_at",
        ),
        *("state", "final_label", "reason", "reviewer", "reviewed_at"),
    )
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[Correction]:
        """Of shared photos only."""
        return super().get_queryset(request).filter(face__upload__consent_training=True)

    @admin.display(description="face")
    def crop_image(self, correction: Correction) -> "SafeString | str":
        """What the network saw."""
        return show_image(correction.face.crop, shared=correction.face.upload.consent_training, size=72)

    @admin.display(description="photo")
    def photo(self, correction: Correction) -> "SafeString | str":
        """The whole photo."""
        return show_image(correction.face.upload.image, shared=correction.face.upload.consent_training, size=300)

    @admin.display(description="network said", ordering="prediction__label")
    def network_said(self, correction: Correction) -> str:
        """The label that was shown."""
        return correction.prediction.get_label_display() if correction.prediction else ""

    @admin.display(description="confidence", ordering="prediction__confidence")
    def confidence(self, correction: Correction) -> str:
        """Of that label."""
        return f"{correction.prediction.confidence:.2f}" if correction.prediction else ""

    def has_review_permission(self, request: HttpRequest) -> bool:
        """Reviewers and staff may."""
        return request.user.has_perm("classifier.review_correction")

    @admin.action(description="Approve", permissions=["review"])
    def approve(self, request: HttpRequest, queryset: QuerySet[Correction]) -> None:
        """Each becomes a sample; what cannot is named."""
        form = ReviewForm(request.POST)
        form.fields["action"].choices = self.get_action_choices(request)  # type: ignore[attr-defined]
        label = form.cleaned_data["label"] if form.is_valid() else None
        self._review(request, queryset, "approved", lambda row: approve_answer(
            correction=row, reviewer=request.user, label=label  # type: ignore[arg-type]  # admin has let nobody else in
        ))  # fmt: skip

    @admin.action(description="Reject", permissions=["review"])
    def reject(self, request: HttpRequest, queryset: QuerySet[Correction]) -> None:
        """The author reads the reason."""
        reason = request.POST.get("reason", "")
        self._review(request, queryset, "rejected", lambda row: reject_answer(
            correction=row, reviewer=request.user, reason=reason  # type: ignore[arg-type]  # as above
        ))  # fmt: skip

    def _review(self, request: HttpRequest, queryset: QuerySet[Correction], done: str, decide: Any) -> None:
        decided, problems = 0, []
        for correction in queryset:
            try:
                decide(correction)
                decided += 1
            except (ReviewError, CropMissingError) as error:
                problems.append(f"{correction.pk}: {error}")
        self.message_user(request, f"{decided} {done}.", messages.SUCCESS if decided else messages.WARNING)
        for words in problems[:10]:
            self.message_user(request, words, messages.WARNING)
