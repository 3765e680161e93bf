"""Gives out tokens for names and passwords; slow for those who guess."""

from django.contrib.auth import authenticate
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.authtoken.models import Token
from rest_framework.exceptions import Throttled
from rest_framework.parsers import FormParser, JSONParser, MultiPartParser
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import guessing
from classifier.api.base import ApiView
from classifier.api.problems import Problem
from classifier.api.schema import describe_problems
from classifier.api.serializers import CredentialsSerializer, TokenSerializer

WRONG = "There is no active account with this name and password."


class TokenView(ApiView):
    """The one address that takes a password."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    parser_classes = (JSONParser, FormParser, MultiPartParser)

    @extend_schema(
        operation_id="create_token",
        summary="Get the token of an account",
        description="Send it as `Authorization: Bearer <token>`. The same account gets the same token again. "
        "Wrong attempts are slowed down by name and by address.",
        tags=["token"],
        auth=[],
        request=CredentialsSerializer,
        responses={
            200: TokenSerializer,
            **describe_problems("invalid_credentials", "malformed", "unsupported_media_type", "throttled"),
        },
        examples=[
            OpenApiExample("account", value={"username": "ada", "password": "correct horse"}, request_only=True),
            OpenApiExample("token", value={"token": "9944b09199c62bcf9418ad846dd0e4bbdfc6ee4b"}, response_only=True),
        ],
    )
    def post(self, request: Request) -> Response:
        """Check name and password."""
        fields = CredentialsSerializer(data=request.data)
        if not fields.is_valid():
            raise Problem("invalid_credentials", "Send username and password.", errors=fields.errors)
        name, password = fields.validated_data["username"], fields.validated_data["password"]
        if guessing.is_blocked(request._request, name):
            raise Throttled(guessing.minutes_blocked() * 60)
        user = authenticate(request._request, username=name, password=password)
        if user is None:
            raise Problem("invalid_credentials", WRONG)
        token, _ = Token.objects.get_or_create(user=user)
        return Response({"token": token.key})
