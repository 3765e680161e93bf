"""The page of one answer, where reviewers decide with buttons or keys and are led through their filtered list."""

import copy
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.utils import unquote
from django.contrib.admin.views.main import PAGE_VAR
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect, QueryDict
from django.template.response import TemplateResponse
from django.urls import URLPattern, path

from classifier.admin.answer_page import describe_answer
from classifier.admin.base import ReadOnlyAdmin
from classifier.admin.filters import ISSUE_RANK, say_answer, say_issue
from classifier.admin.places import Place, find_place, link_answer, link_list
from classifier.dataset.samples import CropMissingError
from classifier.models import Correction, Label
from classifier.review.decisions import AlreadyDecidedError, ReviewError, approve_answer, reject_answer
from classifier.storage.bulk import BucketError


class DecisionForm(forms.Form):
    """What the buttons send; `ready_reason` is a reason's own button, `upcoming` what came next on the page."""

    decision = forms.ChoiceField(choices=[("approve", ""), ("reject", "")])
    label = forms.TypedChoiceField(
        choices=[("", "as answered"), *Label.choices], coerce=int, empty_value=None, required=False
    )
    reason = forms.CharField(max_length=500, required=False)
    ready_reason = forms.CharField(max_length=500, required=False)
    upcoming = forms.IntegerField(required=False)


class ReviewPages(ReadOnlyAdmin):
    """Shows one answer and takes a decision about it."""

    def get_urls(self) -> list[URLPattern]:
        decide = path(
            "<int:pk>/decide/", self.admin_site.admin_view(self.decide_view), name="classifier_correction_decide"
        )
        return [decide, *super().get_urls()]

    def has_review_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("classifier.review_correction")

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Show one answer; its buttons send to `decide_view`."""
        if request.method not in ("GET", "HEAD") or not self.has_view_permission(request):
            raise PermissionDenied
        correction = self.get_object(request, unquote(object_id))
        if correction is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)  # type: ignore[attr-defined]
        reviewer, filters = _get_reviewer(request), self.get_preserved_list(request)
        rows = self.filter_answers(request, filters)
        place = find_place(rows, pk=correction.pk, reviewer=reviewer)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": f"Answer {correction.pk}: {correction.author} says {say_answer(correction.answer)}",
            "may_review": self.has_review_permission(request),
            "issue": say_issue(rows.filter(pk=correction.pk).first()) if ISSUE_RANK in rows.query.annotations else "",
            **describe_answer(correction, reviewer=reviewer, place=place, filters=filters),
        }
        return TemplateResponse(request, "admin/classifier/correction/change_form.html", context)

    def decide_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Carry out one decision and go on to the next answer of the list that this reviewer may decide."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not self.has_review_permission(request):
            raise PermissionDenied
        form, filters = DecisionForm(request.POST), self.get_preserved_list(request)
        if not form.is_valid():
            self.message_user(request, "This is no decision: use the buttons.", messages.ERROR)
            return HttpResponseRedirect(link_answer(pk, filters))
        # By its number alone: what was erased, or is not shared any more, is told in words.
        if not self.decide(request, Correction(pk=pk), form):
            return HttpResponseRedirect(link_answer(pk, filters))
        hint, rows = form.cleaned_data["upcoming"], self.filter_answers(request, filters)
        return self.go_on(request, find_place(rows, pk=pk, reviewer=_get_reviewer(request), hint=hint), filters)

    def decide(self, request: HttpRequest, correction: Correction, form: DecisionForm) -> bool:
        """Carry out a decision; True where the answer is done with, by it or by somebody who was faster."""
        reviewer, said = _get_reviewer(request), form.cleaned_data
        try:
            if said["decision"] == "approve":
                done = approve_answer(correction=correction, reviewer=reviewer, label=said["label"])
                final = done.get_final_label_display() or say_answer(done.answer)
                words = f"Answer {done.pk} approved as {final}. {done.reason}"
            else:
                reason = said["ready_reason"] or said["reason"]
                done = reject_answer(correction=correction, reviewer=reviewer, reason=reason)
                words = f"Answer {done.pk} rejected."
        except AlreadyDecidedError as error:
            self.message_user(request, str(error), messages.WARNING)
            return True
        except (ReviewError, CropMissingError) as error:
            self.message_user(request, str(error), messages.ERROR)
            return False
        except BucketError:
            self.message_user(request, "The photos cannot be reached: try again in a moment.", messages.ERROR)
            return False
        self.message_user(request, words.strip(), messages.SUCCESS)
        return True

    def go_on(self, request: HttpRequest, place: Place, filters: str) -> HttpResponse:
        """Redirect to the next answer, else to the list."""
        if place.upcoming is not None:
            return HttpResponseRedirect(link_answer(place.upcoming, filters))
        self.message_user(request, "Nothing is left to decide in this list.", messages.INFO)
        return HttpResponseRedirect(link_list(filters))

    def get_preserved_list(self, request: HttpRequest) -> str:
        """The query string of the list that the reviewer came from, without the page: a decision shortens the list."""
        filters = QueryDict(request.GET.get("_changelist_filters", ""), mutable=True)
        filters.pop(PAGE_VAR, None)
        return filters.urlencode()

    def filter_answers(self, request: HttpRequest, filters: str) -> QuerySet[Correction]:
        """The list with its filters, search and order; with the default ones where they make no sense."""
        as_list = copy.copy(request)
        as_list.GET = QueryDict(filters)
        try:
            return self.get_changelist_instance(as_list).queryset
        except IncorrectLookupParameters:
            as_list.GET = QueryDict()
            return self.get_changelist_instance(as_list).queryset


def _get_reviewer(request: HttpRequest) -> Any:
    """The user, who is logged in: admin lets nobody else in."""
    return request.user
