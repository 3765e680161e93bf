"""The registry of networks: register an artifact, promote a version, say which one serves."""

from pathlib import Path

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction

from accounts.models import User
from classifier.models import Promotion, Version
from ml.artifacts import MANIFEST, Artifact, load_artifact


class RegistryError(Exception):
    """The version cannot be registered or promoted; the message says why."""


def register_version(*, path: Path, promote: bool, actor: User | None = None, reason: str) -> Version:
    """Store a verified artifact in the bucket and in the registry; the same one again changes nothing.

    Raises:
        ArtifactError: the folder is no valid artifact.
        RegistryError: another artifact bears its name already.
    """
    artifact = load_artifact(path)
    version = Version.objects.filter(digest=artifact.digest).first()
    if version is None:
        if Version.objects.filter(name=artifact.version).exists():
            raise RegistryError(f"another artifact is registered as {artifact.version}; give this one another version")
        store_artifact(artifact)
        version, _ = Version.objects.get_or_create(
            digest=artifact.digest,
            defaults={"name": artifact.version, "metrics": artifact.metrics, "card": artifact.card},
        )
    if promote:
        promote_version(version=version, actor=actor, reason=reason)
        version.refresh_from_db()
    return version


def is_registered(*, path: Path) -> bool:
    """Whether this very artifact is in the registry; raises ArtifactError when it is none."""
    return Version.objects.filter(digest=load_artifact(path).digest).exists()


def store_artifact(artifact: Artifact) -> None:
    """Upload every file of an artifact, the manifest last: without it the others mean nothing."""
    for name in [*artifact.files, MANIFEST]:
        key = f"versions/{artifact.digest}/{name}"
        if default_storage.exists(key):
            default_storage.delete(key)
        default_storage.save(key, ContentFile((artifact.path / name).read_bytes()))


@transaction.atomic
def promote_version(*, version: Version, actor: User | None = None, reason: str) -> bool:
    """Make a version the champion and retire the one before; False when it is the champion already."""
    # Everybody who promotes locks the whole registry in one order, so that there is never a second champion.
    versions = {row.pk: row for row in Version.objects.select_for_update().order_by("pk")}
    previous = next((row for row in versions.values() if row.state == Version.State.CHAMPION), None)
    if previous is not None and previous.pk == version.pk:
        return False
    if versions[version.pk].state == Version.State.REJECTED:
        raise RegistryError(f"{version} was rejected and cannot serve")
    if previous is not None:
        Version.objects.filter(pk=previous.pk).update(state=Version.State.RETIRED)
    Version.objects.filter(pk=version.pk).update(state=Version.State.CHAMPION)
    Promotion.objects.create(version=version, previous=previous, actor=actor, reason=reason)
    return True


def find_champion() -> Version | None:
    """The version that serves."""
    return Version.objects.champions().first()
