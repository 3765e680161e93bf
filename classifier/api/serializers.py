"""The shapes that the interface sends and takes; the schema is made from them."""

from typing import Any

from django.core.files.storage import default_storage
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.reverse import reverse

from classifier.models import Answer, Correction, Explanation, Face, Label, Prediction, Upload, choose_prediction

LABELS = [label.label for label in Label]
ANSWERS = [answer.label for answer in Answer]


def find_url(upload: Upload, request: Request) -> str:
    """The absolute address of an upload in the interface."""
    return reverse("api:upload", args=[upload.pk], request=request)


class CredentialsSerializer(serializers.Serializer[Any]):
    """Name and password of an account."""

    username = serializers.CharField(max_length=150)
    password = serializers.CharField(max_length=4096, trim_whitespace=False, write_only=True)


class TokenSerializer(serializers.Serializer[Any]):
    """A token that stays valid until it is revoked."""

    token = serializers.CharField(read_only=True)


class LimitsSerializer(serializers.Serializer[Any]):
    """What a photo may be, and how many may come."""

    max_bytes = serializers.IntegerField(help_text="of the file")
    max_pixels = serializers.IntegerField(help_text="width × height")
    min_side = serializers.IntegerField(help_text="pixels of the shorter side, at least")
    formats = serializers.ListField(child=serializers.CharField(), help_text="names of the formats, by content")
    uploads_per_hour = serializers.IntegerField(help_text="POSTs of one user in any hour, refused photos included")


class NewUploadSerializer(serializers.Serializer[Any]):
    """The multipart body."""

    image = serializers.FileField(help_text="one photo; see /api/v1/limits/")
    consent_training = serializers.BooleanField(
        default=False,
        help_text="share this photo: reviewers see it, users who label see crops of its faces, networks learn from it",
    )


class BoxSerializer(serializers.Serializer[Face]):
    """Pixels of the oriented photo, from its top left corner."""

    x = serializers.IntegerField(min_value=0)
    y = serializers.IntegerField(min_value=0)
    width = serializers.IntegerField(min_value=1)
    height = serializers.IntegerField(min_value=1)


class PredictionSerializer(serializers.Serializer[Prediction]):
    """One version's answer for a face."""

    label = serializers.ChoiceField(choices=LABELS, source="get_label_display")  # type: ignore[assignment]
    confidence = serializers.FloatField(min_value=0, max_value=1, help_text="calibrated probability of the label")
    probabilities = serializers.SerializerMethodField(help_text="of all seven labels, summing to 1")
    set = serializers.SerializerMethodField(help_text="the labels that are plausible, most probable first")
    version = serializers.CharField(source="version.name", help_text="of the network")
    ms = serializers.FloatField(min_value=0, help_text="wall time for the whole photo, in milliseconds")

    @extend_schema_field(
        {
            "type": "object",
            "properties": {label: {"type": "number", "minimum": 0, "maximum": 1} for label in LABELS},
            "required": LABELS,
        }
    )
    def get_probabilities(self, prediction: Prediction) -> dict[str, float]:
        """Probabilities by label, in label order."""
        return dict(zip(LABELS, prediction.probabilities, strict=True))

    @extend_schema_field(serializers.ListField(child=serializers.ChoiceField(choices=LABELS), min_length=1))
    def get_set(self, prediction: Prediction) -> list[str]:
        """Labels by name, the most probable first."""
        return [LABELS[label] for label in prediction.prediction_set]


class NewCorrectionSerializer(serializers.Serializer[Any]):
    """What the owner says a face shows."""

    label = serializers.ChoiceField(choices=ANSWERS)  # type: ignore[assignment]


class CorrectionSerializer(serializers.Serializer[Correction]):
    """What somebody answered about a face, and what became of it."""

    id = serializers.IntegerField()
    label = serializers.ChoiceField(choices=ANSWERS, source="get_answer_display")  # type: ignore[assignment]
    state = serializers.ChoiceField(choices=Correction.State.choices)
    final_label = serializers.ChoiceField(
        choices=LABELS,
        source="get_final_label_display",
        allow_null=True,
        help_text="what was approved, label or another; null while it is not, and where no label was",
    )
    reason = serializers.CharField(allow_blank=True, help_text="why rejected, or not learned from; else empty")
    created_at = serializers.DateTimeField()


