"""A face that the finder missed, drawn by the photo's owner on the result page."""

from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from classifier.answers.corrections import NotReadyError
from classifier.models import Upload
from classifier.photos.drawing import Box, BoxRefused, draw_face
from classifier.web.access import login_required_from
from classifier.web.results import describe_upload, find_upload, render_state


class BoxForm(forms.Form):
    """Whole pixels of the oriented photo."""

    x = forms.IntegerField()
    y = forms.IntegerField()
    width = forms.IntegerField()
    height = forms.IntegerField()


@never_cache
@require_POST
@login_required_from("upload_detail")
def add_face(request: HttpRequest, pk: UUID) -> HttpResponse:
    """x, y, width, height; a script gets the page's new state as from its JSON sibling, or {error}; others the page."""
    upload = get_object_or_404(Upload.objects.owned_by(request.user), pk=pk)
    form, words = BoxForm(request.POST), ""
    if not form.is_valid():
        words = "A box has four whole numbers."
    else:
        try:
            draw_face(upload=upload, box=Box(**form.cleaned_data))
        except (BoxRefused, NotReadyError) as error:
            words = str(error)
    if request.accepts("text/html"):
        if words:
            messages.error(request, words)
        return redirect("upload_detail", pk)
    if words:
        return JsonResponse({"error": words}, status=409)
    return JsonResponse(render_state(request, describe_upload(find_upload(request, pk)), seen=None))
