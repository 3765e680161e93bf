"""manage.py import_fer2013 stores each image once, in the bucket and as a row, from every form of the data."""

import hashlib
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from numpy.typing import NDArray
from PIL import Image

from classifier.models import Sample
from ml.labels import LABELS
from tests.ml.archives import USAGES, csv_text, make_form, numbers, write_folders
from tests.ml.drawing import draw_crop, encode_png

pytestmark = pytest.mark.django_db


def import_data(path: Path, *options: str) -> dict[str, Any]:
    """Run the command; its JSON object."""
    out = io.StringIO()
    call_command("import_fer2013", str(path), "--json", "--verbosity=0", *options, stdout=out)
    answer: dict[str, Any] = json.loads(out.getvalue())
    return answer


def stored_pixels(sample: Sample) -> NDArray[np.uint8]:
    """The image in the bucket."""
    with default_storage.open(sample.key) as file, Image.open(file) as image:
        assert (image.format, image.mode) == ("PNG", "L")
        return np.asarray(image)


def object_keys() -> list[str]:
    """Every object under dataset/."""
    storage: Any = default_storage
    return sorted(item.key for item in storage.bucket.objects.filter(Prefix="dataset/"))


@pytest.mark.parametrize("form", ["zip of folders", "nested folders", "icml CSV", "zipped CSV"])
def test_rows_and_objects_are_right_from_every_form(form: str, tmp_path: Path) -> None:
    answer = import_data(make_form(form, tmp_path))

    assert {key: answer[key] for key in ("read", "stored", "present", "objects", "bad")} == {
        "read": 8,
        "stored": 8,
        "present": 0,
        "objects": 8,
        "bad": [],
    }
    samples = {sample.source_name: sample for sample in Sample.objects.all()}
    assert samples.keys() == {f"{USAGES[row % 4]}_{row}" for row in range(8)}
    for row in range(8):
        crop, usage = draw_crop(row % 7, row), USAGES[row % 4]
        sample, split = samples[f"{usage}_{row}"], "train" if usage == "Training" else "test"
        digest = hashlib.sha256(crop.tobytes()).hexdigest()
        assert (sample.source, sample.usage, sample.split, sample.label) == ("fer2013", usage, split, row % 7)
        assert (sample.sha256, sample.key) == (digest, f"dataset/{split}/{LABELS[row % 7]}/{digest}.png")
        np.testing.assert_array_equal(stored_pixels(sample), crop)


def test_again_and_in_another_form_nothing_doubles(tmp_path: Path) -> None:
    for number, form in enumerate(("zip of folders", "zip of folders", "CSV", "folders")):
        folder = tmp_path / str(number)
        folder.mkdir()
        answer = import_data(make_form(form, folder))
        assert (answer["stored"], answer["present"], answer["objects"]) == ((0, 8, 0) if number else (8, 0, 8))

    assert Sample.objects.count() == len(object_keys()) == 8


def test_more_data_adds_only_what_is_new(tmp_path: Path) -> None:
    path = tmp_path / "fer.csv"
    path.write_text("\n".join(csv_text().splitlines()[:4]) + "\n")
    import_data(path)
    path.write_text(csv_text())

    answer = import_data(path)

    assert (answer["stored"], answer["present"], answer["objects"]) == (5, 3, 5)


def test_copies_share_an_object_where_split_and_label_agree(tmp_path: Path) -> None:
    path, crop = tmp_path / "fer.csv", numbers(draw_crop(3, 1))
    rows = ["3,{},Training", "3,{},Training", "4,{},Training", "3,{},PublicTest"]
    path.write_text("emotion,pixels,Usage\n" + "".join(row.format(crop) + "\n" for row in rows))

    answer = import_data(path)

    assert (answer["stored"], answer["objects"]) == (4, 3)
    assert len(set(Sample.objects.values_list("sha256", flat=True))) == 1
    assert object_keys() == sorted(set(Sample.objects.values_list("key", flat=True)))


