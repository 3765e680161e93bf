"""Let the version serve that served before: manage.py rollback [--reason WHY]."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from classifier.training.registry import RegistryError, roll_back


class Command(BaseCommand):
    help = "Let the version serve again that served before the champion; workers switch within ten seconds."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--reason", default="rolled back by command", help="noted with the promotion")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            version = roll_back(reason=options["reason"])
        except RegistryError as error:
            raise CommandError(str(error)) from None
        self.stdout.write(f"{version} serves")
