"""What the caller answers about faces: given for one's own photos, listed for whoever's, taken back."""

from typing import cast
from uuid import UUID

from django.http import Http404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import User
from classifier.answers.corrections import AlreadyReviewedError, NotReadyError, give_answer, withdraw_answer
from classifier.api.base import ApiView
from classifier.api.pagination import NewestFirst
from classifier.api.problems import Problem
from classifier.api.schema import SIGNED_IN, describe_problems
from classifier.api.serializers import (
    ANSWERS,
    CorrectionSerializer,
    NewCorrectionSerializer,
    OwnCorrectionSerializer,
)
from classifier.api.throttles import AnswerThrottle
from classifier.models import Correction, Face, choose_prediction

PROBLEMS = ("not_authenticated", "invalid_token", "not_found")


class CorrectionListView(ApiView):
    """Answers about one face of the caller's."""

    throttle_classes = (AnswerThrottle,)

    @extend_schema(
        operation_id="correct_face",
        summary="Confirm or correct the answer for a face",
        description="Appends: an earlier answer that is still pending is withdrawn.",
        tags=["faces"],
        request=NewCorrectionSerializer,
        responses={
            201: CorrectionSerializer,
            **describe_problems(*PROBLEMS, "invalid_field", "not_ready", "throttled"),
        },
    )
    def post(self, request: Request, pk: UUID) -> Response:
        """201 with the new answer."""
        faces = Face.objects.filter(upload__owner=request.user.pk).select_related("upload")
        face = faces.prefetch_related("predictions__version").filter(pk=pk).first()
        if face is None:
            raise Http404
        body = NewCorrectionSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        try:
            correction = give_answer(
                face=face,
                author=cast(User, request.user),
                answer=ANSWERS.index(body.validated_data["label"]),
                asked=Correction.Asked.API,
                prediction=choose_prediction(face),
            )
        except NotReadyError as error:
            raise Problem("not_ready", str(error)) from error
        return Response(CorrectionSerializer(correction).data, status=201)


class OwnCorrectionsView(ApiView, GenericAPIView[Correction]):
    """The caller's answers about anybody's faces."""

    queryset = Correction.objects.none()
    serializer_class = OwnCorrectionSerializer
    pagination_class = NewestFirst

    @extend_schema(
        operation_id="list_corrections",
        summary="Your answers, newest first, 50 a page",
        description="Wherever you gave them, about faces of your photos and of those that others share.",
        tags=["faces"],
        parameters=[
            OpenApiParameter("state", OpenApiTypes.STR, enum=Correction.State.values, description="only these")
        ],
        responses={
            200: OwnCorrectionSerializer(many=True),
            **describe_problems("invalid_field", "invalid_cursor", *SIGNED_IN),
        },
    )
    def get(self, request: Request) -> Response:
        """One page; withdrawn ones are in it."""
        answers = Correction.objects.given_by(request.user)
        if (state := request.query_params.get("state")) is not None:
            if state not in Correction.State.values:
                words = f"state is one of {', '.join(Correction.State.values)}."
                raise Problem("invalid_field", words, errors={"state": [words]})
            answers = answers.filter(state=state)
        page = self.paginate_queryset(answers)
        return self.get_paginated_response(self.get_serializer(page, many=True).data)


class CorrectionView(ApiView):
    """One answer of the caller's."""

    @extend_schema(
        operation_id="withdraw_correction",
        summary="Take an answer back",
        description="Only while it is pending; the answer stays on record as withdrawn.",
        tags=["faces"],
        responses={204: None, **describe_problems(*PROBLEMS, "already_reviewed")},
    )
    def delete(self, request: Request, pk: int) -> Response:
        """204; 404 for anybody else's."""
        correction = Correction.objects.filter(pk=pk, author=request.user.pk).first()
        if correction is None:
            raise Http404
        try:
            withdraw_answer(correction=correction, actor=cast(User, request.user))
        except AlreadyReviewedError as error:
            raise Problem("already_reviewed", str(error)) from error
        return Response(status=204)
