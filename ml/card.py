"""The model card: what a network was trained on, how, how well it does, and what it must not be used for."""

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version as package_version
from typing import TYPE_CHECKING, Any

from ml.labels import LABELS
from ml.preprocess import PREPROCESSING

if TYPE_CHECKING:
    from ml.train import PreparedData

ALLOWED = "Sorting, searching and captioning one's own photos; teaching; research on expression recognition."
FORBIDDEN = (
    "Inferring emotions of workers, pupils or students (forbidden in the EU by the AI Act), screening, surveillance, "
    "medical or legal decisions, any decision about a person. People must be told when it is used on them."
)
LIMITS = (
    "It names the expression a face appears to show, not what somebody feels.",
    "Fear is often taken for sad or surprise; disgust is rare in the training data.",
    "FER-2013 consists of posed and found photos from a search engine; age and skin tone are not controlled, "
    "and about a third of its labels are disputed by other annotators (FER+).",
)
CLEANED = (
    "blank images{voted} and all but one copy of identical images dropped; copies with different labels got the mean "
    "of their labels"
)
VOTED = ", images that at least 5 of 10 FER+ voters call no face,"
# Published or measured elsewhere, on FER-2013; see the sources in the README.
COMPARISON = (
    {"who": "people", "accuracy": 0.65, "note": "65 ± 5 %, Goodfellow et al. 2013"},
    {"who": "fer 25.10 (tflite)", "accuracy": 0.654, "note": "PublicTest, measured; chosen on these very images"},
    {"who": "mini-XCEPTION family (big)", "accuracy": 0.656, "note": "PublicTest, measured; same remark"},
)


@dataclass(frozen=True, kw_only=True)
class Making:
    """How a network was made.

    Attributes:
        command: repeats the run; recipe: its settings.
        members: of an ensemble, see ml.ensemble.
        origin: of a network that was retrained: dataset (its name), parent (the version that it went on from, or None)
            and networks (how many answer together in it).
    """

    version: str
    command: str
    recipe: dict[str, Any]
    members: Sequence[dict[str, Any]] = ()
    origin: dict[str, Any] | None = None


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What was found of a network: figures by set of faces, of each file format, and by the crop's side."""

    metrics: dict[str, Any]
    formats: dict[str, dict[str, Any]] | None = None
    crops: dict[str, Any] | None = None


def build_card(making: Making, prepared: "PreparedData", measured: Measured) -> dict[str, Any]:
    """Collect the card of one finished run as JSON-serialisable values; prepared: what it was trained on."""
    recipe, origin = making.recipe, making.origin
    return {
        "version": making.version,
        "labels": list(LABELS),
        "preprocessing": PREPROCESSING,
        "command": making.command,
        "seed": recipe.get("seed"),
        "recipe": recipe,
        **({"members": list(making.members)} if making.members else {}),
        **({"origin": _count_origin(origin, prepared, recipe)} if origin else {}),
        **({"formats": measured.formats} if measured.formats else {}),
        **({"crops": measured.crops} if measured.crops else {}),
        "data": _describe_data(prepared, origin),
        "cleaned": prepared.cleaned,
        "environment": _describe_environment(),
        "metrics": measured.metrics,
        "comparison": list(COMPARISON),
        "limits": list(LIMITS),
        "allowed_uses": ALLOWED,
        "forbidden_uses": FORBIDDEN,
    }


def _describe_data(prepared: "PreparedData", origin: dict[str, Any] | None) -> dict[str, Any]:
    cleaned = CLEANED.format(voted=VOTED if prepared.train.votes.any() else "")
    return {
        "name": _name_data(prepared, origin),
        "images_read": prepared.read,
        "sha256": prepared.digest,
        "trained_on": len(prepared.train),
        "held_out_for_selection_and_calibration": len(prepared.selection),
        "cleaned": cleaned if prepared.cleaned else "not cleaned",
    }


def _describe_environment() -> dict[str, Any]:
    import keras

    backend = keras.backend.backend()
    packages = {"keras": keras.__version__, backend: package_version(backend)}
    return {**packages, "backend": backend, "python": platform.python_version(), "cpus": os.cpu_count()}


def _count_origin(origin: dict[str, Any], prepared: "PreparedData", recipe: dict[str, Any]) -> dict[str, Any]:
    faces, corrections = prepared.read - prepared.corrections, prepared.corrections
    return {**origin, "faces": faces, "corrections": corrections, "epochs": recipe.get("epochs")}


def _name_data(prepared: "PreparedData", origin: dict[str, Any] | None) -> str:
    if origin:
        faces = prepared.read - prepared.corrections
        return f"{origin['dataset']} ({faces:,} of FER-2013, {prepared.corrections:,} corrected by people)"
    return "FER-2013 Training split" if prepared.read == 28709 else "Training split as given"


def _origin(origin: dict[str, Any] | None) -> list[str]:
    if not origin:
        return []
    of = f" (the mean of {origin['networks']} networks)" if origin["networks"] > 1 else ""
    start = f"Fine-tuned from {origin['parent']}{of}" if origin["parent"] else "Trained from random weights"
    return [f"{start}, in {origin['epochs']} epochs.", ""]


