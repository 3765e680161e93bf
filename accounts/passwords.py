"""What a new password ends and forgets, whoever set it: its owner, an administrator, or a command."""

from rest_framework.authtoken.models import Token

from accounts import guessing
from accounts.models import User


class NewPasswordValidator:
    """One of AUTH_PASSWORD_VALIDATORS: takes any password, and hears when one was stored."""

    def validate(self, password: str, user: User | None = None) -> None:
        """Take any password."""

    def get_help_text(self) -> str:
        """What admin shows beside the field."""
        return "A new password ends the account’s sessions and its API token."

    def password_changed(self, password: str, user: User | None = None) -> None:
        """Whoever had the old password is locked out (Django ends the sessions), and who forgot it may try again."""
        if user is not None:
            Token.objects.filter(user=user).delete()
            guessing.forget_name(user.get_username())
