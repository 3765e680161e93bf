"""Send a photo through the whole queue as the system account and wait for its result: manage.py probe."""

import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management.base import BaseCommand, CommandError

from accounts.models import User
from classifier import jobs
from classifier.models import Upload
from classifier.photos.erasure import erase_upload
from classifier.photos.intake import take_upload

PHOTO = Path(__file__).resolve().parents[2] / "probe.jpg"
ACCOUNT = "probe"
POLL_SECONDS = 0.1


class ProbeWaits(CommandError):
    """The photo is not finished: the workers are busy, or there is none."""


class Command(BaseCommand):
    help = "Send a photo through the queue and wait until it is classified; exit status 1 if it is not."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--timeout", type=float, default=60.0, help="seconds to wait (default 60)")

    def handle(self, *args: Any, **options: Any) -> None:
        """Replace the probe before this one, so that the photo is never a duplicate; it is in no metric."""
        owner, created = User.objects.get_or_create(username=ACCOUNT)
        if created:
            owner.set_unusable_password()
            owner.save()
        for earlier in Upload.objects.owned_by(owner):
            erase_upload(upload=earlier)
        photo = SimpleUploadedFile("probe.jpg", PHOTO.read_bytes())
        upload = take_upload(owner=owner, file=photo, source=Upload.Source.PROBE).upload
        self.wait(upload, end=time.monotonic() + options["timeout"])
        if not upload.is_finished:
            raise ProbeWaits(f"no worker was done with the probe photo in time, it is {upload.status}")
        if upload.status != Upload.Status.DONE:
            raise CommandError(f"the probe photo is {upload.status} ({upload.error})")
        self.stdout.write(f"the probe photo is done, {upload.faces.count()} face(s)")

    def wait(self, upload: Upload, *, end: float) -> None:
        """Wait until a worker has finished it, or the time is up; once a second it is offered again."""
        offered = time.monotonic()
        while not upload.is_finished and time.monotonic() < end:
            time.sleep(POLL_SECONDS)
            upload.refresh_from_db()
            if upload.status == Upload.Status.PENDING and time.monotonic() > offered + 1:
                offered = time.monotonic()
                jobs.hand_over(jobs.PROBES, upload.pk)
