"""Uploads over HTTP: hand one in, list one's own, read one, erase one. Another user's id does not exist."""

from typing import TYPE_CHECKING, Any, cast

from django.core.files.uploadedfile import UploadedFile
from django.http import QueryDict
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema_view
from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.generics import GenericAPIView
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BooleanField, ValidationError

from classifier.answers.corrections import reveal_upload
from classifier.api import upload_schema
from classifier.api.base import ApiView
from classifier.api.bodies import drain_after, limit_body
from classifier.api.pagination import NewestFirst
from classifier.api.problems import Problem
from classifier.api.serializers import AcceptedSerializer, DuplicateSerializer, UploadSerializer, find_url
from classifier.api.throttles import UploadThrottle
from classifier.models import Upload
from classifier.models.upload import UploadQuerySet
from classifier.photos.erasure import erase_upload
from classifier.photos.images import MAX_BYTES, ImageRefused
from classifier.photos.intake import IdempotencyMismatch, Outcome, TakenUpload, take_upload

if TYPE_CHECKING:
    from accounts.models import User

STATUSES = [status.value for status in Upload.Status]
NO_IMAGE = "Send multipart/form-data with one file in the field image."
TOO_LARGE = f"The photo may have at most {MAX_BYTES // 1024**2} MB: send a smaller one."


class OwnUploads(ApiView, GenericAPIView[Upload]):
    """Uploads of the caller, with their faces."""

    queryset = Upload.objects.none()
    serializer_class = UploadSerializer

    @property
    def owner(self) -> "User":
        """The caller; permissions let in nobody without an account."""
        return cast("User", self.request.user)

    def get_queryset(self) -> UploadQuerySet:
        """The caller's uploads, nobody else's."""
        return Upload.objects.owned_by(self.owner).with_faces()


@extend_schema_view(get=upload_schema.LIST, post=upload_schema.TAKE)
class UploadListView(OwnUploads):
    """The caller's uploads."""

    pagination_class = NewestFirst
    parser_classes = (MultiPartParser,)
    throttle_classes = (UploadThrottle,)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Limit the body first: the CSRF check of a session reads it."""
        self.limit = limit_body(request._request)
        super().initial(request, *args, **kwargs)

    def get(self, request: Request) -> Response:
        """One page, newest first."""
        uploads = self.get_queryset()
        if (status := request.query_params.get("status")) is not None:
            if status not in STATUSES:
                raise Problem("invalid_status", f"status is one of {', '.join(STATUSES)}.", errors={"status": STATUSES})
            uploads = uploads.with_status(status)
        page = self.paginate_queryset(uploads)
        for upload in page or ():
            reveal_upload(upload=upload)
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    def post(self, request: Request) -> Response:
        """Store a photo; a worker classifies it."""
        image, consent = self.read_body(request)
        try:
            taken = take_upload(
                owner=self.owner,
                file=image,
                source=Upload.Source.API,
                consent_training=consent,
                idempotency_key=read_idempotency_key(request),
            )
        except ImageRefused as refused:
            raise Problem(refused.code, refused.message) from refused
        except IdempotencyMismatch as mismatch:
            raise Problem("idempotency_mismatch", "Use a new key for another photo.") from mismatch
        return self.answer(request, taken)

    def read_body(self, request: Request) -> "tuple[UploadedFile[Any], bool]":
        """The file and the consent. The length decides before anything is read; then what is missing; then size."""
        if "chunked" in request.headers.get("Transfer-Encoding", "") and not request.headers.get("Content-Length"):
            raise Problem("length_required", "Send the body with a Content-Length.")
        try:
            fields = cast("QueryDict", request.data) if not self.limit.exceeded else QueryDict()
        except UnsupportedMediaType:
            raise Problem("image_required", NO_IMAGE) from None
        if self.limit.exceeded:
            raise Problem("too_large", TOO_LARGE)
        images = request.FILES.getlist("image")
        if len(images) != 1:
            raise Problem("image_required", NO_IMAGE)
        try:
            consent = BooleanField().run_validation(fields.get("consent_training") or False)
        except ValidationError:
            detail = "consent_training is true or false."
            raise Problem("invalid_field", detail, errors={"consent_training": [detail]}) from None
        return images[0], consent

    def answer(self, request: Request, taken: TakenUpload) -> Response:
        """202 for a new photo; 200 with the earlier upload for the same bytes, also under the same Idempotency-Key."""
        headers = {"Location": find_url(taken.upload, request)}
        context = self.get_serializer_context()
        if taken.outcome is Outcome.CREATED:
            return Response(AcceptedSerializer(taken.upload, context=context).data, status=202, headers=headers)
        upload = self.get_queryset().get(pk=taken.upload.pk)
        reveal_upload(upload=upload)
        return Response(DuplicateSerializer(upload, context=context).data, headers=headers)

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        """Read and drop the rest of a refused body, so that the client gets its answer."""
        final = super().finalize_response(request, response, *args, **kwargs)
        if request.method == "POST" and final.status_code >= 400:
            drain_after(final, self.request._request)
        return final


def read_idempotency_key(request: Request) -> str | None:
    """The Idempotency-Key header; None when there is none."""
    key = request.headers.get("Idempotency-Key", "").strip()
    if len(key) > 255 or not (key.isascii() and key.isprintable()):
        raise Problem("invalid_idempotency_key", "Idempotency-Key has at most 255 printable ASCII characters.")
    return key or None


@extend_schema_view(get=upload_schema.READ, delete=upload_schema.ERASE)
class UploadView(OwnUploads):
    """One upload of the caller."""

    def get(self, request: Request, pk: str) -> Response:
        """Its state, a fresh link to the photo, and the faces."""
        upload = get_object_or_404(self.get_queryset(), pk=pk)
        reveal_upload(upload=upload)
        return Response(self.get_serializer(upload).data)

    def delete(self, request: Request, pk: str) -> Response:
        """Erase it for good."""
        erase_upload(upload=get_object_or_404(Upload.objects.owned_by(self.owner), pk=pk))
        return Response(status=204)
