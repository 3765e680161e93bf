"""The upload page. One address for browsers with and without JavaScript: the script asks for JSON, one photo a request.

The size of the body is limited before anything reads it, so the CSRF check runs inside (see `classifier.api.bodies`).
"""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_http_methods

from accounts.models import User
from classifier.api.bodies import drain_after, limit_body
from classifier.models import Upload
from classifier.photos import images
from classifier.photos.images import ImageRefused
from classifier.photos.intake import IdempotencyMismatch, Outcome, take_upload
from classifier.storage.objects import StorageUnavailable
from classifier.templatetags.site import megabytes
from classifier.web.forms import ACCEPT, UploadForm
from fersite.rates import check_upload_rate, say_wait


@dataclass(frozen=True)
class FileResult:
    """What became of one file: an upload, or a code with words."""

    name: str
    upload: Upload | None = None
    duplicate: bool = False
    code: str = ""
    message: str = ""
    http_status: int = HTTPStatus.ACCEPTED

    def as_json(self) -> dict[str, Any]:
        if self.upload is None:
            return {"code": self.code, "message": self.message}
        return {
            "id": str(self.upload.pk),
            "url": reverse("upload_detail", args=[self.upload.pk]),
            "duplicate": self.duplicate,
        }


def wants_json(request: HttpRequest) -> bool:
    """Whether the page's script asks, not a browser."""
    return request.headers.get("Accept", "").startswith("application/json")


@csrf_exempt  # the check runs in answer_post, after the limit is installed
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def upload_photos(request: HttpRequest) -> HttpResponse:
    """GET shows the form, POST takes photos in."""
    if not isinstance(request.user, User):
        return refuse_stranger(request)
    if request.method != "POST":
        return show_form(request)
    wait = check_upload_rate(request.user)
    if wait is not None:
        return drained(refuse(request, [slow_down("", wait)]), request)
    limit = limit_body(request)
    response = refuse_body(request) if limit.exceeded else answer_post(request)
    return drained(refuse_body(request), request) if limit.exceeded else response


@csrf_protect
def answer_post(request: HttpRequest) -> HttpResponse:
    """Take every file in by itself: a bad one never holds up the others."""
    form = UploadForm(request.POST, request.FILES)
    if not form.is_valid():
        message = " ".join(str(error) for errors in form.errors.values() for error in errors)
        return refuse(request, [FileResult("", code="image_required", message=message, http_status=400)])
    consent = form.cleaned_data["consent_training"]
    outcomes = [
        take_file(request, file, consent=consent, counted=number == 0)
        for number, file in enumerate(form.cleaned_data["image"])
    ]
    if wants_json(request):
        return JsonResponse(outcomes[0].as_json(), status=outcomes[0].http_status)
    return answer_page(request, outcomes)


def take_file(request: HttpRequest, file: "UploadedFile[Any]", *, consent: bool, counted: bool) -> FileResult:
    """Hand one file to the use case; `counted`: the request itself has paid for it."""
    user, name = request.user, file.name or "photo"
    assert isinstance(user, User)  # noqa: S101 - upload_photos let nobody else in
    wait = None if counted else check_upload_rate(user)
    if wait is not None:
        return slow_down(name, wait)
    key = request.headers.get("Idempotency-Key", "")[:255] or None
    try:
        taken = take_upload(
            owner=user, file=file, source=Upload.Source.PAGE, consent_training=consent, idempotency_key=key
        )
    except ImageRefused as refusal:
        return FileResult(name, code=refusal.code, message=refusal.message, http_status=refusal.http_status)
    except StorageUnavailable:
        words = "The photo could not be stored just now. Please try again in a moment."
        return FileResult(name, code="unavailable", message=words, http_status=503)
    except IdempotencyMismatch:
        words = "This file changed while it was sent. Please add it again."
        return FileResult(name, code="idempotency_mismatch", message=words, http_status=422)
    duplicate = taken.outcome is Outcome.DUPLICATE
    status = HTTPStatus.OK if duplicate else HTTPStatus.ACCEPTED
    return FileResult(name, upload=taken.upload, duplicate=duplicate, http_status=status)


def answer_page(request: HttpRequest, outcomes: list[FileResult]) -> HttpResponse:
    """Without JavaScript: on to the result of a single photo, to the list after several, or what went wrong."""
    if any(outcome.upload is None for outcome in outcomes):
        return refuse(request, outcomes)
    if len(outcomes) == 1 and (upload := outcomes[0].upload):
        if outcomes[0].duplicate:
            messages.info(request, f"Already uploaded on {upload.created_at:%-d %B %Y}: this is the earlier result.")
        return redirect("upload_detail", upload.pk)
    if any(outcome.duplicate for outcome in outcomes):
        return show_form(request, outcomes=outcomes)
    messages.success(request, f"{len(outcomes)} photos are stored. Their results appear here.")
    return redirect("uploads")


def show_form(request: HttpRequest, *, outcomes: list[FileResult] | None = None, status: int = 200) -> HttpResponse:
    """The page, with what became of the files of the last request."""
    context = {"outcomes": outcomes or [], "limits": images, "accept": ACCEPT}
    return render(request, "classifier/upload.html", context, status=status)


def refuse(request: HttpRequest, outcomes: list[FileResult]) -> HttpResponse:
    """What went wrong, under the code of the first refusal (200 when some photos were stored)."""
    refused = next(outcome for outcome in outcomes if outcome.upload is None)
    if wants_json(request):
        response: HttpResponse = JsonResponse(refused.as_json(), status=refused.http_status)
    else:
        stored = any(outcome.upload for outcome in outcomes)
        response = show_form(request, outcomes=outcomes, status=200 if stored else refused.http_status)
    return response


def refuse_stranger(request: HttpRequest) -> HttpResponse:
    """Leads to the log-in page, and back afterwards."""
    if wants_json(request):
        words = "You were logged out. Log in again; the photos on this page must then be added once more."
        return JsonResponse({"code": "not_authenticated", "message": words}, status=401)
    return redirect_to_login(request.get_full_path())


def refuse_body(request: HttpRequest) -> HttpResponse:
    """Answers a body that was too large; nothing of it was kept."""
    limit = megabytes(images.MAX_BYTES)
    if wants_json(request):
        words = f"This file is larger than {limit}. Save it smaller and try again."
        return JsonResponse({"code": "too_large", "message": words}, status=413)
    return render(request, "413.html", {"limit": limit}, status=413)


def slow_down(name: str, seconds: int) -> FileResult:
    """The outcome for a file beyond the hourly limit."""
    words = f"You have reached the limit of photos per hour. Try again in {say_wait(seconds)}."
    return FileResult(name, code="throttled", message=words, http_status=HTTPStatus.TOO_MANY_REQUESTS)


def drained(response: HttpResponse, request: HttpRequest) -> HttpResponse:
    """The answer, after which the rest of the body is read and dropped."""
    drain_after(response, request)
    return response
