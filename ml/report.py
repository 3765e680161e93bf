"""What is wrong with a face dataset: `python -m ml clean` counts it; nothing is changed."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.clean import NOT_FACE_VOTES, is_blank
from ml.data import BadSample, DataError, FaceData, Source, load_votes, read_samples, stack_samples
from ml.duplicates import find_near_pairs, group_identical
from ml.labels import LABELS

Report = dict[str, Any]


@dataclass(frozen=True)
class _Dataset:
    """Everything readable; group: int64 (n,), the same number for pixel-identical images.

    train, test: bool (n,); the rest is validation.
    """

    faces: FaceData
    usages: tuple[str, ...]
    train: NDArray[np.bool_]
    test: NDArray[np.bool_]
    group: NDArray[np.int64]
    blank: NDArray[np.bool_]

    def splits(self) -> list[tuple[str, NDArray[np.bool_]]]:
        validation = ~(self.train | self.test)
        known = [("train", self.train), ("test", self.test)]
        return [*known, ("validation", validation)] if validation.any() else known

    def names(self, mask: NDArray[np.bool_]) -> list[str]:
        return [self.faces.names[index] for index in np.flatnonzero(mask)]


def run_report(data: Path | Source, votes: Path | None) -> Report:
    """Read a dataset in any of its forms and count what is wrong with it.

    Returns:
        A dictionary for JSON: n, digests, splits, usages, labels, balance, exact_duplicates, near_duplicates,
        label_conflicts, blank, not_face (None without votes), bad. Ratios and shares are fractions.

    Raises:
        DataError: nothing readable, or no FER+ votes in `votes`.
    """
    dataset = _read(data)
    faces, total = dataset.faces, len(dataset.faces)
    near = _near_duplicates(dataset)
    return {
        "data": data.name,
        "n": total,
        "digests": {"all": faces.digest()}
        | {split: faces.select(mask).digest() for split, mask in dataset.splits() if mask.any()},
        "splits": {split: int(mask.sum()) for split, mask in dataset.splits()},
        "usages": {usage or "unnamed": dataset.usages.count(usage) for usage in sorted(set(dataset.usages))},
        "labels": {split: _label_counts(faces.labels[mask]) for split, mask in dataset.splits()},
        "balance": {split: _balance(faces.labels[mask]) for split, mask in dataset.splits() if mask.any()},
        "exact_duplicates": _exact_duplicates(dataset),
        "near_duplicates": near,
        "label_conflicts": _label_conflicts(dataset),
        "blank": {"n": int(dataset.blank.sum()), "names": dataset.names(dataset.blank)},
        "not_face": _not_face(dataset, votes),
        "bad": {
            "n": len(faces.bad),
            "entries": [{"row": bad.row, "name": bad.name, "reason": bad.reason} for bad in faces.bad],
        },
    }


def _read(path: Path | Source) -> _Dataset:
    samples, bad = [], []
    for sample in read_samples(path):
        if isinstance(sample, BadSample):
            bad.append(sample)
        else:
            samples.append(sample)
    if not samples:
        first = f"; the first of {len(bad)}: {bad[0].name}: {bad[0].reason}" if bad else ""
        raise DataError(f"{path} holds no readable sample{first}")
    faces = stack_samples(samples, bad)
    return _Dataset(
        faces,
        tuple(sample.usage for sample in samples),
        np.array([sample.split == "train" for sample in samples]),
        np.array([sample.split == "test" for sample in samples]),
        group_identical(faces.images),
        is_blank(faces.images),
    )


def _label_counts(labels: NDArray[np.int64]) -> dict[str, int]:
    return {label: int((labels == number).sum()) for number, label in enumerate(LABELS)}


def _balance(labels: NDArray[np.int64]) -> Report:
    counts = _label_counts(labels)
    present = {label: count for label, count in counts.items() if count}
    smallest, largest = min(present, key=present.__getitem__), max(present, key=present.__getitem__)
    return {
        "smallest": smallest,
        "largest": largest,
        "ratio": present[largest] / present[smallest],
        "shares": {label: count / len(labels) for label, count in counts.items()},
        "absent": [label for label, count in counts.items() if not count],
    }


def _exact_duplicates(dataset: _Dataset) -> Report:
    size = int(dataset.group.max()) + 1
    report: Report = {}
    for split, mask in dataset.splits():
        counts = np.bincount(dataset.group[mask], minlength=size)
        report[split] = {
            "groups": int((counts > 1).sum()),
            "redundant": int(np.maximum(counts - 1, 0).sum()),
        }
    members = _names_by_group(dataset, dataset.train)
    twins = [
        {"test": dataset.faces.names[index], "train": members[int(dataset.group[index])]}
        for index in np.flatnonzero(dataset.test)
        if int(dataset.group[index]) in members
    ]
    distinct = len({dataset.group[index] for index in np.flatnonzero(dataset.test)} & members.keys())
    report["across"] = {"test_images": len(twins), "groups": distinct, "twins": twins}
    return report


def _names_by_group(dataset: _Dataset, mask: NDArray[np.bool_]) -> dict[int, list[str]]:
    members: dict[int, list[str]] = {}
    for index in np.flatnonzero(mask):
        members.setdefault(int(dataset.group[index]), []).append(dataset.faces.names[index])
    return members


def _near_duplicates(dataset: _Dataset) -> Report:
    """Pairs of distinct images; an image that lies in both splits counts in both."""
    numbers, first = np.unique(dataset.group, return_index=True)
    shown = ~dataset.blank[first]
    numbers, first = numbers[shown], first[shown]
    found, correlations = find_near_pairs(dataset.faces.images[first])
    groups = numbers[found]
    size = int(dataset.group.max()) + 1
    inside = {split: np.bincount(dataset.group[mask], minlength=size) > 0 for split, mask in dataset.splits()}
    report: Report = {}
    for split, mask in dataset.splits():
        both = groups[inside[split][groups].all(axis=1)]
        affected = np.isin(dataset.group, both) & mask
        report[split] = {"pairs": len(both), "images": int(affected.sum())}
    report["across"] = _near_across(dataset, groups, inside)
    report["pairs"] = [
        {"names": [dataset.faces.names[first[a]], dataset.faces.names[first[b]]], "correlation": round(float(value), 4)}
        for (a, b), value in zip(found, correlations, strict=True)
    ]
    return report


def _near_across(dataset: _Dataset, groups: NDArray[np.int64], inside: dict[str, NDArray[np.bool_]]) -> Report:
    both_ways = np.concatenate([groups, groups[:, ::-1]])
    crossing = both_ways[inside["test"][both_ways[:, 0]] & inside["train"][both_ways[:, 1]]]
    near = np.isin(dataset.group, crossing[:, 0]) & dataset.test
    exact = inside["train"][dataset.group] & dataset.test
    return {
        "pairs": len(crossing),
        "test_images": int(near.sum()),
        "test_images_exact_or_near": int((near | exact).sum()),
        "names": dataset.names(near),
    }


def _label_conflicts(dataset: _Dataset) -> Report:
    masks = [*dataset.splits(), ("all", np.ones(len(dataset.train), dtype=bool))]
    report: Report = {}
    for split, mask in masks:
        pairs = np.unique(np.stack([dataset.group[mask], dataset.faces.labels[mask]], axis=1), axis=0)
        numbers, counts = np.unique(pairs[:, 0], return_counts=True)
        conflicting = numbers[counts > 1]
        rows = np.isin(dataset.group, conflicting) & mask
        report[split] = {"groups": len(conflicting), "images": int(rows.sum())}
    members: dict[int, list[Report]] = {}
    for index in np.flatnonzero(rows):  # of "all", the last
        entry = {"name": dataset.faces.names[index], "label": LABELS[dataset.faces.labels[index]]}
        members.setdefault(int(dataset.group[index]), []).append(entry)
    report["entries"] = list(members.values())
    return report


def _not_face(dataset: _Dataset, votes: Path | None) -> Report | None:
    if votes is None:
        return None
    _, not_face = load_votes(votes, dataset.faces.rows)
    dropped = not_face >= NOT_FACE_VOTES
    report: Report = {split: int((dropped & mask).sum()) for split, mask in dataset.splits()}
    return report | {"names": dataset.names(dropped)}


def format_report(report: Report) -> str:
    """The report as lines for people."""
    exact, near, conflicts = report["exact_duplicates"], report["near_duplicates"], report["label_conflicts"]
    lines = [
        f"{report['data']}: {report['n']:,} images, SHA-256 {report['digests']['all']}",
        "usage: " + ", ".join(f"{usage} {count:,}" for usage, count in report["usages"].items()),
        "",
        f"{'label':<12}" + "".join(f"{split:>10}" for split in report["splits"]),
    ]
    for label in LABELS:
        lines.append(f"{label:<12}" + "".join(f"{report['labels'][split][label]:>10,}" for split in report["splits"]))
    lines += [f"{'all':<12}" + "".join(f"{count:>10,}" for count in report["splits"].values()), ""]
    for split, balance in report["balance"].items():
        lines.append(f"balance in {split}: {balance['largest']} is {balance['ratio']:.1f} × {balance['smallest']}")
    for split in report["splits"]:
        lines += [
            f"exact copies in {split}: {exact[split]['redundant']:,} redundant, in {exact[split]['groups']:,} groups",
            f"near copies in {split}: {near[split]['images']:,} images in {near[split]['pairs']:,} pairs",
            f"label conflicts in {split}: {conflicts[split]['groups']:,} groups of identical images, "
            f"{conflicts[split]['images']:,} images",
        ]
    lines += [
        f"test images with an identical twin in train: {exact['across']['test_images']:,}; with a near twin: "
        f"{near['across']['test_images']:,}; with either: {near['across']['test_images_exact_or_near']:,}",
        f"label conflicts over both splits: {conflicts['all']['groups']:,} groups",
        f"blank: {report['blank']['n']:,}  {', '.join(report['blank']['names'][:20])}",
    ]
    if report["not_face"] is not None:
        counts = ", ".join(f"{report['not_face'][split]:,} in {split}" for split in report["splits"])
        lines.append(f"not a face by FER+ ({NOT_FACE_VOTES} votes or more): {counts}")
    lines.append(f"unreadable: {report['bad']['n']:,}")
    lines += [f"  {bad['name']}: {bad['reason']}" for bad in report["bad"]["entries"][:100]]
    return "\n".join(lines)
