"""The public page of the network that serves: its card, its figures and their plots, and the card as JSON."""

from dataclasses import dataclass
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from classifier.models import Label, Promotion, Version

LABELS = [label.label for label in Label]
PARTS = {
    "test": "PublicTest",
    "test_without_twins": "… without images that also stand in Training",
    "test_without_near_twins": "… and without cropped or shifted copies",
    "selection": "held out of Training, used to choose and to calibrate",
}


@dataclass(frozen=True)
class Point:
    """A bar of the reliability diagram, in per cent of its square; y counts from the top, as SVG does."""

    n: int
    confidence: float
    accuracy: float
    x: float
    y: float
    radius: float


def describe_card(version: Version) -> dict[str, Any]:
    """What the page shows of a card; parts that a card lacks are left out of the context's lists.

    Cards are written by ml.card; older ones lack some figures.
    """
    card = version.card if isinstance(version.card, dict) else {}
    metrics = card.get("metrics") or {}
    main = metrics.get("test") or metrics.get("selection")
    context: dict[str, Any] = {"version": version, "card": card, "main": main, "on_test": "test" in metrics}
    context["parts"] = [(words, metrics[name]) for name, words in PARTS.items() if name in metrics]
    if main:
        context |= {
            "per_class": list(main["per_class"].items()),
            "confusion": describe_confusion(main["confusion"]),
            "points": place_points(main.get("reliability") or []),
            "answered": [(float(share), value) for share, value in main["coverage_at"].items()],
        }
    others = [(row["who"], row["accuracy"], row["note"], False) for row in card.get("comparison", [])]
    ours = [(f"this network, {version.name}", main["accuracy"], f"n = {main['n']:,}", True)] if main else []
    context["compared"] = sorted([*ours, *others], key=lambda row: -row[1])
    return context


def describe_confusion(counts: list[list[int]]) -> list[tuple[str, list[tuple[int, float]]]]:
    """Rows of (true label, cells); a cell is a count and its share of the row."""
    rows = []
    for label, row in zip(LABELS, counts, strict=True):
        total = max(sum(row), 1)
        rows.append((label, [(count, count / total) for count in row]))
    return rows


def place_points(bins: list[dict[str, Any]]) -> list[Point]:
    """The bins that hold faces, as circles whose area grows with their number of faces."""
    most = max((item["n"] for item in bins), default=0)
    return [
        Point(
            n=item["n"],
            confidence=item["confidence"],
            accuracy=item["accuracy"],
            x=round(100 * item["confidence"], 2),
            y=round(100 - 100 * item["accuracy"], 2),
            radius=round(0.8 + 3.2 * (item["n"] / most) ** 0.5, 2),
        )
        for item in bins
        if item["n"]
    ]


@cache_control(public=True, max_age=60)
@require_safe
def show_model(request: HttpRequest) -> HttpResponse:
    """For everybody."""
    champion = Version.objects.champions().first()
    if champion is None:
        return render(request, "classifier/model.html", {"version": None})
    since = Promotion.objects.filter(version=champion).first()
    return render(request, "classifier/model.html", {**describe_card(champion), "labels": LABELS, "since": since})


@cache_control(public=True, max_age=60)
@require_safe
def read_card(request: HttpRequest) -> JsonResponse:
    """The serving network's card as it was made; 404 while none serves."""
    champion = Version.objects.champions().first()
    if champion is None:
        raise Http404("no network serves")
    return JsonResponse(champion.card, json_dumps_params={"indent": 1, "ensure_ascii": False})
