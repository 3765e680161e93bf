"""What a new password ends, whoever set it: its owner, an administrator, or a command."""

from django.contrib.auth.models import AbstractBaseUser
from rest_framework.authtoken.models import Token


class NewPasswordValidator:
    """One of AUTH_PASSWORD_VALIDATORS: takes any password, and hears when one was stored."""

    def validate(self, password: str, user: AbstractBaseUser | None = None) -> None:
        """Nothing to check."""

    def get_help_text(self) -> str:
        """For admin's form."""
        return "A new password ends the account’s sessions and its API token."

    def password_changed(self, password: str, user: AbstractBaseUser | None = None) -> None:
        """Whoever had the old password is locked out; Django itself ends the sessions."""
        if user is not None:
            Token.objects.filter(user=user).delete()
