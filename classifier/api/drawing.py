"""Faces that the finder missed, drawn by the photo's owner."""

from uuid import UUID

from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from classifier.answers.corrections import NotReadyError
from classifier.api.base import ApiView
from classifier.api.problems import Problem
from classifier.api.schema import describe_problems
from classifier.api.serializers import BoxSerializer, FaceSerializer
from classifier.models import Upload
from classifier.photos.drawing import Box, BoxRefused, draw_face

PROBLEMS = ("not_authenticated", "invalid_token", "not_found", "invalid_field", "not_ready")
BOX_PROBLEMS = ("box_outside", "box_taken", "box_too_small", "too_many_boxes")


class FaceListView(ApiView):
    """Faces of one upload of the caller's."""

    @extend_schema(
        operation_id="draw_face",
        summary="Add a face that was missed",
        description="A box of at least 16 pixels each way inside the photo. A worker classifies it: GET the upload "
        "until the prediction of the face is there. An upload in no_face is done from then on.",
        tags=["faces"],
        request=BoxSerializer,
        responses={201: FaceSerializer, **describe_problems(*PROBLEMS, *BOX_PROBLEMS)},
    )
    def post(self, request: Request, pk: UUID) -> Response:
        """201 with the new face."""
        uploads = Upload.objects.owned_by(request.user)
        upload = uploads.filter(pk=pk).first()
        if upload is None:
            raise Http404
        body = BoxSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        try:
            drawn = draw_face(upload=upload, box=Box(**body.validated_data))
        except BoxRefused as error:
            raise Problem(error.code, str(error)) from error
        except NotReadyError as error:
            raise Problem("not_ready", str(error)) from error
        fresh = uploads.with_faces().filter(pk=pk).first()
        face = next((face for face in fresh.faces.all() if face.pk == drawn.pk), None) if fresh else None
        if face is None:  # erased in the same moment
            raise Http404
        return Response(FaceSerializer(face).data, status=201)
