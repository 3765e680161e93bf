"""Writes a snapshot out in the forms of FER-2013: Kaggle's folders, a zip of them, or the CSV, zipped or not."""

import gzip
import io
import re
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from classifier.dataset.snapshots import LoadedImages, SnapshotEntry, load_images, read_snapshot
from classifier.models import Sample, Snapshot
from classifier.storage.codec import encode_crop
from ml.archive import IMAGE_SUFFIXES
from ml.labels import LABELS
from ml.table import USAGES

FORMATS = ("folders", "csv")
TABLE = "fer2013.csv"
_STEM_LENGTH = 100
_UNSAFE = re.compile(r"[^\w.() -]+|^[. -]+|[. ]+$")
_ROW = re.compile(r"_(\d{1,9})$")
_NUMBERS = [str(value) for value in range(256)]
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the same snapshot gives the same bytes


class ExportError(Exception):
    """Nothing was written; the message says why."""


@dataclass(frozen=True)
class ExportSummary:
    """Samples written; erased: gone or not shared any more since the snapshot; damaged: lost by the bucket."""

    written: int
    erased: int
    damaged: int


def export_snapshot(
    *, snapshot: Snapshot, path: Path, form: str, on_progress: Callable[[int], object] | None = None
) -> ExportSummary:
    """Write to a path that does not exist yet; it appears whole or not at all.

    Args:
        path: a folder to be made or a .zip for "folders"; .csv, .csv.gz or .zip for "csv".
        form: one of FORMATS. Folders keep the samples' names, so that they are the same samples when they are imported
            again; a CSV has no names: its rows keep FER-2013's order and are counted anew.
        on_progress: called with the number of samples that are read since the last call.

    Raises:
        ExportError: the path exists or cannot be written, its ending does not fit, or nothing of the snapshot is left.
        classifier.dataset.snapshots.SnapshotDamagedError, classifier.storage.bulk.BucketError: it cannot be read.
    """
    write = _choose_writer(path, form)
    loaded = load_images(read_snapshot(snapshot), on_progress=on_progress)
    if not loaded.found:
        raise ExportError(f"Nothing of {snapshot} is left to be exported.")
    try:
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as folder:
            target = Path(folder) / "export"
            write(target, loaded)
            _check_free(path)
            target.rename(path)
    except OSError as error:
        raise ExportError(f"{path} cannot be written: {error.strerror or error}") from error
    return ExportSummary(len(loaded.found), len(loaded.erased), len(loaded.damaged))


def name_files(entries: Iterable[SnapshotEntry]) -> Iterator[str]:
    """A path train|test/<label>/<name>.png for each entry, none twice and none leading out of its folder."""
    taken: set[str] = set()
    for entry in entries:
        last = PurePosixPath(entry.source_name).name
        stem = last.rsplit(".", 1)[0] if PurePosixPath(last).suffix.lower() in IMAGE_SUFFIXES else last
        stem = _UNSAFE.sub("_", stem)[:_STEM_LENGTH] or "_"
        folder, number, name = f"{entry.split}/{LABELS[entry.label]}", 1, stem
        while f"{folder}/{name}".lower() in taken:  # some disks hold Face.png and face.png for one file
            number += 1
            name = f"{stem} ({number})"
        taken.add(f"{folder}/{name}".lower())
        yield f"{folder}/{name}.png"


def _choose_writer(path: Path, form: str) -> Callable[[Path, LoadedImages], None]:
    if form not in FORMATS:
        raise ExportError(f"unknown format {form!r}; choose one of {', '.join(FORMATS)}")
    _check_free(path)
    if not path.parent.is_dir():
        raise ExportError(f"{path.parent} is no folder: make it first")
    name = path.name.lower()
    if form == "folders":
        if name.endswith((".csv", ".gz")):
            raise ExportError(f"{path}: folders go into a folder or a .zip; --format csv writes a table")
        return _write_zip if name.endswith(".zip") else _write_folders
    if name.endswith(".csv.gz"):
        return _write_packed_csv
    if name.endswith(".zip"):
        return _write_zipped_csv
    if name.endswith(".csv"):
        return _write_plain_csv
    raise ExportError(f"{path}: a table is called .csv, .csv.gz or .zip")


def _check_free(path: Path) -> None:
    if path.exists() or path.is_symlink():
        raise ExportError(f"{path} exists already: nothing is overwritten")


def _write_folders(target: Path, loaded: LoadedImages) -> None:
    for name, pixels in zip(name_files(loaded.found), loaded.images, strict=True):
        file = target / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(encode_crop(pixels))


def _write_zip(target: Path, loaded: LoadedImages) -> None:
    with zipfile.ZipFile(target, "x") as archive:
        for name, pixels in zip(name_files(loaded.found), loaded.images, strict=True):
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), encode_crop(pixels))


def _write_plain_csv(target: Path, loaded: LoadedImages) -> None:
    with target.open("xb") as stream:
        _write_rows(stream, loaded)


def _write_packed_csv(target: Path, loaded: LoadedImages) -> None:
    with ExitStack() as stack:
        file = stack.enter_context(target.open("xb"))
        stream = stack.enter_context(gzip.GzipFile("", "wb", compresslevel=3, fileobj=file, mtime=0))
        _write_rows(stream, loaded)


def _write_zipped_csv(target: Path, loaded: LoadedImages) -> None:
    entry = zipfile.ZipInfo(TABLE, _EPOCH)
    entry.compress_type = zipfile.ZIP_DEFLATED
    with zipfile.ZipFile(target, "x") as archive, archive.open(entry, "w") as stream:
        _write_rows(stream, loaded)


def _write_rows(stream: IO[bytes] | gzip.GzipFile, loaded: LoadedImages) -> None:
    """Write emotion, pixels, Usage; in FER-2013's order, then the rest by name."""
    usages = dict(Sample.objects.exclude(usage="").values_list("source_name", "usage"))
    order = sorted(range(len(loaded.found)), key=lambda index: _sort_key(loaded.found[index]))
    text = io.TextIOWrapper(stream, "ascii", newline="\n", write_through=True)
    text.write("emotion,pixels,Usage\n")
    for index in order:
        entry = loaded.found[index]
        pixels = " ".join(map(_NUMBERS.__getitem__, loaded.images[index].tobytes()))
        text.write(f"{entry.label},{pixels},{_choose_usage(entry, usages)}\n")
    text.detach()


def _sort_key(entry: SnapshotEntry) -> tuple[bool, int, str]:
    row = _ROW.search(entry.source_name) if entry.source == Sample.Source.FER2013 else None
    return row is None, int(row[1]) if row else 0, entry.source_name


def _choose_usage(entry: SnapshotEntry, usages: dict[str, str]) -> str:
    """The usage that the sample came with, where that fits its split; else Training or PublicTest."""
    usage = usages.get(entry.source_name, "")
    if usage in USAGES and (usage == "Training") == (entry.split == Sample.Split.TRAIN):
        return usage
    return "Training" if entry.split == Sample.Split.TRAIN else "PublicTest"
