"""What the network looked at in one's own face: asked for by POST, shown on the result page."""

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.loader import render_to_string
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from classifier.answers.corrections import reveal_upload
from classifier.models import Face, Prediction, choose_prediction
from classifier.photos.explanations import request_explanation
from classifier.web.presentation import describe_map


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def explain_face(request: HttpRequest, pk: UUID) -> HttpResponse:
    """POST asks a worker; a script that accepts JSON gets {state, html}, now and by GET, others the result page."""
    owned = Face.objects.filter(upload__owner=request.user.pk).select_related("upload")
    face = get_object_or_404(owned.prefetch_related("predictions__version", "predictions__explanation"), pk=pk)
    prediction = choose_prediction(face)
    if prediction is None:
        raise Http404("no network has answered for this face")
    reveal_upload(upload=face.upload)  # the map names the answer
    if request.method == "POST":
        request_explanation(prediction=prediction)
    if request.accepts("text/html"):
        return redirect(f"{reverse('upload_detail', args=[face.upload_id])}#face-{face.index + 1}")
    return JsonResponse(_describe(request, face, prediction))


def _describe(request: HttpRequest, face: Face, prediction: Prediction) -> dict[str, str]:
    shown = describe_map(Prediction.objects.select_related("explanation").get(pk=prediction.pk))
    html = render_to_string("classifier/_explanation.html", {"face": face, "map": shown}, request)
    return {"state": shown.state, "html": html}
