"""Write a snapshot out: manage.py export_dataset --snapshot N [--to PATH] [--format folders|csv]."""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from classifier.dataset.export import FORMATS, ExportError, export_snapshot
from classifier.dataset.snapshots import SnapshotDamagedError
from classifier.models import Snapshot
from classifier.storage.bulk import BucketError


class Command(BaseCommand):
    help = (
        "Write the samples of a snapshot as FER-2013 comes: Kaggle's folders (PATH a new folder or a .zip), or the CSV "
        "(PATH a .csv, .csv.gz or .zip). Photos erased or shared no longer since then are left out."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--snapshot", type=int, metavar="N", help="its number, as manage.py take_snapshot said")
        to = "what does not exist yet; default: snapshot-N or snapshot-N.csv in this folder"
        parser.add_argument("--to", type=Path, metavar="PATH", help=to)
        parser.add_argument("--format", choices=FORMATS, default="folders", help="default: folders")

    def handle(self, *args: Any, **options: Any) -> None:
        snapshot = self.find_snapshot(options["snapshot"])
        path = options["to"] or Path(f"snapshot-{snapshot.pk}{'.csv' if options['format'] == 'csv' else ''}")
        pause = 0.2 if sys.stderr.isatty() else 5.0
        hidden = options["verbosity"] == 0
        try:
            with tqdm(total=snapshot.size, unit="image", disable=hidden, mininterval=pause, delay=0.5) as bar:
                summary = export_snapshot(
                    snapshot=snapshot, path=path, form=options["format"], on_progress=bar.update
                )  # fmt: skip
        except (ExportError, SnapshotDamagedError, BucketError) as error:
            raise CommandError(str(error)) from None
        self.stdout.write(f"{summary.written:,} samples of {snapshot} in {path}; erased since: {summary.erased:,}")
        if summary.damaged:
            lost = f"{summary.damaged:,} could not be read: manage.py reconcile_dataset --deep says which"
            self.stderr.write(lost)

    def find_snapshot(self, number: int | None) -> Snapshot:
        """The snapshot of this number; an error that names the newest."""
        newest = Snapshot.objects.order_by("-pk").first()
        if newest is None:
            raise CommandError("there is no snapshot yet: manage.py take_snapshot takes one")
        if number is None:
            raise CommandError(f"say which snapshot: --snapshot {newest.pk} is the newest")
        found = Snapshot.objects.filter(pk=number).first()
        if found is None:
            raise CommandError(f"there is no snapshot {number}; the newest is {newest.pk}")
        return found
