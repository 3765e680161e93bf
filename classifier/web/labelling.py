"""The page that puts one face at a time to a person, and the crops of shared faces: by key, by tap, without a script.

Of other people's photos nothing is shown but the 48×48 pixels that the network saw, and only while they are shared.
"""

from typing import Any, cast
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.files.storage import default_storage
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from accounts.models import User
from classifier.answers.corrections import FeedbackError, is_asked_blind
from classifier.answers.labelling import (
    COUNTED_UP_TO,
    NotOpenError,
    QueuedFace,
    answer_question,
    choose_question,
    count_left,
    count_progress,
    find_asked_batch,
    find_question,
    find_recent_answer,
    make_token,
    read_token,
    undo_answer,
)
from classifier.models import Answer, Correction, Face, Label
from classifier.web.outcomes import SAID, describe_outcome
from classifier.web.pace import TooManyAnswersError, count_answer, send_refusal

ANSWERS = {answer.label: answer for answer in Answer}
UNDO, SKIP = "undo", "skip"
CHOICES = [(str(label.value + 1), label.label) for label in Label]
SKIPPED, SKIPPED_KEPT = "label_skipped", 500


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def label_faces(request: HttpRequest) -> HttpResponse:
    """The page, and what it sends: `question`, a token, and `answer`: a label, unclear, not_a_face, skip or undo.

    A script also sends the tokens that it holds in `held`, and gets {status, next, batch, notice}: three pieces of
    HTML, and words when the answer was not kept, with status 409; {error} with 429 when it comes too fast.
    """
    user = cast(User, request.user)
    if request.method != "POST":
        return render(request, "classifier/label.html", describe_page(request, user))
    word, token, notice = request.POST.get("answer", ""), request.POST.get("question", ""), ""
    again = token if word == UNDO else ""
    try:
        take_answer(request, user, token, word)
    except TooManyAnswersError as error:
        if not request.accepts("text/html"):
            return send_refusal(error)
        notice, again = str(error), token
    except FeedbackError as error:
        notice, again = str(error), ""
    if request.accepts("text/html"):
        if notice:
            messages.error(request, notice)
        return redirect(reverse("label") + (f"?{urlencode({'question': again})}" if again else ""))
    return JsonResponse(describe_step(request, user, again, notice), status=409 if notice else 200)


def take_answer(request: HttpRequest, user: User, token: str, word: str) -> None:
    """Answer, skip or undo, as `word` says; raises FeedbackError."""
    if word == SKIP:
        face_id, _ = read_token(token, user)
        request.session[SKIPPED] = [*request.session.get(SKIPPED, []), str(face_id)][-SKIPPED_KEPT:]
    elif word == UNDO:
        undo_answer(user=user, token=token)
    elif word in ANSWERS:
        count_answer(user)
        answer_question(user=user, token=token, answer=ANSWERS[word])
    else:
        raise FeedbackError("Choose one of the answers.")


def describe_page(request: HttpRequest, user: User) -> dict[str, Any]:
    """The face that is asked, the one after it, which a script keeps ready, and the status."""
    status = describe_status(request, user)
    skipped, turn, first, following = read_skipped(request), status["turn"], None, None
    # Counting stops early; looking for one where there is none would go through every prediction.
    if status["left"] > 0:
        first = find_again(user, request.GET.get("question", ""))
        first = first or choose_question(user=user, passed=skipped, turn=turn)
    if first and status["left"] > 1:
        following = choose_question(user=user, passed=[*skipped, first.face_id], turn=turn + 1)
    return {**status, "question": first, "following": following, "choices": CHOICES}


def describe_step(request: HttpRequest, user: User, again: str, notice: str) -> dict[str, str]:
    """What the script gets: the new status, and a question to keep, or the one whose answer was taken back.

    `batch`: the line of the batch for which the answered face was asked; those of the held questions are older.
    """
    status = describe_status(request, user)
    held = [face_id for face_id in (read_held(token, user) for token in request.POST.getlist("held")) if face_id]
    question = find_again(user, again)
    if question is None and status["left"] > len(held):
        passed = [*read_skipped(request), *held]
        question = choose_question(user=user, passed=passed, turn=status["turn"] + len(held))
    context = {"question": question, "choices": CHOICES}
    batch = find_asked_batch(user=user, token=request.POST.get("question", ""))
    return {
        "status": render_to_string("classifier/_label_status.html", status, request),
        "next": render_to_string("classifier/_label_question.html", context, request) if question else "",
        "batch": render_to_string("classifier/_label_batch.html", {"batch": batch}) if batch else "",
        "notice": notice,
    }


def describe_status(request: HttpRequest, user: User) -> dict[str, Any]:
    """What was said last, and how far the person is."""
    skipped = read_skipped(request)
    progress, left = count_progress(user), count_left(user=user, skipped=skipped)
    return {
        "last": describe_last(find_recent_answer(user), user),
        "progress": progress,
        "left": min(left, COUNTED_UP_TO),
        "more_left": left > COUNTED_UP_TO,
        "skipped": len(skipped),
        "turn": progress.turn + len(skipped),
    }


def describe_last(said: Correction | None, user: User) -> dict[str, Any] | None:
    """An answer, what became of it, and the network's, which a photo still asked blind keeps to itself."""
    if said is None:
        return None
    upload = said.face.upload
    own = upload.owner_id == user.pk
    hidden = own and is_asked_blind(upload)
    return {
        "said": SAID[Answer(said.answer)],
        "outcome": describe_outcome(said, shared=upload.consent_training, own=own),
        "prediction": None if hidden else said.prediction,
        "hidden": hidden,
        "same": said.prediction is not None and said.prediction.label == said.answer,
        "token": make_token(said.face_id, user, said.asked) if said.state == Correction.State.PENDING else "",
    }


def find_again(user: User, token: str) -> QueuedFace | None:
    """The question of a token while it is open; None otherwise."""
    try:
        return find_question(user=user, token=token) if token else None
    except NotOpenError:
        return None


def read_held(token: str, user: User) -> UUID | None:
    """The face of a token; None for what is no token of this person's."""
    try:
        return read_token(token, user)[0]
    except NotOpenError:
        return None


def read_skipped(request: HttpRequest) -> list[UUID]:
    """Faces that were skipped since the person logged in."""
    return [UUID(text) for text in request.session.get(SKIPPED, [])]


@login_required
@never_cache
@require_safe
def show_shared_crop(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Redirects to a fresh signed link, for the owner's own faces and those of photos that are shared now."""
    face = get_object_or_404(Face.objects.visible_to(request.user).exclude(crop="").only("crop"), pk=pk)
    return HttpResponseRedirect(default_storage.url(face.crop))
