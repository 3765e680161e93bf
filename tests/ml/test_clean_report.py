"""`python -m ml clean` counts copies, conflicts, blank, non-face and unreadable images of a small, known dataset."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from ml.data import DataError
from ml.duplicates import find_near_pairs, group_identical, perceptual_hashes
from ml.report import format_report, run_report
from tests.commands import run_ml
from tests.ml.archives import numbers

FER = Path(__file__).parents[1] / "data" / "fer"
CROPS = [np.asarray(Image.open(file)) for file in sorted(FER.glob("*.png"))]
BLANK = np.zeros((48, 48), dtype=np.uint8)


def brighten(crop: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The same photo, a little brighter and shifted by a pixel."""
    return np.clip(np.roll(crop, 1, axis=1).astype(int) + 6, 0, 255).astype(np.uint8)


# (label, usage, pixels, "not a face" votes)
ROWS = [
    (0, "Training", CROPS[0], 0),
    (0, "Training", CROPS[0], 0),  # 1: a copy of 0
    (3, "Training", CROPS[0], 0),  # 2: a copy of 0 with another label
    (1, "Training", CROPS[2], 5),  # 3: no face, say the voters
    (1, "Training", brighten(CROPS[2]), 4),  # 4: nearly 3
    (6, "Training", BLANK, 10),  # 5: blank and no face
    (2, "Training", CROPS[4], 0),
    (0, "PublicTest", CROPS[0], 0),  # 7: twin of 0, 1 and 2
    (2, "PublicTest", brighten(CROPS[4]), 0),  # 8: nearly 6
    (5, "PrivateTest", CROPS[6], 6),  # 9: no face
    (5, "PrivateTest", CROPS[6], 0),  # 10: a copy of 9
]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """ROWS as a CSV with a bad row at the end."""
    lines = [f"{label},{numbers(pixels)},{usage}" for label, usage, pixels, _ in ROWS]
    path = tmp_path / "fer2013.csv"
    path.write_text("\n".join(["emotion,pixels,Usage", *lines, "9,1 2,Training"]) + "\n")
    return path


@pytest.fixture
def votes(tmp_path: Path) -> Path:
    """FER+ votes in the form of its CSV."""
    header = "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF"
    lines = [f"{usage},fer{row}.png,{10 - nf},0,0,0,0,0,0,0,0,{nf}" for row, (_, usage, _, nf) in enumerate(ROWS)]
    path = tmp_path / "votes.csv"
    path.write_text("\n".join([header, *lines]) + "\n")
    return path


@pytest.fixture
def report(table: Path, votes: Path) -> dict[str, Any]:
    """The report on ROWS."""
    return run_report(table, votes)


def test_counts_per_split_usage_and_label(report: dict[str, Any]) -> None:
    assert report["n"] == 11
    assert report["splits"] == {"train": 7, "test": 4}
    assert report["usages"] == {"PrivateTest": 2, "PublicTest": 2, "Training": 7}
    assert report["labels"]["train"]["disgust"] == 2
    assert report["labels"]["test"]["surprise"] == 2
    assert report["balance"]["test"]["ratio"] == 2
    assert report["balance"]["train"]["absent"] == ["sad", "surprise"]
    assert sum(report["balance"]["train"]["shares"].values()) == pytest.approx(1)


def test_exact_copies_within_and_across_splits(report: dict[str, Any]) -> None:
    exact = report["exact_duplicates"]

    assert exact["train"] == {"groups": 1, "redundant": 2}
    assert exact["test"] == {"groups": 1, "redundant": 1}
    twin = {"test": "PublicTest_7", "train": ["Training_0", "Training_1", "Training_2"]}
    assert exact["across"] == {"test_images": 1, "groups": 1, "twins": [twin]}


def test_near_copies_within_and_across_splits(report: dict[str, Any]) -> None:
    near = report["near_duplicates"]

    assert near["train"] == {"pairs": 1, "images": 2}
    assert near["test"] == {"pairs": 0, "images": 0}
    assert near["across"] == {
        "pairs": 1,
        "test_images": 1,
        "test_images_exact_or_near": 2,
        "names": ["PublicTest_8"],
    }
    assert {frozenset(pair["names"]) for pair in near["pairs"]} == {
        frozenset({"Training_3", "Training_4"}),
        frozenset({"Training_6", "PublicTest_8"}),
    }


def test_conflicts_blank_not_face_and_bad(report: dict[str, Any]) -> None:
    conflicts = report["label_conflicts"]

    assert conflicts["train"] == {"groups": 1, "images": 3}
    assert conflicts["test"] == {"groups": 0, "images": 0}
    assert conflicts["all"] == {"groups": 1, "images": 4}
    assert {"name": "Training_2", "label": "happy"} in conflicts["entries"][0]
    assert report["blank"] == {"n": 1, "names": ["Training_5"]}
    assert report["not_face"] == {"train": 2, "test": 1, "names": ["Training_3", "Training_5", "PrivateTest_9"]}
    entry = {"row": 11, "name": "row 11 (line 13)", "reason": "unknown label '9'; expected one of"}
    assert report["bad"]["n"] == 1
    assert report["bad"]["entries"][0].items() >= {"row": 11, "name": entry["name"]}.items()
    assert str(entry["reason"]) in report["bad"]["entries"][0]["reason"]


def test_the_text_says_the_same(report: dict[str, Any]) -> None:
    text = format_report(report)

    assert "exact copies in train: 2 redundant, in 1 groups" in text
    assert "not a face by FER+ (5 votes or more): 2 in train, 1 in test" in text
    assert "row 11 (line 13): unknown label '9'" in text


def test_one_split_without_votes_is_enough(tmp_path: Path) -> None:
    folder = tmp_path / "test" / "happy"
    folder.mkdir(parents=True)
    Image.fromarray(BLANK).save(folder / "x.png")

    report = run_report(tmp_path, None)

    assert report["splits"] == {"train": 0, "test": 1}
    assert report["not_face"] is None
    assert report["exact_duplicates"]["across"]["test_images"] == 0
    assert "blank: 1" in format_report(report)


def test_nothing_readable_is_an_error(table: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.csv"
    bad.write_text("emotion,pixels\n9,1\n")

    with pytest.raises(DataError, match="no readable sample; the first of 1: row 0"):
        run_report(bad, None)
    for name in ("missing.csv", "fer2013.csv"):  # absent, and no table of votes
        with pytest.raises(DataError, match=name):
            run_report(table, tmp_path / name)


def test_the_command_prints_one_json_object(table: Path) -> None:
    done = run_ml("clean", "--data", table, "--json")

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["n"] == 11


def test_hashes_survive_small_changes_and_tell_faces_apart() -> None:
    crops = np.stack(CROPS)
    changed = np.stack([brighten(crop) for crop in CROPS])

    distance = np.bitwise_count(perceptual_hashes(crops)[:, np.newaxis] ^ perceptual_hashes(changed)[np.newaxis])
    pairs, correlations = find_near_pairs(crops, changed)

    assert np.diag(distance).max() < np.min(distance + 64 * np.eye(len(crops), dtype=np.uint8))
    assert pairs.tolist() == [[number, number] for number in range(len(crops))]
    assert (correlations > 0.92).all()
    assert len(find_near_pairs(crops)[0]) == 0
    groups = group_identical(np.stack([CROPS[1], CROPS[0], CROPS[1]]))
    assert groups[0] == groups[2] != groups[1]
