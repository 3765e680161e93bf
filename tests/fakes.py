"""Stand-ins for what a unit test must not load; the real pipeline runs in tests/ml, test_kill and the browser tests."""

from typing import TYPE_CHECKING, Any

import numpy as np

from ml.predict import FaceResult

if TYPE_CHECKING:
    from PIL.Image import Image


def make_result(label: int = 3, box: tuple[int, int, int, int] = (8, 8, 32, 32)) -> FaceResult:
    """A face that appears to show `label` with a probability of 0.7."""
    probabilities = np.full(7, 0.05)
    probabilities[label] = 0.7
    return FaceResult(
        box=box,
        score=0.9,
        origin="detector",
        crop=np.full((48, 48), 100, np.uint8),
        label=label,
        confidence=0.7,
        probabilities=probabilities,
        prediction_set=[label],
    )


class FakePipeline:
    """Answers every photo with the same faces, or raises; `photos` counts how many it saw."""

    def __init__(self, *answers: FaceResult, error: Exception | None = None) -> None:
        self.answers, self.error, self.photos = list(answers), error, 0

    def predict_photo(self, photo: "Image") -> list[FaceResult]:
        """What it was told."""
        self.photos += 1
        if self.error is not None:
            raise self.error
        return self.answers

    def predict_square(self, photo: "Image", *, center: tuple[float, float], side: float) -> FaceResult:
        """The first of them; the square is kept."""
        self.square = (*center, side)
        return self.predict_photo(photo)[0]


def install(monkeypatch: Any, pipeline: FakePipeline) -> None:
    """Let classifier.serving.classify and classifier.serving.drawn use the fake, as the version "fake"."""
    from classifier.models import Version
    from classifier.serving import classify, drawn

    version, _ = Version.objects.get_or_create(name="fake", defaults={"digest": "f" * 64})
    for module in (drawn, classify):
        monkeypatch.setattr(module, "get_pipeline", lambda: (version, pipeline))
