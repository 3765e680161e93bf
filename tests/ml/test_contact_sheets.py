"""python -m ml clean --pictures: examples of what is wrong with a dataset, with their labels."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ml.contact_sheets import PAIRS, SINGLES, Sheet, choose_sheets, draw_balance, draw_sheet, write_pictures
from ml.report import run_report
from ml.table import RawSample
from tests.commands import run_ml
from tests.ml.archives import numbers, read_both
from tests.ml.drawing import draw_crop

FER = Path(__file__).parents[1] / "data" / "fer"
CROPS = [np.asarray(Image.open(file)) for file in sorted(FER.glob("*.png"))]
BLANK = np.full((48, 48), 7, dtype=np.uint8)


def brighten(crop: np.ndarray) -> np.ndarray:
    return np.clip(crop.astype(int) + 9, 0, 255).astype(np.uint8)


# (label, usage, pixels, "not a face" votes)
ROWS = [
    (0, "Training", CROPS[0], 0),
    (0, "Training", CROPS[0], 0),
    (3, "Training", CROPS[0], 0),  # a copy with another label
    (2, "Training", CROPS[4], 0),
    (4, "PublicTest", brighten(CROPS[4]), 0),  # its near twin in the other split
    (6, "Training", BLANK, 10),
    *[(1, "Training", draw_crop(number % 7, number), 9) for number in range(20)],
    (5, "PrivateTest", CROPS[6], 0),
]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    lines = [f"{label},{numbers(pixels)},{usage}" for label, usage, pixels, _ in ROWS]
    path = tmp_path / "fer2013.csv"
    path.write_text("\n".join(["emotion,pixels,Usage", *lines]) + "\n")
    return path


@pytest.fixture
def votes(tmp_path: Path) -> Path:
    header = "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF"
    lines = [f"{usage},fer{row}.png,{10 - nf},0,0,0,0,0,0,0,0,{nf}" for row, (_, usage, _, nf) in enumerate(ROWS)]
    path = tmp_path / "votes.csv"
    path.write_text("\n".join([header, *lines]) + "\n")
    return path


@pytest.fixture
def report(table: Path, votes: Path) -> dict[str, Any]:
    return run_report(table, votes)


@pytest.fixture
def sheets(report: dict[str, Any], table: Path) -> dict[str, Sheet]:
    samples = {sample.name: sample for sample in read_both(table)[0]}
    return {sheet.name: sheet for sheet in choose_sheets(report, samples)}


def test_conflicts_show_two_copies_with_different_labels(sheets: dict[str, Sheet]) -> None:
    first, second = sheets["conflicts"].tiles
    assert (first.pixels == second.pixels).all()
    assert (first.caption[0], second.caption[0]) == ("angry", "happy")


def test_near_twins_show_the_test_image_first(sheets: dict[str, Sheet]) -> None:
    test, train = sheets["near-twins"].tiles
    assert test.caption[:2] == ("sad", "PublicTest_4")
    assert train.caption[:2] == ("fear", "Training_3")
    assert test.caption[2].startswith("r = 0.9") or test.caption[2] == "r = 1.000"


def test_blank_images_are_on_their_own_sheet_only(sheets: dict[str, Sheet]) -> None:
    [tile] = sheets["blank"].tiles
    assert tile.caption == ("neutral", "Training_5")
    assert "Training_5" not in {tile.caption[1] for tile in sheets["not-a-face"].tiles}


def test_long_lists_are_cut_to_evenly_spread_examples(sheets: dict[str, Sheet]) -> None:
    names = [tile.caption[1] for tile in sheets["not-a-face"].tiles]
    assert len(names) == len(set(names)) == SINGLES
    assert {"Training_6", "Training_25"} <= set(names)


def test_every_tile_is_in_the_picture(sheets: dict[str, Sheet]) -> None:
    sheet = sheets["not-a-face"]
    pixels = np.asarray(draw_sheet(sheet))
    height = 96 + 2 * 14 + 8
    for index, tile in enumerate(sheet.tiles):
        top, left = 8 + index // 6 * height, 8 + index % 6 * (96 + 8)
        assert (pixels[top : top + 96 : 2, left : left + 96 : 2] == tile.pixels).all()


def test_longest_bar_is_the_largest_label(report: dict[str, Any]) -> None:
    picture = np.asarray(draw_balance(report))
    lengths = (picture == 110).sum(axis=1)
    rows = [int(lengths[8 + 18 * row + 8]) for row in range(1, 8)]  # of train, the first block
    counts = list(report["labels"]["train"].values())
    assert rows.index(max(rows)) == counts.index(max(counts)) == 1


def test_dataset_without_faults_has_only_its_balance(tmp_path: Path) -> None:
    path = tmp_path / "clean.csv"
    path.write_text(f"emotion,pixels,Usage\n3,{numbers(CROPS[8])},Training\n")
    assert [file.name for file in write_pictures(run_report(path, None), path, tmp_path / "out")] == ["balance.png"]


def test_at_most_a_few_pairs(report: dict[str, Any]) -> None:
    pair = {"names": ["b", "a"], "correlation": 0.95}
    report["near_duplicates"]["pairs"] = [pair] * 50
    report["blank"]["names"] = report["not_face"]["names"] = report["label_conflicts"]["entries"] = []
    samples = {
        "a": RawSample(0, "a", 0, "PublicTest", "test", CROPS[0]),
        "b": RawSample(1, "b", 1, "Training", "train", CROPS[1]),
    }
    [sheet] = choose_sheets(report, samples)
    assert len(sheet.tiles) == 2 * PAIRS


def test_command_writes_pictures_and_names_them(table: Path, votes: Path, tmp_path: Path) -> None:
    out = tmp_path / "pictures"
    words = ["clean", "--data", str(table), "--votes", str(votes), "--pictures", str(out), "--json"]
    done = run_ml(*words)
    assert done.returncode == 0, done.stderr
    named = json.loads(done.stdout)["pictures"]
    assert named == ["conflicts.png", "near-twins.png", "blank.png", "not-a-face.png", "balance.png"]
    for name in named:
        with Image.open(out / name) as picture:
            picture.load()
            assert picture.width > 100
