"""The one loaded network of a process: the champion, fetched from the bucket, verified, replaced when it changes."""

import json
import logging
import os
import shutil
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.files.storage import default_storage

from classifier.jobs import Outage
from classifier.models import Promotion, Version
from ml.artifacts import MANIFEST, Artifact, ArtifactError, load_artifact, new_folder

if TYPE_CHECKING:
    from ml.predict import Network, Pipeline

logger = logging.getLogger(__name__)

CHECK_SECONDS = 5.0
# A version that could not be loaded is not fetched again with every check.
REFUSED_SECONDS = 60.0


class NoChampion(Outage):
    """No version serves yet: register one with manage.py register_version PATH --promote."""


class _Loaded(threading.local):
    """What one thread has loaded; an interpreter must not be shared between threads."""

    champion: "tuple[Version, Pipeline] | None" = None
    checked_at: float = float("-inf")
    refused: "tuple[Version, float] | None" = None
    shadow: "tuple[Version, Network | None] | None" = None
    shadow_checked_at: float = float("-inf")
    shadow_tried_at: float = float("-inf")


_loaded = _Loaded()


def get_pipeline() -> "tuple[Version, Pipeline]":
    """The champion and its pipeline, asked of the database at most every five seconds.

    A champion that cannot be loaded is refused, and the one that served before serves on; it is tried again after a
    minute.

    Raises:
        NoChampion: none is registered.
        ArtifactError: neither it nor the one that served before it can be loaded.
    """
    serving = _loaded.champion
    if serving is not None and time.monotonic() < _loaded.checked_at + CHECK_SECONDS:
        return serving
    champion = Version.objects.champions().first()
    if champion is None:
        raise NoChampion("no version serves yet; register one with manage.py register_version PATH --promote")
    if serving is None or serving[0].pk != champion.pk:
        serving = _load(champion, serving)
    _loaded.champion, _loaded.checked_at = serving, time.monotonic()
    return serving


def get_network(version: Version, *, threads: int = 1) -> "Network":
    """The network of any version, the champion or not, from the local cache or the bucket.

    Args:
        threads: for many faces at once; how fast one face is answered is measured with one.

    Raises:
        ArtifactError: it cannot be loaded.
    """
    from ml.predict import Network

    return Network(fetch_artifact(version.digest), threads=threads)


def get_shadow() -> "tuple[Version, Network] | None":
    """The version that answers silently beside the champion, asked for at most every five seconds; None: there is none.

    One that cannot be loaded is left out, said so in the log, and tried again after a minute.
    """
    if time.monotonic() >= _loaded.shadow_checked_at + CHECK_SECONDS:
        version, before = Version.objects.shadows().first(), _loaded.shadow
        refused = before is not None and before[1] is None
        if version is None:
            _loaded.shadow = None
        elif (
            before is None
            or before[0].pk != version.pk
            or (refused and time.monotonic() >= _loaded.shadow_tried_at + REFUSED_SECONDS)
        ):
            _loaded.shadow = version, _load_shadow(version)
            _loaded.shadow_tried_at = time.monotonic()
        _loaded.shadow_checked_at = time.monotonic()
    shadow = _loaded.shadow
    return (shadow[0], shadow[1]) if shadow and shadow[1] is not None else None


def _load_shadow(version: Version) -> "Network | None":
    try:
        return get_network(version)
    except Exception:
        logger.exception("version %s cannot be loaded to answer beside the champion", version)
        return None


def warm_up() -> None:
    """Load the champion now, so that the first photo need not wait; what fails here is tried again with it."""
    try:
        get_pipeline()
    except Exception:
        logger.warning("the network could not be loaded yet", exc_info=True)


def _load(champion: Version, before: "tuple[Version, Pipeline] | None") -> "tuple[Version, Pipeline]":
    from ml.predict import Pipeline

    refused = _loaded.refused
    if before and refused and refused[0].pk == champion.pk and time.monotonic() < refused[1] + REFUSED_SECONDS:
        return before
    try:
        return champion, Pipeline(fetch_artifact(champion.digest))
    except Exception as error:
        before = before or _load_previous()
        if before is None:
            raise ArtifactError(f"version {champion} cannot be loaded: {error}") from error
        logger.exception("version %s cannot be loaded; %s serves on", champion, before[0])
        _loaded.refused = champion, time.monotonic()
        return before


def _load_previous() -> "tuple[Version, Pipeline] | None":
    """For a process that has loaded nothing yet: what a rollback would lead to; None where that fails as well."""
    from ml.predict import Pipeline

    previous = Promotion.objects.find_rollback_target()
    if previous is None:
        return None
    try:
        return previous, Pipeline(fetch_artifact(previous.digest))
    except Exception:
        logger.exception("version %s, which served before, cannot be loaded either", previous)
        return None


def fetch_artifact(digest: str) -> Artifact:
    """An artifact from the local cache, else from the bucket; verified either way.

    Raises:
        ArtifactError: what the bucket holds is not what was registered.
    """
    folder = Path(settings.FERSITE_STATE) / "models" / digest
    if folder.is_dir():
        try:
            return _verified(folder, digest)
        except ArtifactError as error:
            logger.warning("the cache is damaged, the bucket may still be good: %s", error)
            _discard(folder)
    try:
        with new_folder(folder) as temporary:
            _download(f"versions/{digest}/{MANIFEST}", temporary / MANIFEST)
            for name in _named_files(temporary):
                _download(f"versions/{digest}/{name}", temporary / name)
            _verified(temporary, digest)
    except OSError:
        # Another process may have put its folder there in the same moment.
        if not folder.is_dir():
            raise
    return _verified(folder, digest)


def _discard(folder: Path) -> None:
    """Take a folder away in one rename, so that no other process reads half of it."""
    aside = folder.with_name(f".damaged-{folder.name}-{os.getpid()}-{time.monotonic_ns()}")
    with suppress(OSError):  # another process has done so
        folder.rename(aside)
    shutil.rmtree(aside, ignore_errors=True)


def _named_files(folder: Path) -> list[str]:
    try:
        names = list(json.loads((folder / MANIFEST).read_bytes())["files"])
    except (ValueError, KeyError, TypeError) as error:
        raise ArtifactError(f"the registered manifest cannot be read: {error}") from error
    if any(Path(name).name != name for name in names):
        raise ArtifactError("the registered manifest names a file outside its folder")
    return names


def _verified(folder: Path, digest: str) -> Artifact:
    artifact = load_artifact(folder)
    if artifact.digest != digest:
        raise ArtifactError(f"{folder} holds another artifact than the one that was registered")
    return artifact


def _download(key: str, target: Path) -> None:
    try:
        with default_storage.open(key) as source:
            target.write_bytes(source.read())
    except FileNotFoundError:
        raise ArtifactError(f"{key} is missing in the bucket") from None
