"""Folders that ml does not understand are refused or listed, never taken for something else and never passed over."""

import io
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from ml.archive import Source, count_samples
from ml.data import DataError, load_data
from ml.labels import LABELS
from tests.commands import run_ml
from tests.ml.archives import numbers, read_both
from tests.ml.drawing import draw_crop, encode_png

RAFDB = ("surprise", "fear", "disgust", "happy", "sad", "angry", "neutral")
AFFECTNET = ("neutral", "happy", "sad", "surprise", "fear", "disgust", "angry")


def put(root: Path, *names: str, first: int = 0) -> Path:
    """Drawn images under these names."""
    for number, name in enumerate(names, start=first):
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(encode_png(draw_crop(number % 7, number)))
    return root


def labels_by_file(data: Path | Source) -> dict[str, str]:
    return {Path(sample.name).name: LABELS[sample.label] for sample in read_both(data)[0]}


@pytest.mark.parametrize(("labels", "first", "order"), [("rafdb", 1, RAFDB), ("affectnet", 0, AFFECTNET)])
def test_digits_of_other_data_sets_are_refused_until_somebody_says_which(
    labels: str, first: int, order: tuple[str, ...], tmp_path: Path
) -> None:
    put(tmp_path, *(f"train/{first + place}/{label}.png" for place, label in enumerate(order)))
    if labels == "affectnet":
        put(tmp_path, "train/7/contempt.png")

    with pytest.raises(DataError, match="--labels fer2013, rafdb, affectnet"):
        read_both(tmp_path)
    skipping = Source(tmp_path, labels, skip_unknown=True)
    assert labels_by_file(skipping) == {f"{label}.png": label for label in order}
    assert [bad.name.split("/")[-1] for bad in read_both(skipping)[1]] == (["7"] if labels == "affectnet" else [])


def test_exactly_the_digits_of_fer2013_are_its_own(tmp_path: Path) -> None:
    put(tmp_path, *(f"train/{number}/{label}.png" for number, label in enumerate(LABELS)))
    assert labels_by_file(tmp_path) == {f"{label}.png": label for label in LABELS}
    (tmp_path / "train" / "6" / "neutral.png").unlink()
    with pytest.raises(DataError, match="digits"):
        read_both(tmp_path)
    assert len(read_both(Source(tmp_path, "fer2013"))[0]) == 6


def test_said_digits_hold_for_a_csv_too(tmp_path: Path) -> None:
    (tmp_path / "raf.csv").write_text(f"emotion,pixels\n1,{numbers(draw_crop(5, 1))}\n0,{numbers(draw_crop(5, 2))}\n")
    samples, bad = read_both(Source(tmp_path / "raf.csv", "rafdb"))
    assert [LABELS[sample.label] for sample in samples] == ["surprise"]
    assert "unknown label '0'" in bad[0].reason


def test_folders_that_are_not_understood_are_listed_and_refused_or_left_out(tmp_path: Path) -> None:
    put(tmp_path, "train/happy/a.png", "train/contempt/b.png", "train/contempt/c.png", "elsewhere/d.png", "e.png")

    with pytest.raises(DataError) as refused:
        read_both(tmp_path)
    assert "4 images lie in folders" in str(refused.value)
    assert "train/contempt (2)" in str(refused.value)
    assert "--skip-unknown" in str(refused.value)

    samples, bad = read_both(Source(tmp_path, skip_unknown=True))
    assert [sample.name for sample in samples] == ["train/happy/a.png"]
    assert sorted(bad.reason.split(": ")[1] for bad in bad) == [
        "1 images are left out", "1 images are left out", "2 images are left out"
    ]  # fmt: skip
    assert count_samples(tmp_path) == 5


def test_the_commands_take_both_options(tmp_path: Path) -> None:
    put(tmp_path, *(f"train/{digit}/{number}.png" for digit in range(1, 8) for number in range(2)))
    put(tmp_path, "train/contempt/x.png")
    refused = run_ml("clean", "--data", tmp_path, "--labels", "rafdb")
    assert (refused.returncode, "contempt (1)" in refused.stderr) == (1, True)
    done = run_ml("clean", "--data", tmp_path, "--labels", "rafdb", "--skip-unknown", "--json")
    assert done.returncode == 0, done.stderr
    assert '"surprise": 2' in done.stdout


@pytest.mark.parametrize("word", ["val", "valid", "Validation"])
def test_validation_is_a_split_of_its_own(word: str, tmp_path: Path) -> None:
    put(tmp_path, "train/happy/a.png", f"{word}/happy/b.png", "test/happy/c.png")
    assert [len(load_data(tmp_path, split)) for split in ("train", "test", "validation")] == [1, 1, 1]
    assert load_data(tmp_path, "validation").names == ("validation/happy/b.png",)
    done = run_ml("clean", "--data", tmp_path, "--json")
    assert '"splits": {"train": 1, "test": 1, "validation": 1}' in done.stdout


def test_folders_named_by_usage_are_splits(tmp_path: Path) -> None:
    put(tmp_path, "Training/sad/x.png", "PublicTest/sad/x.png", "PrivateTest/sad/x.png")
    samples, bad = read_both(tmp_path)
    assert not bad
    assert {sample.name: (sample.split, sample.usage) for sample in samples} == {
        "train/sad/x.png": ("train", "Training"),
        "publictest/sad/x.png": ("test", "PublicTest"),
        "privatetest/sad/x.png": ("test", "PrivateTest"),
    }
    assert len(load_data(tmp_path, "private")) == 1


def test_more_kinds_of_images_and_what_macos_leaves_behind(tmp_path: Path) -> None:
    folder = put(tmp_path, "train/sad/a.png") / "train" / "sad"
    for name, kind in (("b.jfif", "JPEG"), ("c.tif", "TIFF"), ("d.TIFF", "TIFF")):
        Image.new("L", (48, 48), 90).save(folder / name, kind)
    (folder / "._a.png").write_bytes(b"\x00\x05\x16\x07 resource fork")

    samples, bad = read_both(tmp_path)

    assert sorted(Path(sample.name).name for sample in samples) == ["a.png", "b.jfif", "c.tif", "d.TIFF"]
    assert [entry.name for entry in bad] == ["train/sad/._a.png"]
    assert bad[0].reason == "cannot be decoded: it is no image of a kind that is known"


def test_a_zip_with_backslashes(tmp_path: Path) -> None:
    path, png = tmp_path / "windows.zip", io.BytesIO(encode_png(draw_crop(3, 1))).getvalue()
    info = zipfile.ZipInfo("x")
    info.filename = "fer\\train\\happy\\im0.png"  # Python would write slashes
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(info, png)
    assert [sample.name for sample in read_both(path)[0]] == ["train/happy/im0.png"]
