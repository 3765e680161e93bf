"""What the OpenAPI schema says about uploads, apart from the code that does it."""

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema

from classifier.api.schema import ACCEPTED, SIGNED_IN, UPLOAD, describe_problems
from classifier.api.serializers import (
    AcceptedSerializer,
    DuplicateSerializer,
    NewUploadSerializer,
    UploadSerializer,
)
from classifier.models import Upload

IMAGE_REFUSALS = ("too_large", "unsupported_type", "too_many_pixels", "too_small", "unreadable_image")
TAGS = ["uploads"]

LIST = extend_schema(
    operation_id="list_uploads",
    summary="Your uploads, newest first, 50 a page",
    tags=TAGS,
    parameters=[
        OpenApiParameter(
            "status", OpenApiTypes.STR, enum=[status.value for status in Upload.Status], description="only these"
        )
    ],
    responses={200: UploadSerializer(many=True), **describe_problems("invalid_status", "invalid_cursor", *SIGNED_IN)},
    examples=[OpenApiExample("upload", value=UPLOAD, response_only=True, status_codes=["200"])],
)

TAKE = extend_schema(
    operation_id="create_upload",
    summary="Hand in a photo",
    description=(
        "Stored when the answer comes, classified within seconds: read `url` until `status` is neither `pending` nor "
        "`running`. The same bytes again give the earlier upload, unless that was erased or is dead. Every POST counts "
        "towards uploads_per_hour, refused photos included. A body without a file in `image`, JSON for example, is "
        "image_required."
    ),
    tags=TAGS,
    parameters=[
        OpenApiParameter(
            "Idempotency-Key",
            {"type": "string", "maxLength": 255},
            OpenApiParameter.HEADER,
            description="Your name for this request, kept for 24 hours: the same key with the same bytes gives the "
            "same upload, with other bytes idempotency_mismatch.",
        )
    ],
    request={"multipart/form-data": NewUploadSerializer},
    responses={
        202: OpenApiResponse(AcceptedSerializer, description="stored", examples=[OpenApiExample("new", ACCEPTED)]),
        200: OpenApiResponse(
            DuplicateSerializer,
            description="the same photo as before",
            examples=[OpenApiExample("duplicate", {**ACCEPTED, "duplicate": True, **UPLOAD})],
        ),
        **describe_problems(
            "image_required",
            "invalid_field",
            "invalid_idempotency_key",
            "malformed",
            "csrf_failed",
            "length_required",
            *IMAGE_REFUSALS,
            "idempotency_mismatch",
            "throttled",
            *SIGNED_IN,
        ),
    },
)

READ = extend_schema(
    operation_id="read_upload",
    summary="One upload with its faces",
    tags=TAGS,
    responses={
        200: OpenApiResponse(UploadSerializer, examples=[OpenApiExample("done", UPLOAD)]),
        **describe_problems("not_found", *SIGNED_IN),
    },
)

ERASE = extend_schema(
    operation_id="erase_upload",
    summary="Erase a photo, its faces and everything made of them",
    description="Links that were given out die within 60 seconds.",
    tags=TAGS,
    responses={204: OpenApiResponse(description="erased"), **describe_problems("csrf_failed", "not_found", *SIGNED_IN)},
)
