"""What ml.archive cannot read is reported with its place and reason; the rest is read, and nothing is unpacked."""

import io
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from ml.archive import MAX_IMAGE_BYTES, Source, count_samples, read_samples
from ml.data import DataError
from tests.ml.archives import csv_text, numbers, read_both
from tests.ml.drawing import draw_crop, encode_png

GOOD = numbers(draw_crop(3, 1))


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("3,1 2 3,Training", "3 pixels, not 2304"),
        ("3,,Training", "0 pixels, not 2304"),
        (f"3,{GOOD} 1,Training", "2305 pixels, not 2304"),
        (f"7,{GOOD},Training", "unknown label '7'"),
        (f"-1,{GOOD},Training", "unknown label '-1'"),
        (f"x,{GOOD},Training", "unknown label 'x'"),
        (f"3,{GOOD[:-2]}xy,Training", "invalid literal"),
        (f"3,256 {GOOD.split(' ', 1)[1]},Training", "outside 0 to 255"),
        (f"3,-1 {GOOD.split(' ', 1)[1]},Training", "outside 0 to 255"),
        (f"3,99999999999999999999 {GOOD.split(' ', 1)[1]},Training", "too large"),
        (f"3,{GOOD}", "unknown Usage ''"),
        (f"3,{GOOD},", "unknown Usage ''"),
        (f"3,{GOOD},Validation", "unknown Usage 'Validation'"),
        (f'3,"{GOOD},Training', "unknown Usage ''"),
        ("3," + "1 " * 200_000 + ",Training", "unknown Usage ''"),
        ("3,\x00,Training", "invalid literal"),
    ],
)
def test_a_bad_row_is_reported_and_the_rest_is_read(line: str, reason: str, tmp_path: Path) -> None:
    table = tmp_path / "fer.csv"
    table.write_text(f"emotion,pixels,Usage\n3,{GOOD},Training\n{line}\n4,{GOOD},PublicTest\n")

    samples, bad = read_both(table)

    assert [s.name for s in samples] == ["Training_0", "PublicTest_2"]
    assert [(b.row, b.name) for b in bad] == [(1, "row 1 (line 3)")]
    assert reason in bad[0].reason
    assert len(bad[0].reason) <= 200


def test_blank_lines_count_for_nothing(tmp_path: Path) -> None:
    table = tmp_path / "fer.csv"
    table.write_text(f"emotion,pixels,Usage\n\n3,{GOOD},Training\n   \n4,{GOOD},Training\n\n")

    samples, bad = read_both(table)

    assert [s.name for s in samples] == ["Training_0", "Training_1"]
    assert not bad


def damaged_zip(path: Path) -> Path:
    """Good images beside everything that should be refused."""
    png = encode_png(draw_crop(3, 1))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("train/happy/good.png", png)
        archive.writestr("train/happy/broken.png", png[: len(png) // 2])
        archive.writestr("train/happy/empty.png", b"")
        archive.writestr("train/happy/text.png", b"no image at all")
        archive.writestr("train/happy/bomb.png", b"\0" * (MAX_IMAGE_BYTES + 1))
        archive.writestr("train/happy/wide.png", flat_png(3000, 3000))
        archive.writestr("train/unknown/x.png", png)
        archive.writestr("../../train/sad/escape.png", png)
        archive.writestr("/train/sad/absolute.png", png)
        archive.writestr("__MACOSX/train/happy/._good.png", b"resource fork")
    return path


def flat_png(width: int, height: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("1", (width, height)).save(buffer, "PNG")
    return buffer.getvalue()


def test_damaged_entries_of_a_zip_are_reported_and_nothing_is_unpacked(tmp_path: Path) -> None:
    inside = tmp_path / "a" / "b"
    inside.mkdir(parents=True)

    samples, bad = read_both(Source(damaged_zip(inside / "fer.zip"), skip_unknown=True))

    assert [s.name for s in samples] == ["train/sad/escape.png", "train/sad/absolute.png", "train/happy/good.png"]
    reasons = {Path(b.name).name: b.reason for b in bad}
    assert reasons.keys() == {"broken.png", "empty.png", "text.png", "bomb.png", "wide.png", "unknown"}
    assert "0x" not in reasons["text.png"]  # no address in memory
    assert "too large" in reasons["bomb.png"]
    assert "3000×3000 pixels is too large" in reasons["wide.png"]
    assert [file.name for file in tmp_path.rglob("*") if file.is_file()] == ["fer.zip"]


def test_an_entry_with_damaged_bytes_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "fer.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("a", "b"):
            archive.writestr(f"train/happy/{name}.png", encode_png(draw_crop(3, 1)))
    content = bytearray(path.read_bytes())
    content[80:120] = b"\xff" * 40  # in the compressed bytes of a.png
    path.write_bytes(content)

    samples, bad = read_both(path)

    assert [s.name for s in samples] == ["train/happy/b.png"]
    assert "cannot be unpacked" in bad[0].reason


def test_a_damaged_zipped_csv_keeps_what_was_read(tmp_path: Path) -> None:
    path = tmp_path / "fer.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("fer2013.csv", csv_text() + "".join(csv_text().split("\n", 1)[1] for _ in range(20)))
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 40] = b"\xff" * 40
    path.write_bytes(content)

    samples, bad = read_both(path)

    assert 0 < len(samples) < 168
    assert "what follows the last row read is lost" in bad[-1].reason


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("missing", None),
        ("empty.csv", b""),
        ("other.csv", b"a,b\n1,2\n"),
        ("photo.png", encode_png(draw_crop(0, 0))),
        ("cut.zip", b"PK\x03\x04" + b"\0" * 50 + b"PK\x05\x06" + b"\xff" * 18),
    ],
)
def test_what_is_no_dataset_is_refused_in_one_line(name: str, content: bytes | None, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)

    with pytest.raises(DataError) as refused:
        list(read_samples(tmp_path / name))

    assert name in str(refused.value)
    assert count_samples(tmp_path / name) >= 0  # no error either: it only draws a progress bar
    assert "\n" not in str(refused.value)


def test_an_empty_folder_or_zip_is_refused(tmp_path: Path) -> None:
    zipfile.ZipFile(tmp_path / "empty.zip", "w").close()
    (tmp_path / "empty").mkdir()

    for name in ("empty", "empty.zip"):
        with pytest.raises(DataError, match="neither train"):
            list(read_samples(tmp_path / name))
