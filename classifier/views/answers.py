"""What a face shows, said by the photo's owner on the result page: by tap, by key, and without JavaScript."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.loader import render_to_string
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from classifier.feedback import FeedbackError, give_answer, reveal_answered, withdraw_answer
from classifier.labelling import is_blind
from classifier.models import Answer, Correction, Upload
from classifier.views.access import login_required_from
from classifier.views.pace import count_answer, send_refusal
from classifier.views.presentation import describe_question

ANSWERS = {answer.label: answer for answer in Answer}
UNDO = "undo"


@never_cache
@require_POST
@login_required_from("face")
def answer_face(request: HttpRequest, pk: UUID) -> HttpResponse:
    """`answer`: a label, "unclear", "not_a_face" or "undo"; scripts get {html, revealed} or {error}, others a page."""
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
                prediction=face.choose_prediction(),
                blind=is_blind(upload.owner, face, upload),
            )
        else:
            raise FeedbackError("Choose one of the answers.")
    except FeedbackError as error:
        return _refuse(request, upload, error)
    revealed = word != UNDO and reveal_answered(upload=upload)
    if request.accepts("text/html"):
        return redirect(f"{reverse('upload_detail', args=[upload.pk])}#face-{face.index + 1}")
    return JsonResponse({"html": _render_question(request, upload, pk), "revealed": revealed})


def _refuse(request: HttpRequest, upload: Upload, error: FeedbackError) -> HttpResponse:
    if request.accepts("text/html"):
        messages.error(request, str(error))
        return redirect("upload_detail", upload.pk)
    return send_refusal(error)


def _render_question(request: HttpRequest, upload: Upload, pk: UUID) -> str:
    fresh = Upload.objects.with_faces().get(pk=upload.pk)
    face = next(face for face in fresh.faces.all() if face.pk == pk)
    prediction = face.choose_prediction()
    if prediction is None:
        return ""
    context = {"face": face, "number": face.index + 1, "question": describe_question(fresh, face, prediction)}
    return render_to_string("classifier/_question.html", context, request)
