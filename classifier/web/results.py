"""One upload: its result page, the small JSON sibling that the page polls, its pictures, consent and deletion.

Everything is looked up among the visitor's own uploads: somebody else's is as absent as one that never was.
"""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.files.storage import default_storage
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST, require_safe

from classifier.answers.corrections import is_asked_blind, reveal_upload
from classifier.models import Face, Upload
from classifier.photos.erasure import erase_upload
from classifier.photos.intake import set_consent
from classifier.web.access import login_required_from
from classifier.web.presentation import announce, describe_faces, describe_reason, describe_waiting, is_slow

MIN_PAGE_REFRESH = 3  # seconds between reloads without JavaScript


def find_upload(request: HttpRequest, pk: UUID) -> Upload:
    """The visitor's upload with its faces; 404 for any other."""
    return get_object_or_404(Upload.objects.owned_by(request.user).with_teaching().with_faces(), pk=pk)


def describe_upload(upload: Upload) -> dict[str, Any]:
    """The context of the result, on the page and in the JSON sibling."""
    slow = is_slow(upload)
    blind = upload.status == Upload.Status.DONE and is_asked_blind(upload)
    drawn = [face for face in upload.faces.all() if face.origin == Face.Origin.DRAWN]
    waiting = describe_waiting(upload)
    open_ones = sum(not face.failed for face in waiting)
    cards = describe_faces(upload)
    answered = bool(cards) and not open_ones and all(card.question.said for card in cards)
    return {
        "upload": upload,
        "blind": blind,
        "cards": cards,
        "answered": answered,
        # The owner's next photo to answer about.
        "following": Upload.objects.unanswered().following(upload).first() if answered else None,
        "reason": describe_reason(upload),
        "slow": slow,
        # What the page shows; the script sends it back and gets the result only when it differs.
        "state": f"{upload.status}{'-slow' if slow else ''}{'-blind' if blind else ''}"
        + (f"-drawn{len(drawn)}-{open_ones}-{len(waiting)}" if drawn else ""),
        "finished": upload.is_finished and not open_ones,
        "waiting": waiting,
        "looking": open_ones > 0,
        "drawable": upload.status in (Upload.Status.DONE, Upload.Status.NO_FACE),
        "refresh": MIN_PAGE_REFRESH,
    }


@login_required
@never_cache
@require_safe
def show_upload(request: HttpRequest, pk: UUID) -> HttpResponse:
    return render(request, "classifier/upload_detail.html", describe_upload(find_upload(request, pk)))


@never_cache
@require_GET
def read_state(request: HttpRequest, pk: UUID) -> JsonResponse:
    """{state, finished}, and when `?seen=` is not the present state also {html, announcement}."""
    if not request.user.is_authenticated:
        return JsonResponse({"code": "not_authenticated"}, status=401)
    try:
        context = describe_upload(find_upload(request, pk))
    except Http404:
        return JsonResponse({"code": "not_found"}, status=404)
    return JsonResponse(render_state(request, context, seen=request.GET.get("seen")))


def render_state(request: HttpRequest, context: dict[str, Any], *, seen: str | None) -> dict[str, Any]:
    """What the page's script shows; `seen`: the state that it shows already."""
    answer: dict[str, Any] = {"state": context["state"], "finished": context["finished"]}
    if seen != context["state"]:
        answer["html"] = render_to_string("classifier/_result.html", context, request)
        answer["announcement"] = announce(context["upload"], context["cards"])
    return answer


@login_required
@never_cache
@require_safe
def show_image(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Redirects to a fresh signed link: pages that stay open show their pictures still."""
    upload = get_object_or_404(Upload.objects.owned_by(request.user).only("image"), pk=pk)
    return HttpResponseRedirect(default_storage.url(upload.image))


@login_required
@never_cache
@require_safe
def show_crop(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Redirects to a fresh signed link of the crop that the network saw."""
    face = get_object_or_404(Face.objects.filter(upload__owner=request.user.pk).exclude(crop="").only("crop"), pk=pk)
    return HttpResponseRedirect(default_storage.url(face.crop))


@login_required
@never_cache
@require_safe
def show_face(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Redirects to the face on the result page of its photo."""
    face = get_object_or_404(Face.objects.filter(upload__owner=request.user.pk).only("upload", "index"), pk=pk)
    return redirect(f"{reverse('upload_detail', args=[face.upload_id])}#face-{face.index + 1}")


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def delete_upload(request: HttpRequest, pk: UUID) -> HttpResponse:
    """GET asks, POST erases."""
    upload = get_object_or_404(Upload.objects.owned_by(request.user).with_teaching(), pk=pk)
    if request.method != "POST":
        return render(request, "classifier/upload_delete.html", {"upload": upload})
    erase_upload(upload=upload)
    messages.success(request, "The photo is deleted, with its faces and answers.")
    return redirect("uploads")


@require_POST
@login_required_from("upload_detail")
def show_answers(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Shows the network's answers of a photo that was asked blind: its owner wants them now."""
    upload = get_object_or_404(Upload.objects.owned_by(request.user), pk=pk)
    reveal_upload(upload=upload)
    return redirect("upload_detail", upload.pk)


@require_POST
@login_required_from("upload_detail")
def change_consent(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Share the photo for training (`consent_training=on`), or no longer."""
    upload = get_object_or_404(Upload.objects.owned_by(request.user), pk=pk)
    shared = request.POST.get("consent_training") == "on"
    set_consent(upload=upload, shared=shared)
    messages.success(request, "Thank you: this photo is shared." if shared else "This photo is no longer shared.")
    return redirect("upload_detail", upload.pk)
