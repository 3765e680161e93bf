"""How fast manage.py import_fer2013 stores images: reading, encoding, hashing, bucket and database included.

Runs on local services in a folder of its own, never on a site. Data: the first argument or FERSITE_DATA, else 3,000
synthetic crops. One JSON line; more lines for how long a second import of the same data takes.
"""

import json
import os
import sys
import zipfile
from pathlib import Path
from time import perf_counter

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.simulation.site import open_site

SYNTHETIC = 3000


def make_data(path: Path) -> Path:
    """Smooth noise as a zip of Kaggle's folders: PNGs of about the size of real ones."""
    from classifier.storage.codec import encode_crop
    from ml.labels import LABELS

    random = np.random.default_rng(0)
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(SYNTHETIC):
            crop = np.repeat(np.repeat(random.integers(0, 250, (24, 24)), 2, axis=0), 2, axis=1)
            crop += random.integers(0, 6, (48, 48))
            name = f"train/{LABELS[number % 7]}/Training_{number}.png"
            archive.writestr(name, encode_crop(crop.astype(np.uint8)))
    return path


def measure(path: Path) -> None:
    """Import twice; the second time everything is there."""
    from classifier.dataset.samples import import_fer2013

    for name in ("import_images_per_second", "reimport_images_per_second"):
        start = perf_counter()
        summary = import_fer2013(path=path)
        seconds = perf_counter() - start
        figure = {"name": name, "value": round(summary.read / seconds, 1), "unit": "images/s", "n": summary.read}
        more = {"seconds": round(seconds, 2), "stored": summary.stored, "data": path.name}
        print(json.dumps(figure | more), flush=True)


def main() -> None:
    given = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("FERSITE_DATA")
    with open_site(queues=()) as site:
        measure(Path(given) if given else make_data(site.state / "synthetic.zip"))


if __name__ == "__main__":
    main()
