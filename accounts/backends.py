"""Authentication by name and password for pages, admin and interface alike, with guessing slowed down."""

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied
from django.db.models import BooleanField, Exists, ExpressionWrapper, OuterRef, Q
from django.http import HttpRequest

from accounts import guessing
from accounts.models import User
from accounts.roles import STAFF


class GuessLimitedBackend(ModelBackend):
    """Django's own backend, except that a name or an address with too many failures is not even looked at."""

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **kwargs: Any
    ) -> User | None:
        """The user, or None; PermissionDenied (which Django turns into None) while name or address is blocked."""
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

    def get_user(self, user_id: int) -> User | None:
        """The user of a session, with `sees_dashboard`: the header of every page asks nothing of its own for it."""
        in_staff = Exists(Group.objects.filter(user=OuterRef("pk"), name=STAFF))
        sees = Q(is_superuser=True) | Q(in_staff)
        user = User.objects.annotate(sees_dashboard=ExpressionWrapper(sees, BooleanField())).filter(pk=user_id).first()
        return user if user and self.user_can_authenticate(user) else None
