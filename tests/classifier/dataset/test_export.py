"""manage.py export_dataset writes a snapshot so that it can be read again; manage.py take_snapshot takes one."""

import io
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command

from classifier.dataset.export import name_files
from classifier.dataset.samples import import_fer2013
from classifier.dataset.snapshots import SnapshotEntry, take_snapshot
from classifier.models import Sample, Snapshot
from classifier.photos.erasure import erase_upload
from classifier.review.decisions import approve_answer
from ml.data import load_data
from tests.factories import make_answer_with_crop, make_user
from tests.ml.archives import make_form, read_both
from tests.ml.drawing import draw_crop

pytestmark = pytest.mark.django_db


@pytest.fixture
def snapshot(tmp_path: Path) -> Snapshot:
    """Of eight samples of FER-2013 and one that somebody's answer gave."""
    (Path(settings.FERSITE_STATE) / "crops.npy").unlink(missing_ok=True)
    import_fer2013(path=make_form("CSV", tmp_path))
    correction = make_answer_with_crop(make_user(), draw_crop(3, 100))
    approve_answer(correction=correction, reviewer=make_user("ruth"))
    return take_snapshot()


def export(path: Path, *options: str, number: int | None = None) -> str:
    out = io.StringIO()
    chosen = number if number is not None else Snapshot.objects.values_list("pk", flat=True)[0]
    call_command(
        "export_dataset",
        "--to",
        str(path),
        "--snapshot",
        str(chosen),
        "--verbosity=0",
        *options,
        stdout=out,
        stderr=out,
    )
    return out.getvalue().strip()


def describe(*fields: str) -> Counter[Any]:
    return Counter(Sample.objects.values_list("split", "label", "sha256", *fields))


FORMS = [
    ("folder", []),
    ("fer.zip", []),
    ("fer.csv", ["--format", "csv"]),
    ("fer.zip", ["--format", "csv"]),
]


@pytest.mark.parametrize(("name", "options"), FORMS)
def test_what_was_exported_is_imported_as_the_same_samples(
    snapshot: Snapshot, name: str, options: list[str], tmp_path: Path
) -> None:
    path = tmp_path / name
    before, folders = describe(), not options
    named = describe("source_name", "usage") if folders else None

    assert export(path, *options) == f"9 samples of {snapshot} in {path}; erased since: 0"

    if folders:
        Sample.objects.filter(source="correction").delete()
        assert (import_fer2013(path=path).present, Sample.objects.count()) == (8, 9)
    Sample.objects.all().delete()
    summary = import_fer2013(path=path)
    assert (summary.stored, summary.bad) == (9, [])
    assert describe() == before
    if named is not None:
        kept = {row: count for row, count in named.items() if not row[3].startswith("correction")}
        assert {row: count for row, count in describe("source_name", "usage").items() if row in kept} == kept


@pytest.mark.parametrize(("name", "options"), FORMS)
def test_the_trainer_reads_it(snapshot: Snapshot, name: str, options: list[str], tmp_path: Path) -> None:
    export(tmp_path / name, *options)
    for split, count in (("train", sum(snapshot.train_counts)), ("test", sum(snapshot.test_counts))):
        data = load_data(tmp_path / name, split)
        assert (len(data), data.bad) == (count, ())
    assert len(load_data(tmp_path / name, "private")) == 2


def test_a_packed_table_holds_the_same_rows(snapshot: Snapshot, tmp_path: Path) -> None:
    import gzip

    export(tmp_path / "fer.csv", "--format", "csv")
    export(tmp_path / "fer.csv.gz", "--format", "csv")
    plain = (tmp_path / "fer.csv").read_bytes()
    assert gzip.decompress((tmp_path / "fer.csv.gz").read_bytes()) == plain
    assert plain.startswith(b"emotion,pixels,Usage\n0,")
    samples, _ = read_both(tmp_path / "fer.csv")
    assert [sample.usage for sample in samples][:8] == ["Training", "Training", "PublicTest", "PrivateTest"] * 2


@pytest.mark.parametrize("name", ["fer.zip", "fer.csv.gz"])
def test_the_same_snapshot_gives_the_same_bytes(snapshot: Snapshot, name: str, tmp_path: Path) -> None:
    options = ["--format", "csv"] if "csv" in name else []
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        export(tmp_path / folder / name, *options)
    assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


