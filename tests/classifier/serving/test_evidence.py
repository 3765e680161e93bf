"""Explanations: the worker fills the row from what the network that answered says of the stored crop."""

import numpy as np
import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from classifier.models import Explanation, Prediction
from classifier.photos.erasure import erase_upload
from classifier.serving.explain import compute_explanation
from classifier.storage.codec import encode_crop
from classifier.training.registry import register_version
from ml.artifacts import default_artifact, load_artifact
from ml.explain import compare_evidence
from ml.predict import Network
from tests.factories import make_face, make_prediction, make_upload, make_user, make_version
from tests.ml.drawing import draw_crop


@pytest.fixture
def prediction(db: None) -> Prediction:
    """Of a face whose crop lies in the bucket, by that network."""
    version = register_version(path=default_artifact(), promote=True, reason="test")
    face = make_face(make_upload(make_user()))
    face.crop = default_storage.save("faces/explained.png", ContentFile(encode_crop(draw_crop(3, 7))))
    face.save()
    return make_prediction(face, version)


def test_the_map_is_the_networks(prediction: Prediction) -> None:
    explanation = Explanation.objects.create(prediction=prediction)
    compute_explanation(explanation.pk)
    explanation.refresh_from_db()
    assert explanation.status == "done"
    seen = Network(load_artifact(default_artifact())).compute_evidence(draw_crop(3, 7)[np.newaxis])[0]
    expected = compare_evidence(seen, prediction.label)
    assert np.array(explanation.evidence) == pytest.approx(expected, abs=1e-3)

    compute_explanation(explanation.pk)  # delivered twice
    assert Explanation.objects.get().created_at == explanation.created_at


def test_a_crop_that_is_gone(prediction: Prediction) -> None:
    default_storage.delete(prediction.face.crop)
    explanation = Explanation.objects.create(prediction=prediction)
    compute_explanation(explanation.pk)
    explanation.refresh_from_db()
    assert (explanation.status, explanation.error) == ("failed", "photo_missing")


def test_a_crop_that_is_damaged(prediction: Prediction) -> None:
    default_storage.delete(prediction.face.crop)
    default_storage.save(prediction.face.crop, ContentFile(encode_crop(draw_crop(3, 7))[:40]))
    explanation = Explanation.objects.create(prediction=prediction)
    compute_explanation(explanation.pk)
    explanation.refresh_from_db()
    assert (explanation.status, explanation.error) == ("failed", "unreadable_image")


def test_a_network_without_evidence(prediction: Prediction, monkeypatch: pytest.MonkeyPatch) -> None:
    network = Network(load_artifact(default_artifact()))
    network._evidence = None
    monkeypatch.setattr("classifier.serving.explain.get_network", lambda version: network)
    explanation = Explanation.objects.create(prediction=prediction)
    compute_explanation(explanation.pk)
    explanation.refresh_from_db()
    assert (explanation.status, explanation.error) == ("failed", "not_explainable")


def test_a_version_that_cannot_be_loaded_leaves_it_pending(prediction: Prediction) -> None:
    other = make_prediction(prediction.face, make_version("gone", "retired"))
    explanation = Explanation.objects.create(prediction=other)
    compute_explanation(explanation.pk)
    explanation.refresh_from_db()
    assert explanation.status == "pending"


def test_erasing_the_photo_erases_it(prediction: Prediction) -> None:
    Explanation.objects.create(prediction=prediction)
    erase_upload(upload=prediction.face.upload)
    assert not Explanation.objects.exists()
    compute_explanation(1)  # a task that comes too late