class OwnCorrectionSerializer(CorrectionSerializer):
    """With the face: in a list it is not plain which one is meant."""

    face = serializers.UUIDField(source="face_id", help_text="its id, of the caller's photo or somebody else's")


class FaceSerializer(serializers.Serializer[Face]):
    """A face with its predictions prefetched, newest first."""

    id = serializers.UUIDField()
    box = BoxSerializer(source="*")
    prediction = serializers.SerializerMethodField(help_text="null until a network has answered")
    correction = serializers.SerializerMethodField(help_text="null while there is none")

    @extend_schema_field(PredictionSerializer(allow_null=True))
    def get_prediction(self, face: Face) -> dict[str, Any] | None:
        """The champion's, else that of the version that answered last."""
        if face.upload.status != Upload.Status.DONE:
            return None
        chosen = choose_prediction(face)
        return PredictionSerializer(chosen).data if chosen else None

    @extend_schema_field(CorrectionSerializer(allow_null=True))
    def get_correction(self, face: Face) -> dict[str, Any] | None:
        """The owner's latest answer that was not taken back."""
        answers = face.owners_answers  # type: ignore[attr-defined]  # set by with_faces()
        return CorrectionSerializer(answers[0]).data if answers else None


class UploadSerializer(serializers.ModelSerializer[Upload]):
    """An upload from `with_faces()`."""

    error = serializers.SerializerMethodField(help_text="a code, or null when nothing went wrong")
    image = serializers.SerializerMethodField(help_text="link to the sanitised photo, valid for five minutes")
    faces = FaceSerializer(many=True)

    class Meta:
        model = Upload
        fields = ("id", "status", "error", "created_at", "image", "faces")

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_error(self, upload: Upload) -> str | None:
        """The code, null when nothing went wrong."""
        return upload.error or None

    @extend_schema_field(serializers.URLField())
    def get_image(self, upload: Upload) -> str:
        """A link to the photo, signed now."""
        return default_storage.url(upload.image)


class AcceptedSerializer(serializers.ModelSerializer[Upload]):
    """A photo that was stored and waits for its worker."""

    url = serializers.SerializerMethodField(help_text="where its result will be")

    class Meta:
        model = Upload
        fields = ("id", "status", "url")

    @extend_schema_field(serializers.URLField())
    def get_url(self, upload: Upload) -> str:
        """The upload's absolute address in the API."""
        return find_url(upload, self.context["request"])


class DuplicateSerializer(UploadSerializer):
    """The earlier upload of the same bytes, in full."""

    url = serializers.SerializerMethodField(help_text="where its result is")
    duplicate = serializers.SerializerMethodField(help_text="true")

    class Meta:
        model = Upload
        fields = ("id", "status", "url", "duplicate", "error", "created_at", "image", "faces")

    @extend_schema_field(serializers.URLField())
    def get_url(self, upload: Upload) -> str:
        """The upload's absolute address in the API."""
        return find_url(upload, self.context["request"])

    def get_duplicate(self, upload: Upload) -> bool:
        """Always true: it tells this answer from a new upload's."""
        return True


class ExplanationSerializer(serializers.Serializer[Explanation]):
    """Which parts of a face spoke for the answer."""

    status = serializers.ChoiceField(choices=Explanation.Status.choices)
    label = serializers.SerializerMethodField(help_text="the answer that is explained")  # type: ignore[assignment]
    version = serializers.CharField(source="prediction.version.name", help_text="the network that gave it")
    evidence = serializers.ListField(
        child=serializers.ListField(child=serializers.FloatField()),
        allow_null=True,
        help_text="6 rows of 6 numbers over the 48×48 crop, top left first: what each place said for the label, in "
        "logits, less the mean of all labels; null until status is done",
    )
    error = serializers.SerializerMethodField(
        help_text="not_explainable, photo_missing or unreadable_image when it failed, else null"
    )

    @extend_schema_field(serializers.ChoiceField(choices=LABELS))
    def get_label(self, explanation: Explanation) -> str:
        return Label(explanation.prediction.label).label

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_error(self, explanation: Explanation) -> str | None:
        """The code, null when nothing went wrong."""
        return explanation.error or None
