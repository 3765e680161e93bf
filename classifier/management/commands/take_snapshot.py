"""List the dataset as it is now, for good: manage.py take_snapshot [--json]."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from classifier.dataset.snapshots import DatasetEmptyError, take_snapshot
from classifier.models import Label
from classifier.storage.bulk import BucketError


class Command(BaseCommand):
    help = "List all samples that may be used, as a snapshot; the same dataset again is the same snapshot."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON object on standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            snapshot = take_snapshot()
        except (DatasetEmptyError, BucketError) as error:
            raise CommandError(str(error)) from None
        counts = {
            label: {"train": train, "test": test}
            for label, train, test in zip(Label.labels, snapshot.train_counts, snapshot.test_counts, strict=True)
        }
        if options["json"]:
            facts = {"size": snapshot.size, "corrections": snapshot.corrections, "digest": snapshot.digest}
            self.stdout.write(json.dumps({"snapshot": snapshot.pk, **facts, "counts": counts}))
            return
        self.stdout.write(
            f"snapshot {snapshot.pk}: {snapshot.size:,} samples, {snapshot.corrections:,} from corrections"
        )
        for label, splits in counts.items():
            self.stdout.write(f"{label:>9} {splits['train']:>7,} train {splits['test']:>7,} test")
