"""The visitor's own answers, newest first, about whoever's faces: what became of each and why, and taking one back.

Of other people's photos nothing is shown but the crop of the face, and that only while they are shared.
"""

from dataclasses import dataclass
from typing import Any, cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts.models import User
from classifier.answers.corrections import FeedbackError, withdraw_answer
from classifier.models import Answer, Correction
from classifier.web.outcomes import SAID, describe_outcome, describe_state

PAGE_SIZE = 50


@dataclass(frozen=True)
class OwnAnswer:
    """One answer in the list; own: the photo is the author's; visible: they may see the face."""

    correction: Correction
    said: str
    state: str
    outcome: str
    own: bool
    visible: bool

    @property
    def can_undo(self) -> bool:
        """Whether no reviewer has looked at it."""
        return self.correction.state == Correction.State.PENDING


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def list_answers(request: HttpRequest) -> HttpResponse:
    """A page of 50, in a number of queries that does not depend on them; POST takes the answer `undo` (its id) back."""
    user = cast(User, request.user)
    if request.method == "POST":
        take_back(request, user)
        return redirect(request.get_full_path())
    answers = Correction.objects.given_by(user).with_visible_faces(user).select_related("face__upload")
    page = Paginator(answers, PAGE_SIZE).get_page(request.GET.get("page"))
    context = {"page": page, "rows": [describe_own_answer(answer, user) for answer in page]}
    return render(request, "classifier/answer_list.html", context)


def take_back(request: HttpRequest, user: User) -> None:
    """Withdraw an answer of the user's; 404 for any other, a message where a reviewer was faster."""
    word = request.POST.get("undo", "")
    pk = int(word) if word.isdecimal() and len(word) < 19 else None
    said = get_object_or_404(Correction.objects.given_by(user), pk=pk)
    try:
        withdraw_answer(correction=said, actor=user)
    except FeedbackError as error:
        messages.error(request, str(error))


def describe_own_answer(said: Any, user: User) -> OwnAnswer:
    """One row of the list; the answer comes from `with_visible_faces`, with face and upload."""
    upload = said.face.upload
    own, shared = upload.owner_id == user.pk, upload.consent_training
    return OwnAnswer(
        correction=said,
        said=SAID[Answer(said.answer)],
        state=describe_state(said, shared=shared),
        outcome=describe_outcome(said, shared=shared, own=own),
        own=own,
        visible=said.visible,
    )
