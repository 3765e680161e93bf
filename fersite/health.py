"""Liveness and readiness for load balancers: no login, no template, an answer within two seconds."""

import logging
import threading
from collections.abc import Callable
from functools import lru_cache
from time import monotonic
from typing import Any

import psycopg2
import redis
from botocore.config import Config
from django.conf import settings
from django.core.cache import cache
from django.db import connections
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache

from fersite.s3 import make_client

HEARTBEAT_KEY = "fersite:worker:heartbeat"  # in the cache; the inference worker renews it
PROBE_SECONDS = 1.2
KEPT_SECONDS = 1.0  # anybody may ask as often as they like: it costs connections and threads

log = logging.getLogger(__name__)


@never_cache
def healthz(request: HttpRequest) -> JsonResponse:
    """This process answers; no dependency is asked."""
    return JsonResponse({"status": "ok"})


@never_cache
def readyz(request: HttpRequest) -> JsonResponse:
    """200 when all four dependencies answer, else 503; the body says which one does not."""
    found = readiness.read()
    ready = all(state == "ok" for state in found.values())
    return JsonResponse(found, status=200 if ready else 503)


class Readiness:
    """What the dependencies answered last; asked again after KEPT_SECONDS, by one thread for all."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.forget()

    def forget(self) -> None:
        """Forget what was found: the next read asks anew."""
        self._found: dict[str, str] = {}
        self._until = 0.0

    def read(self) -> dict[str, str]:
        """What each dependency answered; who comes while another asks waits for what that one finds."""
        with self._lock:
            if monotonic() >= self._until:
                self._found = run_probes(
                    {"database": ask_database, "broker": ask_broker, "storage": ask_storage, "worker": ask_worker}
                )
                self._until = monotonic() + KEPT_SECONDS
            return self._found


readiness = Readiness()


class HealthMiddleware:
    """Answers the two addresses before anything looks at the Host: probes call a pod by its bare address."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self.views = {"/healthz": healthz, "/readyz": readyz}

    def __call__(self, request: HttpRequest) -> HttpResponse:
        view = self.views.get(request.path_info, self.get_response)
        return view(request)


def run_probes(probes: dict[str, Callable[[], None]]) -> dict[str, str]:
    """Run all probes at once; one that raises, or is not back after PROBE_SECONDS, counts as "error"."""
    found = dict.fromkeys(probes, "error")

    def run(name: str, probe: Callable[[], None]) -> None:
        try:
            probe()
        except Exception as error:  # noqa: BLE001 - any failure of a dependency means "not ready"
            log.warning("%s is not ready: %s", name, error)
        else:
            found[name] = "ok"

    # Daemon threads: one that hangs longer than its own timeout must not hold up the answer or a shutdown.
    threads = [threading.Thread(target=run, args=item, daemon=True) for item in probes.items()]
    for thread in threads:
        thread.start()
    end = monotonic() + PROBE_SECONDS
    for thread in threads:
        thread.join(max(0.0, end - monotonic()))
    return dict(found)


def ask_database() -> None:
    """Connect anew, so that a pooled connection that died is not what is judged."""
    options = connections["default"].get_connection_params()
    options.pop("cursor_factory", None)
    connection = psycopg2.connect(**{**options, "connect_timeout": 2})
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    finally:
        connection.close()


def ask_broker() -> None:
    """Raise unless Redis takes a write: a full one still answers PING."""
    with redis.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=1, socket_timeout=1) as client:
        client.set("fersite:readyz", "", ex=60)


def ask_storage() -> None:
    """Raise unless the bucket is there and the keys open it."""
    find_client(settings.S3_ENDPOINT_URL).head_bucket(Bucket=settings.AWS_STORAGE_BUCKET_NAME)


@lru_cache(maxsize=4)
def find_client(endpoint: str | None) -> Any:
    """A client with little patience, made once: making one takes longer than the answer may on a busy machine."""
    return make_client(endpoint, Config(connect_timeout=1, read_timeout=1, retries={"total_max_attempts": 1}))


def ask_worker() -> None:
    """Raise unless an inference worker renewed its heartbeat within the last 20 seconds."""
    if cache.get(HEARTBEAT_KEY) is None:
        raise LookupError("no heartbeat of an inference worker")
