"""What the page of the network shows of a card: sentences and tables; the plots are in model_plots.

Cards are written by ml.card. Whatever an older one lacks is left out, never guessed.
"""

from typing import Any

from classifier.models import Label, Version
from classifier.web.figures import ABSENT, as_dict, as_list, decimals, is_number, milliseconds, share, span, whole
from classifier.web.model_plots import make_plots

LABELS = [label.label for label in Label]
PARTS = {
    "test": "PublicTest",
    "test_without_twins": "… without images that also stand in Training",
    "test_without_near_twins": "… and without cropped or shifted copies",
    "selection": "held out in training, used to choose and to calibrate",
}
SPLITS = {"public": "PublicTest faces", "private": "PrivateTest faces", "test": "test faces"}
CLEANED = {
    "blank": "blank images dropped",
    "not_face": "images dropped that FER+ voters call no face",
    "redundant_copies": "further copies of identical images dropped",
    "conflicting_groups": "images with copies under different labels, which got the mean of those labels",
}


def describe_card(version: Version) -> dict[str, Any]:
    """The context of the page; what the card lacks is empty."""
    card = as_dict(version.card)
    metrics = {name: part for name, part in as_dict(card.get("metrics")).items() if as_dict(part)}
    main = as_dict(metrics.get("test") or metrics.get("selection"))
    gate = {} if "test" in metrics else version.find_gate_figures()
    plots = make_plots(version.name, card, main, gate)
    origin = as_dict(card.get("origin"))
    return {
        "version": version,
        "card": card,
        "main": main,
        "on_test": "test" in metrics,
        "faces": SPLITS.get(str(main.get("split")), "test faces"),
        "gate": gate,
        "origin": origin,
        "held_out_of": "what it learned from" if version.is_retrained else "FER-2013’s training split",
        "headline": describe_headline({**gate, "ms_per_face_p50": main.get("ms_per_face_p50")} if gate else main),
        "parts": [[PARTS[name], *describe_part(metrics[name])] for name in PARTS if name in metrics],
        "chance": span(main.get("ece_band"), decimals),
        "sets": describe_sets(main),
        "confusion": describe_confusion(as_list(main.get("confusion"))),
        "detected": describe_detected(as_dict(as_dict(card.get("crops")).get("detected"))),
        "formats": [describe_format(name, as_dict(found)) for name, found in as_dict(card.get("formats")).items()],
        # What went on from an ensemble bore its members' commands in earlier cards: they did not make these weights.
        "members": []
        if version.parent_id
        else [describe_member(as_dict(member)) for member in as_list(card.get("members"))],
        "cleaned": describe_cleaning(as_dict(card.get("cleaned"))),
        "recipe": list(as_dict(card.get("recipe")).items()),
        "environment": list(as_dict(card.get("environment")).items()),
        "labels": LABELS,
        "plots": plots,
        "numbers": {name: plot.numbers for name, plot in plots.items()},
    }


def describe_headline(main: dict[str, Any]) -> list[tuple[str, str, str]]:
    """The first figures of the page: value, what it is, how sure it is."""
    accuracy, f1 = span(main.get("accuracy_interval"), share), span(main.get("macro_f1_interval"), decimals)
    chance = span(main.get("ece_band"), decimals)
    figures = [
        (share(main.get("accuracy")), "named as the data set does", accuracy and f"95 % interval {accuracy}"),
        (decimals(main.get("macro_f1")), "macro-F1, all seven weigh the same", f1 and f"95 % interval {f1}"),
        (decimals(main.get("ece")), "calibration error (ECE)", chance and f"perfectly calibrated: {chance}"),
        (milliseconds(main.get("ms_per_face_p50")), "for one face, on one thread", "median"),
    ]
    return [figure for figure in figures if figure[0] != ABSENT]


def describe_part(part: dict[str, Any]) -> list[str]:
    """One row of the table of all sets of faces."""
    return [
        whole(part.get("n")),
        share(part.get("accuracy")),
        span(part.get("accuracy_interval"), share) or ABSENT,
        decimals(part.get("macro_f1")),
        span(part.get("macro_f1_interval"), decimals) or ABSENT,
        decimals(part.get("nll")),
        decimals(part.get("brier")),
        decimals(part.get("ece")),
        span(part.get("ece_band"), decimals) or ABSENT,
        share(part.get("set_coverage")),
        decimals(part.get("set_size"), 2),
    ]


def describe_sets(main: dict[str, Any]) -> dict[str, str]:
    """How often the prediction sets hold the right label, and how many labels they have."""
    if not is_number(main.get("set_coverage")):
        return {}
    found = {"coverage": share(main["set_coverage"]), "size": decimals(main.get("set_size"), 2)}
    halves = as_dict(main.get("halves"))
    if halves:
        found |= {"halves_coverage": share(halves.get("coverage")), "halves_size": decimals(halves.get("size"), 2)}
        found |= {"splits": whole(halves.get("splits"))}
    return found


def describe_confusion(counts: list[Any]) -> list[tuple[str, list[dict[str, Any]]]]:
    """Rows of (true label, cells); a cell is a count, its share of the row, its shade (0 to 10), whether right."""
    rows = []
    for truth, row in zip(LABELS, map(as_list, counts), strict=False):
        total = max(sum(row), 1)
        cells = [
            {"answer": answer, "n": n, "share": n / total, "shade": round(10 * n / total), "right": answer == truth}
            for answer, n in zip(LABELS, row, strict=False)
        ]
        rows.append((truth, cells))
    return rows


def describe_detected(found: dict[str, Any]) -> dict[str, str]:
    """What the site's own detector and cut cost; empty when it was not measured."""
    if not found.get("found"):
        return {}
    return {
        "n": whole(found.get("n")),
        "found": whole(found.get("found")),
        "original": share(found.get("accuracy_original")),
        "detected": share(found.get("accuracy_detected")),
    }


def describe_format(name: str, found: dict[str, Any]) -> list[str]:
    """One row of the table of file formats: name, accuracy, time, size and whether it is served."""
    size = f"{whole(found.get('bytes'))} bytes"
    time = milliseconds(found.get("ms_per_face_p50"))
    return [name, share(found.get("accuracy")), time, size, "yes" if found.get("served") else ""]


def describe_member(member: dict[str, Any]) -> dict[str, str]:
    """One network of several whose mean is the answer."""
    facts = [str(member.get("network") or member.get("version") or "a network")]
    facts += [f"{whole(member['parameters'])} parameters"] if is_number(member.get("parameters")) else []
    facts += [f"{member['epochs']} epochs"] if member.get("epochs") else []
    facts += [f"seed {member['seed']}"] if member.get("seed") is not None else []
    return {"facts": ", ".join(facts), "command": str(member.get("command", ""))}


def describe_cleaning(counts: dict[str, Any]) -> list[tuple[str, str]]:
    """How many images were dropped or changed, and why."""
    return [
        (whole(counts[name]), words) for name, words in CLEANED.items() if is_number(counts.get(name)) and counts[name]
    ]
