"""What a network looked at in a face of the caller's."""

from uuid import UUID

from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from classifier.answers.corrections import reveal_upload
from classifier.api.base import ApiView
from classifier.api.problems import Problem
from classifier.api.schema import describe_problems
from classifier.api.serializers import ExplanationSerializer
from classifier.models import Explanation, Face, Prediction, choose_prediction
from classifier.photos.explanations import request_explanation

PROBLEMS = ("not_authenticated", "invalid_token", "not_found", "not_ready")


class ExplanationView(ApiView):
    """The explanation of the champion's answer, else of the newest one."""

    @extend_schema(
        operation_id="request_explanation",
        summary="Ask what the network looked at",
        description="A worker computes it: GET the same address until status is done or failed.",
        tags=["faces"],
        request=None,
        responses={200: ExplanationSerializer, 202: ExplanationSerializer, **describe_problems(*PROBLEMS)},
    )
    def post(self, request: Request, pk: UUID) -> Response:
        """202 while it is being computed, 200 when it is there."""
        explanation = request_explanation(prediction=find_prediction(request, pk))
        waiting = explanation.status == Explanation.Status.PENDING
        return Response(ExplanationSerializer(explanation).data, status=202 if waiting else 200)

    @extend_schema(
        operation_id="read_explanation",
        summary="What the network looked at",
        tags=["faces"],
        responses={200: ExplanationSerializer, **describe_problems(*PROBLEMS)},
    )
    def get(self, request: Request, pk: UUID) -> Response:
        """404 until it has been asked for."""
        prediction = find_prediction(request, pk)
        explanation = Explanation.objects.filter(prediction=prediction).first()
        if explanation is None:
            raise Http404
        return Response(ExplanationSerializer(explanation).data)


def find_prediction(request: Request, pk: UUID) -> Prediction:
    """The answer shown for a face of the caller's; 404 for anybody else's, 409 while there is none."""
    faces = Face.objects.filter(upload__owner=request.user.pk).select_related("upload")
    face = faces.prefetch_related("predictions__version").filter(pk=pk).first()
    if face is None:
        raise Http404
    if (prediction := choose_prediction(face)) is not None:
        reveal_upload(upload=face.upload)
        return prediction
    raise Problem("not_ready", "No network has answered for this face yet: ask again later.")
