"""Register a network's artifact: manage.py register_version PATH [--promote | --promote-new]."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from classifier.training.registry import RegistryError, find_champion, may_serve_unmeasured, register_version
from ml.artifacts import ArtifactError
from ml.packing import unpack_artifact


class Command(BaseCommand):
    help = "Register a network's artifact; the same one again changes nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("path", type=Path, help="folder that python -m ml train wrote, or its zip")
        serve = parser.add_mutually_exclusive_group()
        serve.add_argument("--promote", action="store_true", help="make it the champion")
        serve.add_argument(
            "--promote-new",
            action="store_true",
            help="make it the champion if none serves, or if it is new here and what serves was not retrained here",
        )
        parser.add_argument("--reason", default="registered by command", help="noted with the promotion")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with unpack_artifact(options["path"]) as path:
                new = options["promote_new"] and may_serve_unmeasured(path=path)
                version = register_version(path=path, promote=options["promote"] or new, reason=options["reason"])
        except (ArtifactError, RegistryError) as error:
            raise CommandError(str(error)) from None
        self.stdout.write(f"{version} is registered ({version.state}); {find_champion() or 'nothing'} serves")
