"""How fast manage.py import_fer2013 stores images: reading, encoding, hashing, bucket and database included.

Runs on local services in a folder of its own, never on a site. Data: the first argument or FERSITE_DATA, else 3,000
synthetic crops. One JSON line; more lines for how long a second import of the same data takes.
"""

import json
import os
import secrets
import shutil
import sys
import tempfile
import zipfile
from pathlib import Path
from time import monotonic, perf_counter, sleep

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from fersite.embedded import LocalServices  # noqa: E402
from fersite.processes import Child, stop_children  # noqa: E402

SYNTHETIC = 3000
START_SECONDS = 60
CHOSEN = ("DATABASE_URL", "REDIS_URL", "S3_ENDPOINT_URL", "AWS_STORAGE_BUCKET_NAME")


def make_data(path: Path) -> Path:
    """Smooth noise as a zip of Kaggle's folders: PNGs of about the size of real ones."""
    from classifier.images import encode_crop
    from ml.labels import LABELS

    random = np.random.default_rng(0)
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(SYNTHETIC):
            crop = np.repeat(np.repeat(random.integers(0, 250, (24, 24)), 2, axis=0), 2, axis=1)
            crop += random.integers(0, 6, (48, 48))
            name = f"train/{LABELS[number % 7]}/Training_{number}.png"
            archive.writestr(name, encode_crop(crop.astype(np.uint8)))
    return path


def start_services(state: Path) -> list[Child]:
    """Local services whatever the environment says: a benchmark must not fill anybody's bucket."""
    for name in CHOSEN:
        os.environ.pop(name, None)
    services = LocalServices.plan(state, {}, durable=True)
    os.environ.update(
        services.environment,
        DJANGO_SETTINGS_MODULE="fersite.settings",
        FERSITE_STATE=str(state),
        FERSITE_INSECURE_HTTP="1",
        SECRET_KEY=secrets.token_urlsafe(64),
    )
    children = services.children()
    for child in children:
        child.start()
    end = monotonic() + START_SECONDS
    while not all(server.ready() for server in services.servers.values()):
        if monotonic() > end:
            raise SystemExit(f"the services do not start: see {state}/log")
        sleep(0.05)
    return children


def measure(path: Path) -> None:
    """Import twice; the second time everything is there."""
    from classifier.dataset import import_fer2013

    for name in ("import_images_per_second", "reimport_images_per_second"):
        start = perf_counter()
        summary = import_fer2013(path=path)
        seconds = perf_counter() - start
        figure = {"name": name, "value": round(summary.read / seconds, 1), "unit": "images/s", "n": summary.read}
        more = {"seconds": round(seconds, 2), "stored": summary.stored, "data": path.name}
        print(json.dumps(figure | more), flush=True)


def main() -> None:
    given = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("FERSITE_DATA")
    state = Path(tempfile.mkdtemp(prefix="fersite-bench-"))
    state.chmod(0o711)  # PostgreSQL's user must be able to enter it
    children: list[Child] = []
    try:
        children += start_services(state)
        import django
        from django.core.management import call_command

        django.setup()
        from fersite.storage import create_bucket

        call_command("migrate", verbosity=0)
        create_bucket()
        measure(Path(given) if given else make_data(state / "synthetic.zip"))
    finally:
        stop_children(children)
        shutil.rmtree(state, ignore_errors=True)


if __name__ == "__main__":
    main()
