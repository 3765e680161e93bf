"""The pages of the dashboard, in their order: a name, a title, and what builds the charts."""

from collections.abc import Callable
from dataclasses import dataclass

from dashboard.charts.accuracy import build_accuracy
from dashboard.charts.chart import Chart
from dashboard.charts.photos import build_photos
from dashboard.charts.predictions import build_predictions
from dashboard.charts.training import build_training
from dashboard.figures.scope import Scope


@dataclass(frozen=True)
class Page:
    """name: in addresses; compares: whether it makes sense for two versions side by side."""

    name: str
    title: str
    build: Callable[[Scope], list[Chart]]
    compares: bool = False


PAGES = {
    page.name: page
    for page in [
        Page("photos", "Photos and queue", build_photos),
        Page("predictions", "Predictions and drift", build_predictions, compares=True),
        Page("accuracy", "Accuracy", build_accuracy, compares=True),
        Page("training", "Dataset and training", build_training),
    ]
}