@pytest.mark.django_db(transaction=True)
def test_what_was_erased_since_is_left_out_and_counted(snapshot: Snapshot, tmp_path: Path) -> None:
    erase_upload(upload=Sample.objects.get(source="correction").correction.face.upload)  # type: ignore[union-attr]
    assert export(tmp_path / "out") == f"8 samples of {snapshot} in {tmp_path / 'out'}; erased since: 1"
    assert not list((tmp_path / "out").rglob("correction*"))


def test_what_the_bucket_lost_is_said(snapshot: Snapshot, tmp_path: Path) -> None:
    default_storage.delete(Sample.objects.get(source="correction").key)
    said = export(tmp_path / "out")
    assert "8 samples of" in said
    assert "1 could not be read: manage.py reconcile_dataset --deep" in said


def make_file(path: Path) -> None:
    path.write_text("mine")


@pytest.mark.parametrize(
    ("name", "options", "make"),
    [("out", [], Path.mkdir), ("out.zip", [], make_file), ("out.csv", ["--format", "csv"], make_file)],
)
def test_nothing_is_overwritten(
    snapshot: Snapshot, name: str, options: list[str], make: Callable[[Path], None], tmp_path: Path
) -> None:
    folder = tmp_path / "here"
    folder.mkdir()
    make(folder / name)
    with pytest.raises(CommandError, match="exists already"):
        export(folder / name, *options)
    assert list(folder.rglob("*")) == [folder / name]
    assert (folder / name).is_dir() or (folder / name).read_text() == "mine"


def test_a_broken_export_leaves_nothing(snapshot: Snapshot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object) -> bytes:
        raise OSError(28, "No space left on device")

    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.setattr("classifier.dataset.export.encode_crop", fail)
    with pytest.raises(CommandError, match="cannot be written: No space left"):
        export(folder / "out")
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("out.csv", [], "--format csv writes a table"),
        ("out", ["--format", "csv"], "is called .csv, .csv.gz or .zip"),
        ("nowhere/out", [], "is no folder"),
    ],
)
def test_paths_that_do_not_fit(snapshot: Snapshot, name: str, options: list[str], message: str, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=message):
        export(tmp_path / name, *options)


def test_the_snapshot_must_be_named(snapshot: Snapshot, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=f"--snapshot {snapshot.pk} is the newest"):
        call_command("export_dataset", "--to", str(tmp_path / "out"))
    with pytest.raises(CommandError, match=f"no snapshot 999; the newest is {snapshot.pk}"):
        export(tmp_path / "out", number=999)


def test_without_a_place_it_is_named_after_the_snapshot(
    snapshot: Snapshot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for options, name in (([], f"snapshot-{snapshot.pk}"), (["--format", "csv"], f"snapshot-{snapshot.pk}.csv")):
        order = ["export_dataset", "--snapshot", str(snapshot.pk), "--verbosity=0", *options]
        out = io.StringIO()
        call_command(*order, stdout=out)
        assert (tmp_path / name).exists()
        assert f"in {name};" in out.getvalue()
        with pytest.raises(CommandError, match=f"{name} exists already"):
            call_command(*order)


def test_without_a_snapshot_the_next_step_is_named(db: None, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="take_snapshot takes one"):
        export(tmp_path / "out", number=1)


def test_file_names_are_safe_and_differ() -> None:
    names = ["../../etc/passwd", "train/happy/a.jpg", "train/happy/a.png", "A.PNG", "..", "c:\\x|y", "x" * 250, ".hid"]
    entries = [SnapshotEntry("train", 3, "0", "k", "fer2013", name) for name in names]
    assert list(name_files(entries)) == [
        f"train/happy/{name}.png"
        for name in ("passwd", "a", "a (2)", "A (3)", "_", "c_x_y", "x" * 100, "_hid")
    ]  # fmt: skip


def test_take_snapshot_prints_number_and_counts(snapshot: Snapshot) -> None:
    out = io.StringIO()
    call_command("take_snapshot", stdout=out)
    assert out.getvalue().startswith(f"snapshot {snapshot.pk}: 9 samples, 1 from corrections\n")
    assert out.getvalue().count(" train ") == 7
    out = io.StringIO()
    call_command("take_snapshot", "--json", stdout=out)
    answer = json.loads(out.getvalue())
    assert (answer["snapshot"], answer["size"], answer["digest"]) == (snapshot.pk, 9, snapshot.digest)
    assert [counts["train"] for counts in answer["counts"].values()] == snapshot.train_counts


def test_take_snapshot_of_nothing_names_the_next_step(db: None) -> None:
    with pytest.raises(CommandError, match="import_fer2013"):
        call_command("take_snapshot")
