"""Let a version serve: manage.py promote NAME [--reason WHY]."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from classifier.models import Version
from classifier.training.registry import RegistryError, find_champion, promote_version


class Command(BaseCommand):
    help = "Let a registered version serve; workers switch within ten seconds, without a restart."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("version", help="its name, as the registry lists it")
        parser.add_argument("--reason", default="promoted by command", help="noted with the promotion")

    def handle(self, *args: Any, **options: Any) -> None:
        version = Version.objects.filter(name=options["version"]).first()
        if version is None:
            known = ", ".join(Version.objects.values_list("name", flat=True)[:20]) or "none"
            raise CommandError(f"there is no version {options['version']}; registered: {known}")
        try:
            changed = promote_version(version=version, reason=options["reason"])
        except RegistryError as error:
            raise CommandError(str(error)) from None
        self.stdout.write(f"{find_champion()} serves" + ("" if changed else " already"))
