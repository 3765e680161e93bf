"""Speed of the served network, without its accuracy: one face, batches, and whole photos, on one and two threads.

Prints one JSON line per figure; wall time is the median of the repeats, cpu_value the process's CPU time per item.
"""

import io
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image
from skimage import data

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from ml.artifacts import default_artifact, load_artifact
from ml.faces import FaceFinder
from ml.predict import Network, Pipeline

REPEATS = 50
PHOTO_SIZE = (1280, 960)


def measure(call: Callable[[], object], repeats: int = REPEATS) -> tuple[float, float]:
    """Median wall time and mean CPU time of one call, in ms, after three calls that do not count."""
    for _ in range(3):
        call()
    walls = []
    cpu = time.process_time()
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        walls.append(time.perf_counter() - start)
    return float(np.median(walls) * 1000), (time.process_time() - cpu) / repeats * 1000


def report(name: str, value: float, unit: str, **more: object) -> None:
    print(json.dumps({"name": name, "value": round(value, 3), "unit": unit, "n": REPEATS, **more}), flush=True)


def time_faces(network: Network, threads: int) -> None:
    crops = np.random.default_rng(0).integers(0, 256, (32, 48, 48), dtype=np.uint8)
    for batch in (1, 8, 32):
        part = crops[:batch]
        wall, cpu = measure(lambda part=part: network.classify_crops(part))  # type: ignore[misc]
        if batch == 1:
            report("face_ms", wall, "ms", threads=threads, cpu_value=round(cpu, 3))
        report("faces_per_second", batch / wall * 1000, "faces/s", batch=batch, threads=threads)


def time_photos(pipeline: Pipeline, threads: int) -> None:
    # NASA's portrait of Eileen Collins (public domain), enlarged: one face, a photo as phones send it.
    photo = Image.fromarray(data.astronaut()).resize(PHOTO_SIZE, Image.Resampling.BICUBIC)
    encoded = io.BytesIO()
    photo.save(encoded, "JPEG", quality=90)

    def decode() -> Image.Image:
        return Image.open(io.BytesIO(encoded.getvalue())).convert("RGB")

    finder = FaceFinder(threads=threads)
    stages: dict[str, Callable[[], object]] = {
        "decode_ms": decode,
        "detector_ms": lambda: finder.find_faces(photo),
        "photo_ms": lambda: pipeline.predict_photo(decode()),
    }
    for name, call in stages.items():
        wall, cpu = measure(call)
        size = f"{PHOTO_SIZE[0]}x{PHOTO_SIZE[1]}"
        report(name, wall, "ms", threads=threads, cpu_value=round(cpu, 3), photo=size, faces=1)


def main() -> None:
    artifact = load_artifact(default_artifact())
    for threads in (1, 2):
        time_faces(Network(artifact, threads=threads), threads)
        time_photos(Pipeline(artifact, threads=threads), threads)


if __name__ == "__main__":
    main()
