"""Real services for the tests: PostgreSQL, Redis and S3 of this run's own, started before Django's settings are read.

DATABASE_URL, REDIS_URL and S3_ENDPOINT_URL, where set, replace the local ones: name services that may be emptied.
"""

import os
import secrets
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep

import pytest
from pytest_django import DjangoDbBlocker

from local.embedded import LocalServices
from local.processes import Child, stop_children

START_SECONDS = 60
# What settings read where nothing is connected to.
NOWHERE = {"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nothing", "REDIS_URL": "redis://127.0.0.1:1/0"}
# The files that take longest, by their CPU seconds.
LONGEST = (
    "classifier/training/test_training", "ml/test_distill", "fersite/test_supervisor", "e2e/test_circle",
    "classifier/review/test_review_race", "dashboard/test_replay", "ml/test_explain", "ml/test_notebook",
    "e2e/test_dashboard", "e2e/test_answers", "classifier/jobs/test_kill", "e2e/test_upload_page",
    "e2e/test_photo_to_answer", "ml/test_train", "classifier/jobs/test_poison", "classifier/dataset/test_reconcile",
)  # fmt: skip
_children: list[Child] = []
_services: LocalServices | None = None
_state: Path | None = None


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Before pytest-django sets Django up: begin to start the services, and tell settings where they are.

    With -n, each of the processes that run tests has services of its own; to collect tests takes none.
    """
    if config.getoption("numprocesses", None) and not hasattr(config, "workerinput"):
        os.environ.pop("DJANGO_SETTINGS_MODULE", None)
        return
    global _state
    _state = state = Path(tempfile.mkdtemp(prefix="fersite-test-"))
    state.chmod(0o711)  # PostgreSQL's user must be able to enter it
    (state / "static").mkdir()  # where collected files would be: WhiteNoise warns without it
    os.environ.update(
        NOWHERE if config.option.collectonly else start_services(state),
        DJANGO_SETTINGS_MODULE="fersite.settings",
        FERSITE_STATE=str(state),
        FERSITE_INSECURE_HTTP="1",
        FERSITE_BLIND_PERCENT="0",  # tests that ask blind say so
        SECRET_KEY=secrets.token_urlsafe(64),
        ALLOWED_HOSTS="testserver,localhost,127.0.0.1",
        AWS_STORAGE_BUCKET_NAME=f"fersite-test-{secrets.token_hex(4)}",
    )
    from django.conf import settings

    # Read now: pytest-django sets Django up only where settings are already loaded. Changed once for all: a change in
    # each test makes every storage anew, with S3 clients that take a tenth of a second.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # tests make many users
    settings.STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}


def start_services(state: Path) -> dict[str, str]:
    """Begin to start them, each in a folder of `state`; the variables that say where they will be."""
    global _services
    _services = LocalServices.plan(state, os.environ, durable=False)
    _children.extend(_services.children())
    for child in _children:
        child.start()
    return _services.environment


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With -n, file by file and the longest first: nobody is to be left alone with one of them in the end."""
    if hasattr(config, "workerinput"):
        tests = Path(__file__).parent
        order = {(tests / file).with_suffix(".py"): number for number, file in enumerate(LONGEST)}
        files = {file: number for number, file in enumerate(dict.fromkeys(item.path for item in items))}
        items.sort(key=lambda item: (order.get(item.path, len(order)), files[item.path]))


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the services and remove the state."""
    stop_children(_children)
    if _services is not None:
        _services.clear()
    if _state is not None:
        shutil.rmtree(_state, ignore_errors=True)


@pytest.fixture(scope="session")
def services() -> None:
    """They have started: waited for by the first test that uses one."""
    assert _services is not None
    end = monotonic() + START_SECONDS
    for name, server in _services.servers.items():
        while not server.ready():
            if monotonic() > end:
                pytest.exit(f"{name} does not start: see {_services.state}/log/{name}.log", returncode=1)
            sleep(0.05)


@pytest.fixture(scope="session")
def bucket(services: None) -> Iterator[str]:
    """This run's bucket; an earlier server may need a moment until it takes the first object."""
    from django.conf import settings

    from fersite.s3 import create_bucket, share_client

    client = share_client(settings.S3_ENDPOINT_URL)
    create_bucket()
    name: str = settings.AWS_STORAGE_BUCKET_NAME
    client.put_object(Bucket=name, Key="warm-up", Body=b"")
    yield name
    empty_bucket()
    client.delete_bucket(Bucket=name)


def empty_bucket() -> None:
    """Delete every object of this run's bucket."""
    from django.conf import settings

    from fersite.s3 import share_client

    client = share_client(settings.S3_ENDPOINT_URL)
    name = settings.AWS_STORAGE_BUCKET_NAME
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=name):
        keys = [{"Key": item["Key"]} for item in page.get("Contents", [])]
        if keys:
            client.delete_objects(Bucket=name, Delete={"Objects": keys, "Quiet": True})


@pytest.fixture(autouse=True)
def fresh_stores(request: pytest.FixtureRequest) -> Iterator[None]:
    """Tests that use the database get an empty Redis and leave an empty bucket; the others touch neither."""
    names = {"db", "transactional_db", "live_server", "client", "redis_db"}
    uses = bool(names & set(request.fixturenames)) or request.node.get_closest_marker("django_db") is not None
    if uses:
        request.getfixturevalue("bucket")
        flush_redis()
    yield
    if uses:
        empty_bucket()


@pytest.fixture(autouse=True)
def tensorflow_is_marked(request: pytest.FixtureRequest) -> Iterator[None]:
    """Who loads TensorFlow is marked: `make test-fast` must not wait for it."""
    there = "tensorflow" in sys.modules
    yield
    if "tensorflow" in sys.modules and not there:
        assert request.node.get_closest_marker("tensorflow"), "it loads TensorFlow: mark it"


def flush_redis() -> None:
    """Empty this run's Redis: cache, throttles, queues and the worker's heartbeat."""
    import redis
    from django.conf import settings

    with redis.Redis.from_url(settings.REDIS_URL) as client:
        client.flushdb()


@pytest.fixture(scope="session")
def django_db_setup(services: None, django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> None:
    """What the migrations wrote outlasts the tests that empty all tables; no thread keeps the database from going."""
    from django.db import connection

    from tests.migrated import drop_by_force, keep_rows

    vars(connection.creation)["_destroy_test_db"] = drop_by_force
    with django_db_blocker.unblock():
        keep_rows()
