"""Folders, zips and tars as a list of files with names and sizes; nothing is ever unpacked to disk."""

import gzip
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, cast

# What zipfile raises on damaged entries, and RuntimeError on encrypted ones and ones packed by a method it lacks.
ZIP_ERRORS = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, RuntimeError, ValueError)
PACK_ERRORS = (*ZIP_ERRORS, tarfile.TarError)
OPEN_ERRORS = (OSError, zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError)
_GZIP = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class Entry:
    """A file in a container. name: with slashes; size: in bytes, as the container says; open: raises PACK_ERRORS."""

    name: str
    size: int
    open: Callable[[], IO[bytes]]


@contextmanager
def open_container(path: Path) -> Iterator[list[Entry] | None]:
    """The files of a folder, zip or tar (packed or not), in the order in which they are read best; None for a file.

    Raises:
        OPEN_ERRORS: it cannot be read.
    """
    if path.is_dir():
        yield _list_folder(path)
    elif zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            yield _list_zip(archive)
    elif tarfile.is_tarfile(path):
        with tarfile.open(path) as packed:
            yield _list_tar(packed)
    else:
        yield None


def open_plain(path: Path) -> IO[bytes]:
    """A file for reading, its gzip undone where it has one."""
    with path.open("rb") as stream:
        packed = stream.read(2) == _GZIP
    return cast(IO[bytes], gzip.open(path)) if packed else path.open("rb")


def open_table(entry: Entry) -> IO[bytes]:
    """A file of a container for reading, its gzip undone where its name says it has one."""
    stream = entry.open()
    return cast(IO[bytes], gzip.open(stream)) if entry.name.lower().endswith(".gz") else stream


def _list_folder(root: Path) -> list[Entry]:
    root = root.resolve()
    # The folder given may itself be named train or test.
    found = sorted(file for file in root.rglob("*") if file.is_file())
    return [
        Entry(file.relative_to(root.parent).as_posix(), file.stat().st_size, partial(_open_file, file))
        for file in found
    ]


def _list_zip(archive: zipfile.ZipFile) -> list[Entry]:
    infos = sorted((info for info in archive.infolist() if not info.is_dir()), key=lambda info: info.filename)
    return [Entry(info.filename.replace("\\", "/"), info.file_size, partial(archive.open, info)) for info in infos]


def _list_tar(archive: tarfile.TarFile) -> list[Entry]:
    # In their order: to go back in a packed one is to unpack it again.
    members = [member for member in archive.getmembers() if member.isfile()]
    return [Entry(member.name, member.size, partial(_open_member, archive, member)) for member in members]


def _open_file(file: Path) -> IO[bytes]:
    return file.open("rb")


def _open_member(archive: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    return cast(IO[bytes], archive.extractfile(member))
