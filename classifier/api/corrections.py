"""Answers of the photo's owner about its faces, and taking them back."""

from typing import cast
from uuid import UUID

from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import User
from classifier.api.base import ApiView
from classifier.api.problems import Problem
from classifier.api.schema import describe_problems
from classifier.api.serializers import ANSWERS, CorrectionSerializer, NewCorrectionSerializer
from classifier.api.throttles import AnswerThrottle
from classifier.feedback import AlreadyReviewedError, NotReadyError, give_answer, withdraw_answer
from classifier.models import Correction, Face

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
                prediction=face.choose_prediction(),
            )
        except NotReadyError as error:
            raise Problem("not_ready", str(error)) from error
        return Response(CorrectionSerializer(correction).data, status=201)


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
