"""Prove that dataset rows and bucket agree: manage.py reconcile_dataset [--fix] [--deep] [--json]."""

import json
import sys
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from classifier.dataset.reconcile import Reconciliation, reconcile_dataset
from classifier.models import Sample
from classifier.storage.bulk import BucketError


class Command(BaseCommand):
    help = "Compare the dataset's rows with the bucket; exit status 1 while they disagree."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--fix", action="store_true", help="mend what can be mended")
        parser.add_argument("--deep", action="store_true", help="also read every image and list and compare its hash")
        parser.add_argument("--json", action="store_true", help="print one JSON object on standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the counts; exit status 1 while a disagreement remains."""
        fix, deep = options["fix"], options["deep"]
        hidden = options["verbosity"] == 0 or not deep
        pause = 0.2 if sys.stderr.isatty() else 5.0
        try:
            with tqdm(total=Sample.objects.count(), unit="image", disable=hidden, mininterval=pause) as bar:
                found = reconcile_dataset(fix=fix, deep=deep, on_progress=bar.update)
        except BucketError as error:
            raise CommandError(str(error)) from None
        except (BotoCoreError, ClientError) as error:
            raise CommandError(f"the bucket does not answer: {error}") from None
        if options["json"]:
            self.stdout.write(json.dumps(describe(found) | {"fix": fix, "deep": deep}))
        else:
            self.print_counts(found, fix=fix)
        if found.remaining:
            sys.exit(1)

    def print_counts(self, found: Reconciliation, *, fix: bool) -> None:
        """One line per check, examples below it."""
        for outcome in found.outcomes:
            mended = f", {outcome.mended:,} mended" if fix and outcome.found else ""
            self.stdout.write(f"{outcome.found:>8,} {outcome.title}{mended}")
            for words in outcome.examples:
                self.stdout.write(f"           {words}")
            if outcome.remaining > len(outcome.examples):
                self.stdout.write(f"           and {outcome.remaining - len(outcome.examples):,} more")
        young = f", {found.in_flight:,} of them too young to judge" if found.in_flight else ""
        self.stdout.write(f"{found.samples:,} samples, {found.objects:,} images in the bucket{young}")
        hint = "" if fix or not found.remaining else " (--fix mends what can be mended)"
        self.stdout.write(
            f"{found.remaining:,} disagreements remain{hint}" if found.remaining else "rows and bucket agree"
        )


def describe(found: Reconciliation) -> dict[str, Any]:
    """The object that --json prints."""
    checks = {
        outcome.name: {"mended": outcome.mended}
        | {name: value for name, value in asdict(outcome).items() if name not in ("name", "title")}
        for outcome in found.outcomes
    }
    counts = {"samples": found.samples, "objects": found.objects, "in_flight": found.in_flight}
    return {**counts, "remaining": found.remaining, "checks": checks}
