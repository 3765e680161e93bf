"""The registry of networks: register an artifact, promote a version, say which one serves."""

from pathlib import Path

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.models import User
from classifier.models import Promotion, Snapshot, Version
from fersite.s3 import make_client
from ml.artifacts import MANIFEST, Artifact, load_artifact


class RegistryError(Exception):
    """The version cannot be registered or promoted; the message says why."""


def register_version(
    *,
    path: Path,
    promote: bool,
    actor: User | None = None,
    reason: str,
    parent: Version | None = None,
    snapshot: Snapshot | None = None,
) -> Version:
    """Store a verified artifact in the bucket and in the registry.

    The same one again changes nothing, but puts back what the bucket has lost of it.

    Args:
        parent: the version whose weights it started from; snapshot: what it was trained on.

    Raises:
        ArtifactError: the folder is no valid artifact.
        RegistryError: another artifact bears its name already.
    """
    artifact = load_artifact(path)
    if Version.objects.filter(name=artifact.version).exclude(digest=artifact.digest).exists():
        raise name_clash(artifact)
    store_artifact(artifact)
    try:
        version, _ = Version.objects.get_or_create(
            digest=artifact.digest,
            defaults={
                "name": artifact.version,
                "metrics": artifact.metrics,
                "card": artifact.card,
                "parent": parent,
                "snapshot": snapshot,
            },
        )
    except IntegrityError:  # another artifact took the name in the same moment
        raise name_clash(artifact) from None
    if promote:
        promote_version(version=version, actor=actor, reason=reason)
    return version


def name_clash(artifact: Artifact) -> RegistryError:
    """The error for two artifacts of one name."""
    return RegistryError(f"another artifact is registered as {artifact.version}; give this one another version")


def may_serve_unmeasured(*, path: Path) -> bool:
    """Whether an artifact that is registered at a start may serve at once.

    Where nothing serves, it may. A new one may follow another that was registered, but not one that was retrained here:
    that one has won at the gate with what this site's people taught it.

    Raises:
        ArtifactError: the folder is no valid artifact.
    """
    digest, champion = load_artifact(path).digest, find_champion()
    return champion is None or not (champion.is_retrained or Version.objects.filter(digest=digest).exists())


def store_artifact(artifact: Artifact) -> None:
    """Upload every file of an artifact, the manifest last: without it the others mean nothing.

    Each is replaced in one request, so that a worker that reads at the same time finds the old bytes or the new.
    """
    client = make_client(settings.S3_ENDPOINT_URL)
    for name in [*artifact.files, MANIFEST]:
        key, content = f"versions/{artifact.digest}/{name}", (artifact.path / name).read_bytes()
        client.put_object(Bucket=settings.AWS_STORAGE_BUCKET_NAME, Key=key, Body=content)


def lock_registry() -> None:
    """Until the transaction ends, nobody else changes what serves.

    All rows are locked in one order, so that there is never a second champion; what is read afterwards is what the one
    before left, even a champion that was registered while we waited.
    """
    list(Version.objects.select_for_update().order_by("pk").values_list("pk"))


@transaction.atomic
def promote_version(
    *, version: Version, actor: User | None = None, reason: str, kind: Promotion.Kind = Promotion.Kind.PROMOTED
) -> bool:
    """Make a version the champion and retire the one before; False when it is the champion already.

    Raises:
        RegistryError: the version was rejected.
    """
    # Everybody who promotes locks the whole registry in one order, so that there is never a second champion; what is
    # read afterwards is what the one before left, even a champion that was registered while we waited.
    lock_registry()
    version.refresh_from_db(fields=["state"])
    previous = find_champion()
    if previous is not None and previous.pk == version.pk:
        return False
    if version.state == Version.State.REJECTED:
        raise RegistryError(f"{version} was rejected and cannot serve")
    if previous is not None:
        Version.objects.filter(pk=previous.pk).update(state=Version.State.RETIRED)
    Version.objects.filter(pk=version.pk).update(state=Version.State.CHAMPION, is_shadow=False)
    version.state = Version.State.CHAMPION
    Promotion.objects.create(version=version, previous=previous, actor=actor, reason=reason, kind=kind)
    return True


@transaction.atomic
def roll_back(*, champion: Version | None = None, actor: User | None = None, reason: str) -> Version:
    """Let the version serve again that served before the champion came; gives it.

    Rolling back twice goes two steps back, not forth again.

    Args:
        champion: the version that is to go; None: whichever serves.

    Raises:
        RegistryError: no other version served before, or the one that is to go serves no longer.
    """
    lock_registry()
    if champion is not None and champion != find_champion():
        raise RegistryError(f"{champion} does not serve any more: nothing was rolled back")
    target = Promotion.objects.find_rollback_target()
    if target is None:
        raise RegistryError("no other version served before: there is nothing to roll back to")
    promote_version(version=target, actor=actor, reason=reason, kind=Promotion.Kind.ROLLED_BACK)
    return target


def reject_version(*, version: Version, actor: User | None = None, reason: str = "") -> None:
    """Reject a candidate for good; raises RegistryError when it is none.

    Args:
        actor, reason: who rejects it by hand, and why; the gate says both in its decision.
    """
    written = {"rejected_by": actor, "rejected_at": timezone.now(), "rejection_reason": reason}
    changed = Version.objects.filter(pk=version.pk, state=Version.State.CANDIDATE).update(
        state=Version.State.REJECTED, is_shadow=False, **(written if actor else {})
    )
    if not changed:
        raise RegistryError(f"{version} is no candidate: it cannot be rejected")
    version.state = Version.State.REJECTED


@transaction.atomic
def choose_shadow(*, version: Version | None) -> None:
    """Let a version answer silently beside the champion, for comparison; None: no version.

    Raises:
        RegistryError: it serves, or it was rejected.
    """
    lock_registry()
    Version.objects.filter(is_shadow=True).update(is_shadow=False)
    if version is None:
        return
    version.refresh_from_db(fields=["state"])
    if version.state in (Version.State.CHAMPION, Version.State.REJECTED):
        raise RegistryError(f"{version} is {version.state}: choose a candidate or a retired version")
    Version.objects.filter(pk=version.pk).update(is_shadow=True)


def find_champion() -> Version | None:
    """The version that serves; None while there is none."""
    return Version.objects.champions().first()