def format_card(card: dict[str, Any]) -> str:
    """The card as Markdown."""
    data, metrics = card["data"], card["metrics"]
    lines = [f"# Network {card['version']}", ""]
    cleaned = data["cleaned"][0].upper() + data["cleaned"][1:]
    lines += [
        f"Trained on {data['trained_on']:,} faces of {data['name']} (SHA-256 of what was read: `{data['sha256']}`). "
        f"{cleaned}. To choose and to calibrate, {data['held_out_for_selection_and_calibration']:,} were held out.",
        "",
    ]
    lines += _origin(card.get("origin"))
    seed = "" if card["seed"] is None else f" (seed {card['seed']})"
    lines += [f"Command{seed}:", "", f"    {card['command']}", ""]
    lines += _members(card.get("members", []))
    lines += ["## Figures", "", "| set | n | accuracy | macro-F1 | NLL | Brier | ECE | set coverage | set size |"]
    lines += ["|---|---|---|---|---|---|---|---|---|"]
    lines += [_figure_row(name, figures) for name, figures in metrics.items()]
    lines += _formats(card.get("formats", {}))
    main = metrics.get("test") or metrics["selection"]
    lines += _per_class(main) + _confusion(main) + _certainty(main) + _crops(card.get("crops"))
    lines += ["", "## Compared with others on FER-2013", "", "| who | accuracy | note |", "|---|---|---|"]
    lines += [f"| {row['who']} | {row['accuracy']:.1%} | {row['note']} |" for row in card["comparison"]]
    lines += ["", "## Known limits", "", *[f"- {limit}" for limit in card["limits"]]]
    lines += ["", "## Uses", "", f"Allowed: {card['allowed_uses']}", "", f"Forbidden: {card['forbidden_uses']}", ""]
    return "\n".join(lines)


def _figure_row(name: str, figures: dict[str, Any]) -> str:
    label = f"{name} ({figures['split']})" if "split" in figures else name
    interval = figures.get("accuracy_interval")
    shown = f" ({interval[0]:.1%}–{interval[1]:.1%})" if interval else ""
    return (
        f"| {label} | {figures['n']:,} | {figures['accuracy']:.1%}{shown} | {figures['macro_f1']:.3f} "
        f"| {figures['nll']:.3f} | {figures['brier']:.3f} | {figures['ece']:.3f} "
        f"| {figures['set_coverage']:.1%} | {figures['set_size']:.2f} |"
    )


def _per_class(figures: dict[str, Any]) -> list[str]:
    lines = ["", "## Per class", "", "| label | precision | recall | F1 |", "|---|---|---|---|"]
    for label, values in figures["per_class"].items():
        lines.append(f"| {label} | {values['precision']:.2f} | {values['recall']:.2f} | {values['f1']:.2f} |")
    return lines


def _confusion(figures: dict[str, Any]) -> list[str]:
    lines = ["", "## Confusion", "", "Rows: the label of FER-2013; columns: the network's answer.", ""]
    lines += ["| | " + " | ".join(LABELS) + " |", "|---" * (len(LABELS) + 1) + "|"]
    for label, row in zip(LABELS, figures["confusion"], strict=True):
        lines.append(f"| {label} | " + " | ".join(f"{count:,}" for count in row) + " |")
    return lines


def _certainty(figures: dict[str, Any]) -> list[str]:
    low, high = figures["ece_band"]
    lines = ["", "## What its confidence is worth", ""]
    lines.append(
        f"ECE {figures['ece']:.3f}; a perfectly calibrated network with the same confidences would score "
        f"{figures['ece_expected']:.3f} (95 % {low:.3f}–{high:.3f}) on as many faces."
    )
    if figures["halves"]:
        halves = figures["halves"]
        lines.append(
            f"Prediction sets fitted on one half and measured on the other, mean of {halves['splits']} random halves: "
            f"coverage {halves['coverage']:.1%}, {halves['size']:.2f} labels a set."
        )
    lines += ["", "| confidence | n | mean confidence | accuracy |", "|---|---|---|---|"]
    for bar in figures["reliability"]:
        if bar["n"]:
            share = f"{bar['low']:.2f}–{bar['high']:.2f}"
            lines.append(f"| {share} | {bar['n']:,} | {bar['confidence']:.3f} | {bar['accuracy']:.3f} |")
    lines += ["", "| answers only the surest | accuracy |", "|---|---|"]
    lines += [f"| {float(share):.0%} | {value:.1%} |" for share, value in figures["coverage_at"].items()]
    return lines


def _members(members: list[dict[str, Any]]) -> list[str]:
    if not members:
        return []
    lines = ["The answer is the mean of these networks' logits:", ""]
    return [*lines, *[f"- {member['version']}: `{member['command']}`" for member in members], ""]


def _formats(formats: dict[str, dict[str, Any]]) -> list[str]:
    if not formats:
        return []
    lines = ["", "## File formats, measured on the selection set", ""]
    lines += ["| weights | accuracy | ms a face | bytes | served |", "|---|---|---|---|---|"]
    for name, found in formats.items():
        served = "yes" if found["served"] else ""
        shown = f"{found['accuracy']:.2%} | {found['ms_per_face_p50']:.1f} | {found['bytes']:,}"
        lines.append(f"| {name} | {shown} | {served} |")
    return lines


def _crops(crops: dict[str, Any] | None) -> list[str]:
    if not crops:
        return []
    lines = [
        "",
        "## Crops",
        "",
        f"Accuracy by the side of the square, in shares of FER-2013's (n = {crops['n']:,}):",
        "",
    ]
    lines += ["| side | accuracy |", "|---|---|"]
    lines += [f"| × {row['scale']:.2f} | {row['accuracy']:.1%} |" for row in crops["scales"]]
    found = crops["detected"]
    lines += [
        "",
        f"Pasted into larger photos, {found['found']:,} of {found['n']:,} faces are found by the site's detector.",
    ]
    if found["found"]:
        lines.append(
            f"Of those, {found['accuracy_detected']:.1%} are named right from the site's own cut, "
            f"{found['accuracy_original']:.1%} from FER-2013's."
        )
    return lines
