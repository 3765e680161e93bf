"""Authentication by name and password for pages, admin and interface alike, with guessing slowed down."""

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from accounts import guessing
from accounts.models import User


class GuessLimitedBackend(ModelBackend):
    """Django's own backend, except that a name with too many failures is not even looked at."""

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **kwargs: Any
    ) -> User | None:
        """The user, or None; PermissionDenied (which Django turns into None) while the name is blocked."""
        if username is None or password is None:
            return None
        if guessing.is_blocked(request, username):
            raise PermissionDenied
        user: User | None = super().authenticate(request, username=username, password=password, **kwargs)
        if user is None:
            guessing.count_failure(request, username)
        else:
            guessing.forget_failures(request, username)
        return user
