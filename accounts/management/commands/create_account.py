"""Create an account: manage.py create_account NAME --role user|reviewer|staff, the password on standard input."""

import getpass
import sys
from argparse import ArgumentParser
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from accounts.models import User
from accounts.roles import ROLES, set_role


class Command(BaseCommand):
    help = "Create an account; the password is read from standard input."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name")
        parser.add_argument("--role", choices=ROLES, default="user")
        parser.add_argument("--email", default="", help="needed to reset a forgotten password")

    def handle(self, *args: Any, **options: Any) -> None:
        """Validate as sign-up does; a name that is taken is an error and changes nothing."""
        password = self.read_password()
        user = User(username=User.normalize_username(options["name"]), email=options["email"])
        if User.objects.filter(username__iexact=user.username).exists():
            raise CommandError(f"the name {user.username} is taken; choose another")
        try:
            user.clean_fields(exclude=["password"])
            user.validate_unique()
            validate_password(password, user)
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from None
        with transaction.atomic():
            user.set_password(password)
            user.save()
            set_role(user=user, role=options["role"])
        self.stdout.write(f"{user.username} can log in now, as {options['role']}")

    def read_password(self) -> str:
        """Read one line from standard input; at a terminal it is not shown."""
        password = getpass.getpass() if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")
        if not password:
            raise CommandError("give the password as one line on standard input")
        if "\0" in password or any("\ud800" <= letter <= "\udfff" for letter in password):
            raise CommandError("the password must be text in UTF-8")
        return password
