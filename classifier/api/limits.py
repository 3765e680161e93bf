"""Publishes the limits for photos; they are enforced in classifier.photos.images and fersite.rates."""

from django.conf import settings
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from classifier.api.base import ApiView
from classifier.api.schema import describe_problems
from classifier.api.serializers import LimitsSerializer
from classifier.photos.images import FORMATS, MAX_BYTES, MAX_PIXELS, MIN_SIDE

EXAMPLE = {
    "max_bytes": MAX_BYTES,
    "max_pixels": MAX_PIXELS,
    "min_side": MIN_SIDE,
    "formats": list(FORMATS),
    "uploads_per_hour": 200,
}


class LimitsView(ApiView):
    """Open to everybody, so that a client can ask before it has an account."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    @extend_schema(
        operation_id="read_limits",
        summary="What a photo may be, and how many may come",
        tags=["limits"],
        auth=[],
        responses={200: LimitsSerializer, **describe_problems("not_acceptable")},
        examples=[OpenApiExample("limits", value=EXAMPLE, response_only=True)],
    )
    def get(self, request: Request) -> Response:
        """The limits in force."""
        return Response(LimitsSerializer(EXAMPLE | {"uploads_per_hour": settings.FERSITE_UPLOADS_PER_HOUR}).data)
