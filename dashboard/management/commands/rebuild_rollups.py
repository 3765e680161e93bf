"""Compute the dashboard's aggregates anew from the rows: manage.py rebuild_rollups [--json]."""

import json
from argparse import ArgumentParser
from time import perf_counter
from typing import Any

from django.core.management.base import BaseCommand

from dashboard.rollups.hours import rebuild


class Command(BaseCommand):
    help = "Compute all aggregates of the dashboard anew from the rows; right numbers stay the same."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON object on standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        """Compute until nothing is left of the hours before this one; if it is cut off, the worker does the rest."""
        start = perf_counter()
        hours = rebuild()
        seconds = round(perf_counter() - start, 3)
        if options["json"]:
            self.stdout.write(json.dumps({"hours": hours, "seconds": seconds}))
        else:
            self.stdout.write(f"{hours:,} hours computed anew in {seconds:.1f} s")
