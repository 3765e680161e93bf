"""How long POST /api/v1/uploads/ takes over HTTP with no worker and a dead broker: real stores, real web server.

100 different 1280×960 JPEGs one after another; one JSON line per figure. Everything runs in a folder of its own.
"""

import io
import json
import os
import secrets
import sys
from pathlib import Path
from time import perf_counter

import numpy as np
import urllib3
from PIL import Image
from skimage import data

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.simulation.site import ROOT, open_site, wait_for
from local.ports import free_ports
from local.processes import Child, stop_children

PHOTOS = 100
SIZE = (1280, 960)


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


def make_token() -> str:
    """Of a new account."""
    from rest_framework.authtoken.models import Token

    from accounts.models import User

    user = User.objects.create_user("bench", "bench@example.org", secrets.token_urlsafe())
    return str(Token.objects.create(user=user).key)


def serve(state: Path) -> tuple[Child, str]:
    """Start gunicorn as `make run` does."""
    [port] = free_ports(1)
    command = [sys.executable, "-m", "gunicorn", "fersite.wsgi:application", f"--bind=127.0.0.1:{port}"]
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


def main() -> None:
    """Start everything, kill the broker, measure."""
    os.environ["LOG_LEVEL"] = "ERROR"
    with open_site(queues=()) as site:
        token = make_token()
        web, address = serve(site.state)
        site.children.append(web)
        wait_for("the web server does not start", lambda: is_up(address))
        photos = make_photos(PHOTOS + 4)
        measure(address, token, photos[PHOTOS:])  # connections and imports of the first requests
        stop_children([child for child in site.children if child.name == "redis"])
        times = measure(address, token, photos[:PHOTOS])
        report("post_p50_ms", float(np.percentile(times, 50)), broker="dead")
        report("post_p95_ms", float(np.percentile(times, 95)), broker="dead", max=round(max(times), 1))


if __name__ == "__main__":
    main()
