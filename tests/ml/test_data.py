"""ml.archive reads every form in which people have FER-2013, with the same names and pixels."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ml.archive import count_samples
from ml.data import DataError, load_data
from ml.labels import LABELS
from tests.ml.archives import USAGES, csv_text, make_form, numbers, read_both, zip_tree
from tests.ml.drawing import draw_crop, encode_png

FORMS = (
    *("folders", "nested folders", "zip of folders", "zip of nested folders"),
    *("CSV", "CSV with CRLF", "CSV with byte order mark", "icml CSV", "zipped CSV", "folder with a CSV"),
    *("CSV with gzip", "tar of a CSV", "tar of folders"),
)


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_samples(form: str, tmp_path: Path) -> None:
    path = make_form(form, tmp_path)
    samples, bad = read_both(path)

    assert not bad
    assert count_samples(path) == 8
    by_row = sorted(samples, key=lambda sample: sample.row or 0)
    assert [s.row for s in by_row] == list(range(8))
    assert [s.name for s in by_row] == [f"{USAGES[row % 4]}_{row}" for row in range(8)]
    assert [s.label for s in by_row] == [row % 7 for row in range(8)]
    assert [s.split for s in by_row] == ["train", "train", "test", "test"] * 2
    for row, sample in enumerate(by_row):
        np.testing.assert_array_equal(sample.pixels, draw_crop(row % 7, row))


@pytest.mark.parametrize("form", ["folders", "zip of nested folders", "icml CSV"])
def test_splits_and_digest_are_those_of_any_form(form: str, tmp_path: Path) -> None:
    path, reference = make_form(form, tmp_path), tmp_path / "reference.csv"
    reference.write_text(csv_text())

    assert [len(load_data(path, split)) for split in ("train", "test", "public", "private")] == [4, 4, 2, 2]
    assert load_data(path, "train").digest() == load_data(reference, "train").digest()
    assert load_data(path, "train").digest() != load_data(path, "test").digest()


@pytest.mark.parametrize("split", ["train", "test"])
def test_either_folder_may_be_absent(split: str, tmp_path: Path) -> None:
    other = "test" if split == "train" else "train"
    folder = tmp_path / split / "happy"
    folder.mkdir(parents=True)
    (folder / "PrivateTest_9.png" if split == "test" else folder / "Training_9.png").write_bytes(
        encode_png(draw_crop(3, 9))
    )

    assert len(load_data(tmp_path, split)) == 1
    assert len(load_data(tmp_path / split, split)) == 1  # the folder itself, given as the path
    with pytest.raises(DataError, match=f"no sample of split '{other}'"):
        load_data(tmp_path, other)


def test_jpegs_of_any_size_and_suffix_case_are_scaled(tmp_path: Path) -> None:
    folder = tmp_path / "train" / "sad"
    folder.mkdir(parents=True)
    Image.new("RGB", (96, 96), (200, 200, 200)).save(folder / "a.JPG", "JPEG")
    Image.new("L", (48, 48), 90).save(folder / "b.jpeg", "JPEG")
    Image.fromarray(np.full((48, 48), 40_000, dtype=np.uint16)).save(folder / "c.png")  # 16 bits: not clipped to white
    (folder / "notes.txt").write_text("no image")

    samples, bad = read_both(tmp_path)

    assert not bad
    assert [s.name for s in samples] == ["train/sad/a.JPG", "train/sad/b.jpeg", "train/sad/c.png"]
    assert [int(s.pixels.mean()) for s in samples] == [200, 90, 156]
    assert all(s.pixels.shape == (48, 48) and s.row is None and s.usage == "Training" for s in samples)


def test_unnamed_files_have_one_name_in_folder_and_zip(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "Train" / "Happy"
    folder.mkdir(parents=True)
    (folder / "im0.png").write_bytes(encode_png(draw_crop(3, 1)))
    zipped = zip_tree(tmp_path / "deep", tmp_path / "z.zip", "x/y/")

    assert {s.name for path in (tmp_path / "deep", zipped) for s in read_both(path)[0]} == {"train/Happy/im0.png"}


@pytest.mark.parametrize(
    ("word", "label"),
    [
        *(("anger", 0), ("Disgusted", 1), ("fearful", 2), ("HAPPINESS", 3), ("sadness", 4)),
        *(("surprised", 5), ("neutral", 6), ("0_angry", 0), ("3-Happy", 3), ("6 neutral", 6)),
        *((name, n) for n, name in enumerate(LABELS)),
    ],
)
def test_folder_names_of_other_archives_are_known(word: str, label: int, tmp_path: Path) -> None:
    folder = tmp_path / "train" / word
    folder.mkdir(parents=True)
    (folder / "x.png").write_bytes(encode_png(draw_crop(label, 1)))

    assert [s.label for s in read_both(tmp_path)[0]] == [label]


def test_a_csv_without_usage_is_training(tmp_path: Path) -> None:
    table = tmp_path / "train.csv"
    table.write_text(f'emotion,pixels\n3,"{numbers(draw_crop(3, 1))}"\n')

    assert [(s.name, s.usage, s.split) for s in read_both(table)[0]] == [("Training_0", "Training", "train")]
