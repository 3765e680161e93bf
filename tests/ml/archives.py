"""The same eight samples in every form in which people have FER-2013, made in code."""

import gzip
import tarfile
import zipfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ml.archive import Source, read_samples
from ml.labels import LABELS
from ml.table import BadSample, RawSample
from tests.ml.drawing import draw_crop, encode_png

USAGES = ("Training", "Training", "PublicTest", "PrivateTest")


def read_both(path: Path | Source) -> tuple[list[RawSample], list[BadSample]]:
    """What was read, and what was not."""
    found = list(read_samples(path))
    return [s for s in found if isinstance(s, RawSample)], [s for s in found if isinstance(s, BadSample)]


def numbers(pixels: NDArray[np.uint8]) -> str:
    return " ".join(map(str, pixels.ravel()))


def csv_text(newline: str = "\n") -> str:
    lines = ["emotion,pixels,Usage"]
    lines += [f"{row % 7},{numbers(draw_crop(row % 7, row))},{USAGES[row % 4]}" for row in range(8)]
    return newline.join(lines) + newline


def write_folders(root: Path) -> None:
    """The samples of csv_text as Kaggle's folders."""
    for row in range(8):
        folder = root / ("train" if USAGES[row % 4] == "Training" else "test") / LABELS[row % 7]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{USAGES[row % 4]}_{row}.png").write_bytes(encode_png(draw_crop(row % 7, row)))


def zip_tree(root: Path, target: Path, prefix: str = "") -> Path:
    with zipfile.ZipFile(target, "w") as archive:
        for file in sorted(root.rglob("*")):
            if file.is_file():
                archive.write(file, prefix + file.relative_to(root).as_posix())
    return target


def make_form(form: str, folder: Path) -> Path:
    """The same eight samples in one of the forms that people have."""
    tree = folder / "tree"
    if form == "folders":
        write_folders(tree)
        return tree
    if form == "nested folders":
        write_folders(tree / "archive" / "fer2013")
        return tree
    if form == "tar of folders":
        write_folders(tree)
        with tarfile.open(folder / "fer.tar.gz", "w:gz") as archive:
            archive.add(tree, "fer")
        return folder / "fer.tar.gz"
    if form.startswith("zip of"):
        write_folders(tree)
        return zip_tree(tree, folder / "fer.zip", "archive/" if "nested" in form else "")
    table = folder / "fer2013.csv"
    text = csv_text("\r\n" if "CRLF" in form else "\n")
    if "icml" in form:
        rows = [line.split(",") for line in text.splitlines()[1:]]
        text = "emotion, Usage, pixels\n" + "".join(f"{e},{u},{p}\n" for e, p, u in rows)
    encoded = text.encode("utf-8-sig" if "mark" in form else "utf-8")
    table.write_bytes(encoded)
    if form == "folder with a CSV":
        (folder / "aaa.csv").write_text("id,text\n1,hello\n")
        return folder
    if form == "CSV with gzip":
        (folder / "fer2013.csv.gz").write_bytes(gzip.compress(encoded))
        return folder / "fer2013.csv.gz"
    if form == "tar of a CSV":  # Kaggle's fer2013.tar.gz
        (folder / "README").write_text("about")
        with tarfile.open(folder / "fer2013.tar.gz", "w:gz") as archive:
            archive.add(folder / "README", "fer2013/README")
            archive.add(table, "fer2013/fer2013.csv")
        return folder / "fer2013.tar.gz"
    if form == "zipped CSV":
        with zipfile.ZipFile(folder / "fer.zip", "w", zipfile.ZIP_DEFLATED) as zipped:
            zipped.writestr("fer2013/README", "about")
            zipped.writestr("fer2013/aaa.csv", "id,text\n1,hello\n")
            zipped.write(table, "fer2013/fer2013.csv")
        return folder / "fer.zip"
    return table
