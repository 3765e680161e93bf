"""Roles as groups: user (no group), reviewer (reviews corrections in admin), staff (also sees the dashboard)."""

from typing import TYPE_CHECKING, Literal, get_args

from django.contrib.auth.models import Group
from django.db import transaction

if TYPE_CHECKING:
    from accounts.models import User

Role = Literal["user", "reviewer", "staff"]
ROLES: tuple[str, ...] = get_args(Role)
REVIEWER, STAFF = "reviewer", "staff"


@transaction.atomic
def set_role(*, user: "User", role: Role) -> None:
    """Give a user exactly this role; reviewers and staff may enter admin, where the group's permissions count.

    Raises:
        ValueError: unknown role.
    """
    if role not in ROLES:
        raise ValueError(f"unknown role {role!r}; choose one of {', '.join(ROLES)}")
    user.groups.remove(*Group.objects.filter(name__in=[REVIEWER, STAFF]))
    if role != "user":
        user.groups.add(Group.objects.get(name=role))
    user.is_staff = user.is_superuser or role != "user"
    user.save(update_fields=["is_staff"])


def is_dashboard_staff(user: "User") -> bool:
    return bool(user.is_active and (user.is_superuser or user.groups.filter(name=STAFF).exists()))
