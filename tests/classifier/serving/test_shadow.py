"""A shadow answers every new photo beside the champion; nobody is shown its answers, and its failures cost nothing."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from classifier.models import Prediction, choose_prediction
from classifier.serving import network
from classifier.serving.classify import classify_upload
from classifier.serving.network import _Loaded
from classifier.training.registry import choose_shadow, register_version
from fersite.s3 import make_client
from ml.artifacts import default_artifact
from tests.artifacts import make_variant

if TYPE_CHECKING:
    from classifier.models import Upload, Version

pytestmark = [pytest.mark.tensorflow, pytest.mark.django_db]


@pytest.fixture
def shadow(db: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> "Version":
    monkeypatch.setattr(network, "_loaded", _Loaded())
    register_version(path=default_artifact(), promote=True, reason="shipped")
    version = register_version(path=make_variant(tmp_path, request.node.name[:40]), promote=False, reason="to compare")
    choose_shadow(version=version)
    return version


def test_both_answer_and_the_champion_is_shown(shadow: "Version", take: Any) -> None:
    upload: Upload = take(source="page").upload
    classify_upload(upload.pk)
    face = upload.faces.get()
    shown, silent = face.predictions.shown().get(), face.predictions.get(shadow=True)
    assert (shown.version.state, silent.version) == ("champion", shadow)
    # The same network under another name says the same.
    assert silent.probabilities == pytest.approx(shown.probabilities, abs=1e-6)
    assert choose_prediction(face) == shown


def test_a_shadow_that_cannot_be_loaded_costs_the_photo_nothing(
    shadow: "Version", take: Any, settings: Any, bucket: str, tmp_path: Path
) -> None:
    client = make_client(settings.S3_ENDPOINT_URL)
    client.put_object(Bucket=bucket, Key=f"versions/{shadow.digest}/network.tflite", Body=b"tampered")
    upload: Upload = take().upload
    classify_upload(upload.pk)
    upload.refresh_from_db()
    assert upload.status == "done"
    assert not Prediction.objects.filter(shadow=True).exists()

    register_version(path=tmp_path / shadow.name, promote=False, reason="mended")
    network._loaded.shadow_checked_at = float("-inf")
    assert network.get_shadow() is None  # within the minute it is not fetched again
    network._loaded.shadow_checked_at = network._loaded.shadow_tried_at = float("-inf")
    mended = network.get_shadow()
    assert mended is not None
    assert mended[0] == shadow
