"""Store FER-2013 in the bucket and the sample table: manage.py import_fer2013 PATH [--json]."""

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from time import perf_counter
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError
from tqdm import tqdm

from classifier.dataset.samples import ImportSummary, import_fer2013
from classifier.storage.bulk import BucketError
from ml.archive import count_samples
from ml.data import DataError, Source
from ml.labels import DIGITS

SHOWN = 100


class Command(BaseCommand):
    help = (
        "Store FER-2013 (Kaggle folders, a zip of them, or the CSV, zipped or not) as samples. Run it again after an "
        "interruption: it goes on where it stopped. Entries that cannot be read are reported and skipped."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("path", type=Path, metavar="PATH")
        parser.add_argument("--labels", choices=sorted(DIGITS), default="", help="what digits as labels mean")
        parser.add_argument("--skip-unknown", action="store_true", help="leave out folders that are not understood")
        parser.add_argument("--json", action="store_true", help="print one JSON object on standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        """Import; exit with an error where not one entry could be read."""
        path, start = Source(options["path"], options["labels"], options["skip_unknown"]), perf_counter()
        total = count_samples(path)
        hidden = options["verbosity"] == 0 or not total
        pause = 0.2 if sys.stderr.isatty() else 5.0  # a log file gets a line now and then
        try:
            with tqdm(total=total, unit="image", disable=hidden, mininterval=pause) as bar:
                summary = import_fer2013(path=path, on_progress=bar.update)
        except (DataError, BucketError) as error:
            raise CommandError(str(error)) from None
        except OperationalError as error:
            raise CommandError(f"the database does not answer: {str(error).splitlines()[0]}") from None
        except KeyboardInterrupt:
            raise CommandError("interrupted: the same command goes on from here", returncode=130) from None
        if not options["json"]:
            self.list_bad(summary)
        if summary.stored + summary.present == 0:
            raise CommandError(f"none of the {summary.read} entries in {path} could be read")
        self.print_summary(summary, perf_counter() - start, as_json=options["json"])

    def list_bad(self, summary: ImportSummary) -> None:
        """Each entry that was skipped, with its row or name and the reason."""
        for bad in summary.bad[:SHOWN]:
            self.stderr.write(f"skipped {bad.name}: {bad.reason}")
        if len(summary.bad) > SHOWN:
            self.stderr.write(f"and {len(summary.bad) - SHOWN} more; --json lists them all")

    def print_summary(self, summary: ImportSummary, seconds: float, *, as_json: bool) -> None:
        """Counts and speed; images_per_second counts the stored ones."""
        rate = summary.stored / seconds
        if as_json:
            bad = [{"row": entry.row, "name": entry.name, "reason": entry.reason} for entry in summary.bad]
            counts = {name: getattr(summary, name) for name in ("read", "stored", "present", "objects")}
            speed = {"seconds": round(seconds, 3), "images_per_second": round(rate, 1)}
            self.stdout.write(json.dumps({**counts, "bad": bad, **speed}))
            return
        self.stdout.write(
            f"{summary.stored:,} samples stored ({summary.objects:,} objects), {summary.present:,} already there, "
            f"{len(summary.bad):,} skipped; {seconds:.1f} s, {rate:.0f} images/s"
        )
