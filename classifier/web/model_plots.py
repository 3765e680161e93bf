"""The plots of the network's page: what each shows, the numbers for the script, and the same numbers as a table."""

from dataclasses import dataclass
from typing import Any

from classifier.models import Label
from classifier.templatetags.site import percent
from classifier.web.figures import as_dict, as_list, decimals, is_number, share, span, whole


@dataclass(frozen=True)
class Plot:
    """The table is all there is without a script, and for whoever cannot see the plot."""

    name: str  # which plot of static/js/model.js
    title: str
    note: str
    n: Any
    columns: list[str]
    rows: list[list[str]]
    numbers: Any  # as the card has them


def make_plots(version: str, card: dict[str, Any], main: dict[str, Any], tested: dict[str, Any]) -> dict[str, Plot]:
    """Every plot that the card has numbers for, by name; main: the figures of the page; tested: those on a test set."""
    plots = (
        plot_compared(version, tested or main, as_list(card.get("comparison"))),
        plot_reliability(main),
        plot_answered(main),
        plot_classes(main),
        plot_crops(as_dict(card.get("crops"))),
    )
    return {plot.name: plot for plot in plots if plot.rows}


def plot_compared(version: str, main: dict[str, Any], others: list[Any]) -> Plot:
    """This network among others and people, best first."""
    interval = main.get("accuracy_interval")
    own = {"who": f"this network, {version}", "own": True, "accuracy": main.get("accuracy"), "interval": interval}
    bars = [own, *[{**as_dict(row), "own": False} for row in others]]
    bars = sorted((bar for bar in bars if is_number(bar.get("accuracy"))), key=lambda bar: -bar["accuracy"])
    sure = f"95 % interval {span(interval, share)}" if span(interval, share) else ""
    rows = [
        [str(bar.get("who", "")), share(bar["accuracy"]), sure if bar["own"] else str(bar.get("note", ""))]
        for bar in bars
    ]
    return Plot(
        name="compared",
        title="Share of faces named as the data set does",
        note="The thin line on this network’s bar is its 95 % interval." if sure else "",
        n=main.get("n"),
        columns=["who", "accuracy", "note"],
        rows=rows if main else [],
        numbers=bars,
    )


def plot_reliability(main: dict[str, Any]) -> Plot:
    """Stated confidence against the share of right answers, in the bins that hold faces."""
    bins = [item for item in map(as_dict, as_list(main.get("reliability"))) if item.get("n")]
    rows = [
        [
            f"{share(item.get('low'))} to {share(item.get('high'))}",
            share(item.get("confidence")),
            share(item.get("accuracy")),
            whole(item.get("n")),
        ]
        for item in bins
    ]
    return Plot(
        name="reliability",
        title="Is it right as often as it says?",
        note="On the dashed line it is; above the line it is right more often than it says, below less often. "
        "The bars count the faces.",
        n=main.get("n"),
        columns=["stated confidence", "mean", "right", "faces"],
        rows=rows,
        numbers=bins,
    )


def plot_answered(main: dict[str, Any]) -> Plot:
    """Accuracy when only the surest answers are given; all of them first."""
    pairs = [(1.0, main.get("accuracy"))]
    pairs += [(float(part), value) for part, value in as_dict(main.get("coverage_at")).items()]
    points = sorted((pair for pair in pairs if is_number(pair[1])), reverse=True)
    return Plot(
        name="answered",
        title="Right answers when it answers only the surest faces",
        note="The faces it is least sure of are left without an answer.",
        n=main.get("n"),
        columns=["faces answered", "right"],
        rows=[[percent(part), share(value)] for part, value in points] if len(points) > 1 else [],
        numbers=points,
    )


def plot_classes(main: dict[str, Any]) -> Plot:
    """Precision, recall and F1 of each label, in the data set's order."""
    found = as_dict(main.get("per_class"))
    classes = [{"label": label, **as_dict(found[label])} for label in Label.labels if label in found]
    names = ("precision", "recall", "f1")
    return Plot(
        name="classes",
        title="Precision, recall and F1 of each expression",
        note="Precision: of the faces it calls happy, the share that is. Recall: of the happy faces, the share that it "
        "calls so. F1: the harmonic mean of the two.",
        n=main.get("n"),
        columns=["expression", "precision", "recall", "F1"],
        rows=[[str(row["label"]), *[share(row.get(name)) for name in names]] for row in classes],
        numbers=classes,
    )


def plot_crops(crops: dict[str, Any]) -> Plot:
    """Accuracy with tighter and wider squares around the face."""
    scales = [as_dict(row) for row in as_list(crops.get("scales"))]
    return Plot(
        name="crops",
        title="Right answers when the square around the face is tighter or wider",
        note="Side of the square as a multiple of FER-2013’s own.",
        n=crops.get("n"),
        columns=["side of the square", "right"],
        rows=[[f"× {decimals(row.get('scale'), 2)}", share(row.get("accuracy"))] for row in scales],
        numbers=scales,
    )