def test_bad_rows_are_reported_with_their_number_and_skipped(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, out, err = tmp_path / "fer.csv", io.StringIO(), io.StringIO()
    lines = csv_text().splitlines()
    lines[3], lines[6] = "3,1 2 3,Training", "9," + lines[6].split(",", 1)[1]
    path.write_text("\n".join(lines) + "\n")

    call_command("import_fer2013", str(path), stdout=out, stderr=err)

    assert "skipped row 2 (line 4): 3 pixels, not 2304" in err.getvalue()
    assert "skipped row 5 (line 7): unknown label '9'" in err.getvalue()
    assert out.getvalue().startswith("6 samples stored (6 objects), 0 already there, 2 skipped; ")
    assert "8/8" in capsys.readouterr().err  # the progress bar
    assert [bad["row"] for bad in import_data(path)["bad"]] == [2, 5]


def test_another_image_under_a_stored_name_is_reported(tmp_path: Path) -> None:
    write_folders(tmp_path)
    import_data(tmp_path)
    (tmp_path / "train" / "angry" / "Training_0.png").write_bytes(encode_png(draw_crop(5, 99)))

    answer = import_data(tmp_path)

    assert [bad["name"] for bad in answer["bad"]] == ["Training_0"]
    assert "the stored one stays" in answer["bad"][0]["reason"]
    np.testing.assert_array_equal(stored_pixels(Sample.objects.get(source_name="Training_0")), draw_crop(0, 0))


def test_names_that_a_database_does_not_take_are_reported(tmp_path: Path) -> None:
    folder = tmp_path / "train" / "happy"
    folder.mkdir(parents=True)
    for name in ("x" * 250, "tab\there", "good"):
        (folder / f"{name}.png").write_bytes(encode_png(draw_crop(3, 1)))

    answer = import_data(tmp_path)

    assert answer["stored"] == 1
    assert sorted(bad["name"][:15] for bad in answer["bad"]) == ["train/happy/tab", "train/happy/xxx"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "does not exist"),
        ("a,b\n1,2\n", "is no FER-2013 CSV"),
        ("emotion,pixels\n3,1\n", "none of the 1 entries"),
        ("emotion,pixels\n", "none of the 0 entries"),
    ],
)
def test_what_cannot_be_imported_is_said_in_one_line(content: str | None, message: str, tmp_path: Path) -> None:
    path = tmp_path / "fer.csv"
    if content is not None:
        path.write_text(content)

    with pytest.raises(CommandError, match=message) as refused:
        import_data(path)

    assert "\n" not in str(refused.value)


def test_a_copy_under_other_names_brings_no_test_image_into_training(tmp_path: Path) -> None:
    write_folders(tmp_path / "first")
    import_data(tmp_path / "first")
    copy = tmp_path / "second" / "train" / "happy"
    copy.mkdir(parents=True)
    for row, name in ((2, "copied.png"), (99, "new.png")):  # row 2 is of PublicTest
        (copy / name).write_bytes(encode_png(draw_crop(row % 7, row)))

    answer = import_data(tmp_path / "second")

    assert answer["stored"] == 1
    assert [bad["name"] for bad in answer["bad"]] == ["train/happy/copied.png"]
    assert "not trained on" in answer["bad"][0]["reason"]


def test_what_is_not_understood_is_refused_or_reported(tmp_path: Path) -> None:
    for name in ("train/1/a.png", "train/contempt/b.png", "val/2/c.png"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_bytes(encode_png(draw_crop(3, len(name))))

    with pytest.raises(CommandError, match="--labels"):
        import_data(tmp_path)
    with pytest.raises(CommandError, match="--skip-unknown"):
        import_data(tmp_path, "--labels=rafdb")
    answer = import_data(tmp_path, "--labels=rafdb", "--skip-unknown")

    assert answer["stored"] == 1
    assert Sample.objects.get().get_label_display() == "surprise"
    assert [bad["reason"].split(":")[0] for bad in answer["bad"]] == [
        "the dataset has no split validation", "names no split and expression"
    ]  # fmt: skip
