"""What a face shows, said by the photo's owner on the result page: by tap, by key, and without JavaScript."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.loader import render_to_string
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from classifier.answers.corrections import FeedbackError, give_answer, reveal_answered, withdraw_answer
from classifier.answers.labelling import is_blind
from classifier.models import Answer, Correction, Upload, choose_prediction
from classifier.web.access import login_required_from
from classifier.web.pace import count_answer, send_refusal
from classifier.web.results import describe_upload, find_upload, render_state

ANSWERS = {answer.label: answer for answer in Answer}
UNDO = "undo"


@never_cache
@require_POST
@login_required_from("face")
def answer_face(request: HttpRequest, pk: UUID) -> HttpResponse:
    """`answer`: a label, "unclear", "not_a_face" or "undo"; scripts get {error} or what is new, others a page.

    {revealed: false, html, next}: the question, and the way to the next photo; {revealed: true} with the page's new
    state as from its JSON sibling once all is answered about a photo that was asked blind.
    """
    upload = get_object_or_404(Upload.objects.owned_by(request.user).with_faces(), faces=pk)
    face = next(face for face in upload.faces.all() if face.pk == pk)
    word = request.POST.get("answer", "")
    try:
        if word == UNDO:
            for said in face.owners_answers[:1]:  # type: ignore[attr-defined]  # set by with_faces()
                withdraw_answer(correction=said, actor=upload.owner)
        elif word in ANSWERS:
            count_answer(upload.owner)
            give_answer(
                face=face,
                author=upload.owner,
                answer=ANSWERS[word],
                asked=Correction.Asked.RESULT,
                prediction=choose_prediction(face),
                blind=is_blind(upload.owner, face, upload),
            )
        else:
            raise FeedbackError("Choose one of the answers.")
    except FeedbackError as error:
        return _refuse(request, upload, error)
    revealed = word != UNDO and reveal_answered(upload=upload)
    if request.accepts("text/html"):
        return redirect(f"{reverse('upload_detail', args=[upload.pk])}#face-{face.index + 1}")
    context = describe_upload(find_upload(request, upload.pk))
    if revealed:
        return JsonResponse({"revealed": True, **render_state(request, context, seen=None)})
    following = render_to_string("classifier/_next.html", context, request)
    return JsonResponse({"revealed": False, "html": _render_question(request, context, pk), "next": following})


def _refuse(request: HttpRequest, upload: Upload, error: FeedbackError) -> HttpResponse:
    if request.accepts("text/html"):
        messages.error(request, str(error))
        return redirect("upload_detail", upload.pk)
    return send_refusal(error)


def _render_question(request: HttpRequest, context: dict[str, Any], pk: UUID) -> str:
    card = next((card for card in context["cards"] if card.face.pk == pk), None)
    if card is None:
        return ""
    shown = {"face": card.face, "number": card.number, "question": card.question}
    return render_to_string("classifier/_question.html", shown, request)
