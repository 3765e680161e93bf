"""How long POST /api/v1/uploads/ takes over HTTP with no worker and a dead broker: real stores, real web server.

100 different 1280×960 JPEGs one after another; one JSON line per figure. Everything runs in a folder of its own.
"""

import io
import json
import os
import secrets
import shutil
import sys
import tempfile
from pathlib import Path
from time import monotonic, perf_counter, sleep
from typing import Any

import numpy as np
import urllib3
from PIL import Image
from skimage import data

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from fersite.embedded import LocalServices, free_ports
from fersite.processes import Child, stop_children

ROOT = Path(__file__).resolve().parent.parent
PHOTOS = 100
SIZE = (1280, 960)
START_SECONDS = 60
CHOSEN = ("DATABASE_URL", "REDIS_URL", "S3_ENDPOINT_URL", "AWS_STORAGE_BUCKET_NAME")


def make_photos(count: int) -> list[bytes]:
    """NASA's portrait of Eileen Collins (public domain) as a phone would send it, each with noise of its own."""
    portrait = np.asarray(Image.fromarray(np.asarray(data.astronaut())).resize(SIZE), dtype=np.int16)
    photos = []
    for seed in range(count):
        noise = np.random.default_rng(seed).normal(0, 4, portrait.shape).astype(np.int16)
        out = io.BytesIO()
        Image.fromarray(np.clip(portrait + noise, 0, 255).astype(np.uint8)).save(out, "JPEG", quality=90)
        photos.append(out.getvalue())
    return photos


def wait_for(what: str, ready: Any) -> None:
    """Ask until it is ready."""
    end = monotonic() + START_SECONDS
    while not ready():
        if monotonic() > end:
            raise SystemExit(f"{what} does not start")
        sleep(0.05)


def prepare_site() -> str:
    """Tables, bucket and an account; its token."""
    import django
    from django.core.management import call_command

    django.setup()
    from rest_framework.authtoken.models import Token

    from accounts.models import User
    from fersite.storage import create_bucket

    call_command("migrate", verbosity=0)
    create_bucket()
    user = User.objects.create_user("bench", "bench@example.org", secrets.token_urlsafe())
    return str(Token.objects.create(user=user).key)


def serve(state: Path) -> tuple[Child, str]:
    """Start gunicorn as `make run` does."""
    [port] = free_ports(1)
    command = [sys.executable, "-m", "gunicorn", "fersite.wsgi:application", f"--bind=127.0.0.1:{port}"]
    command += ["--worker-class=gthread", "--workers=2", "--threads=4", "--preload", "--no-control-socket"]
    web = Child("web", command, state / "web.log", cwd=ROOT)
    web.start()
    return web, f"http://127.0.0.1:{port}"


def is_up(address: str) -> bool:
    """The site answers."""
    try:
        return urllib3.request("GET", f"{address}/healthz", timeout=1, retries=False).status == 200
    except urllib3.exceptions.HTTPError:
        return False


def measure(address: str, token: str, photos: list[bytes]) -> list[float]:
    """Milliseconds of each POST, from connecting to the whole answer."""
    times = []
    for photo in photos:
        start = perf_counter()
        response = urllib3.request(
            "POST",
            f"{address}/api/v1/uploads/",
            fields={"image": ("photo.jpg", photo, "image/jpeg")},
            headers={"Authorization": f"Bearer {token}"},
            timeout=60,
            retries=False,
        )
        times.append((perf_counter() - start) * 1000)
        if response.status != 202:
            raise SystemExit(f"{response.status}: {response.data[:500]!r}")
    return times


def report(name: str, value: float, **more: object) -> None:
    print(json.dumps({"name": name, "value": round(value, 1), "unit": "ms", "n": PHOTOS, **more}), flush=True)


def run(state: Path, children: list[Child]) -> None:
    """Start everything, kill the broker, measure."""
    environ = {name: value for name, value in os.environ.items() if name not in CHOSEN}
    services = LocalServices.plan(state, environ, durable=True)
    children.extend(services.children())
    for child in children:
        child.start()
    for name, server in services.servers.items():
        wait_for(name, server.ready)
    os.environ.update(
        services.environment,
        DJANGO_SETTINGS_MODULE="fersite.settings",
        FERSITE_STATE=str(state),
        FERSITE_INSECURE_HTTP="1",
        SECRET_KEY=secrets.token_urlsafe(64),
        ALLOWED_HOSTS="127.0.0.1",
        LOG_LEVEL="ERROR",
    )
    token = prepare_site()
    web, address = serve(state)
    children.append(web)
    wait_for("web", lambda: is_up(address))
    photos = make_photos(PHOTOS + 4)
    measure(address, token, photos[PHOTOS:])  # connections and imports of the first requests
    stop_children([child for child in children if child.name == "redis"])
    times = measure(address, token, photos[:PHOTOS])
    report("post_p50_ms", float(np.percentile(times, 50)), broker="dead")
    report("post_p95_ms", float(np.percentile(times, 95)), broker="dead", max=round(max(times), 1))
    services.clear()


def main() -> None:
    """In a temporary folder that PostgreSQL's user can enter."""
    state = Path(tempfile.mkdtemp(prefix="fersite-bench-"))
    state.chmod(0o711)
    (state / "static").mkdir()
    children: list[Child] = []
    try:
        run(state, children)
    finally:
        stop_children(children)
        shutil.rmtree(state, ignore_errors=True)


if __name__ == "__main__":
    main()
