"""The first page: what the site does and how accurate it is, as measured for the network that serves."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from classifier.models import Version

SPLITS = {
    "public": "PublicTest images",
    "private": "PrivateTest images",
    "test": "test images",
}


@dataclass(frozen=True)
class Accuracy:
    """How often a version was right about faces that it had not learned from."""

    fraction: float
    n: int
    images: str
    version: str
    recalls: list[tuple[str, float]]  # per label, best first; empty when not measured

    @property
    def wrong_in(self) -> int:
        """About one answer in so many is wrong."""
        return round(1 / (1 - self.fraction)) if self.fraction < 1 else 0


def read_accuracy(version: Version) -> Accuracy | None:
    """The test figures from the version's metrics; None when they are absent or make no sense."""
    metrics: Any = version.metrics.get("test") if isinstance(version.metrics, dict) else None
    if not isinstance(metrics, dict):
        return None
    fraction, n = metrics.get("accuracy"), metrics.get("n")
    if not isinstance(fraction, int | float) or not 0 <= fraction <= 1 or not isinstance(n, int) or n < 1:
        return None
    return Accuracy(
        fraction=float(fraction),
        n=n,
        images=SPLITS.get(str(metrics.get("split")), "test images"),
        version=version.name,
        recalls=read_recalls(metrics.get("per_class")),
    )


def read_recalls(per_class: Any) -> list[tuple[str, float]]:
    """Of the faces that carry a label, the share that the network gave it."""
    if not isinstance(per_class, dict):
        return []
    found = [(label, values.get("recall")) for label, values in per_class.items() if isinstance(values, dict)]
    return sorted(((label, float(recall)) for label, recall in found if recall is not None), key=lambda pair: -pair[1])


def show_home(request: HttpRequest) -> HttpResponse:
    champion = Version.objects.champions().first()
    context = {"champion": champion, "accuracy": read_accuracy(champion) if champion else None}
    return render(request, "classifier/home.html", context)
