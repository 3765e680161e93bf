"""Everything between "the services run" and "the site is ready", in one Python process: `python -m local.prepare`.

Standard output is for the person at the console (the admin's password among it), standard error for the log.
"""

import hashlib
import secrets
import sys
from pathlib import Path
from time import monotonic, sleep

PREPARED = "prepared"  # this file in the state folder says: the processes may start
STORAGE_SECONDS = 60
PROBE_SECONDS = 110
UNUSED_STATIC = ["*.cjs*", "*.d.ts", "*.esm.*", "*.rtl.*"]  # in npm's folders; collecting them takes seconds


def main() -> int:
    """Migrate, make the bucket, collect static files, register the shipped network, create the admin.

    Then tell the manager (by a file) to start the site's processes, and send a photo through them.
    """
    import django
    from django.conf import settings
    from django.core.management import call_command

    django.setup()
    call_command("check", tags=["fersite"], stdout=sys.stderr)  # the others belong to `make check`
    call_command("migrate", interactive=False, verbosity=0)
    wait_for_bucket()
    collect_static_files()
    register_shipped_network()
    create_admin()
    (settings.FERSITE_STATE / PREPARED).touch()
    send_probe()
    return 0


def send_probe() -> None:
    """Send a photo through the site; one that only waits for its turn is no reason not to be up."""
    from django.core.management import call_command

    from classifier.management.commands.probe import ProbeWaits

    try:
        call_command("probe", timeout=PROBE_SECONDS, stdout=sys.stderr)
    except ProbeWaits as error:
        print(f"The site is up, but slow: {error}; /readyz says more", flush=True)


def wait_for_bucket() -> None:
    """Create the bucket; a local S3 server that has just started may need a few seconds for that."""
    from botocore.exceptions import BotoCoreError, ClientError

    from fersite.s3 import create_bucket

    end = monotonic() + STORAGE_SECONDS
    while True:
        try:
            create_bucket()
        except (BotoCoreError, ClientError):
            if monotonic() > end:
                raise
            sleep(0.2)
        else:
            return


def static_fingerprint() -> str:
    """Changes when any static file of any app does (by path, size and time)."""
    from django.contrib.staticfiles.finders import get_finders

    digest = hashlib.sha256()
    for finder in get_finders():
        for path, storage in sorted(finder.list([]), key=lambda item: (item[0], str(getattr(item[1], "location", "")))):
            stat = Path(storage.path(path)).stat()
            digest.update(f"{path} {stat.st_size} {stat.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def collect_static_files() -> None:
    """Run collectstatic where something changed since the last time."""
    from django.conf import settings
    from django.core.management import call_command

    stamp = settings.FERSITE_STATE / "static.sha256"
    fingerprint = static_fingerprint()
    if stamp.exists() and stamp.read_text() == fingerprint and (settings.STATIC_ROOT / "staticfiles.json").exists():
        return
    call_command("collectstatic", interactive=False, clear=True, verbosity=0, ignore_patterns=UNUSED_STATIC)
    stamp.write_text(fingerprint)


def newest_network(weights: Path) -> Path | None:
    """The artifact with the highest version number; None when none is shipped."""
    found = [folder for folder in weights.glob("*") if (folder / "manifest.json").is_file()]
    return max(found, key=lambda folder: [int(part) for part in folder.name.split(".")], default=None)


def register_shipped_network() -> None:
    """Make the newest shipped network the champion, unless another one was promoted since, or one serves that this site
    has retrained: then staff decide, and the console says so at every start until they have."""
    from django.conf import settings
    from django.core.management import call_command

    from classifier.models import Version
    from classifier.training.registry import find_champion
    from ml.artifacts import load_artifact

    newest = newest_network(settings.BASE_DIR / "ml" / "weights")
    if newest is None:
        raise FileNotFoundError("no network in ml/weights: the clone is not complete")
    call_command("register_version", str(newest), promote_new=True, stdout=sys.stderr)
    shipped = Version.objects.get(digest=load_artifact(newest).digest)
    if shipped.state == Version.State.CANDIDATE:
        print(f"{find_champion()} serves; promote {shipped} in admin or with manage.py promote {shipped}", flush=True)


def create_admin() -> None:
    """The first superuser, once; the password is printed here and kept nowhere."""
    from django.contrib.auth import get_user_model

    users = get_user_model().objects
    if users.filter(is_superuser=True).exists():
        return
    password = secrets.token_urlsafe(12)
    users.create_superuser(username="admin", email="admin@localhost", password=password)
    print(f"Admin account (shown once): admin / {password}", flush=True)


def run() -> int:
    """`main`, with one line on standard error last when it fails."""
    from django.db import OperationalError

    try:
        return main()
    except OperationalError as error:
        reason = f"the database does not answer (DATABASE_URL): {' '.join(str(error).split())}"
    except Exception as error:  # noqa: BLE001 - whatever it is, the person at the console gets one line
        import traceback

        traceback.print_exc()
        reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
    print(reason, file=sys.stderr, flush=True)
    return 1


if __name__ == "__main__":
    sys.exit(run())
