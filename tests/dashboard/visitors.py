"""Who comes to the dashboard in its tests, and the range of the history they look at."""

from django.test import Client

from accounts.models import User
from accounts.roles import set_role
from tests.factories import make_user

# The last days of tests.dashboard.history.
RANGE = {"since": "2026-03-26", "until": "2026-03-31"}
MAY_NOT = ["reviewer", "user"]
MAY = ["staff", "superuser"]


def make_person(role: str) -> User:
    """reviewer, staff, superuser or user."""
    person = make_user(role, is_superuser=role == "superuser")
    if role in ("reviewer", "staff"):
        set_role(user=person, role="staff" if role == "staff" else "reviewer")
    return person


def visit_as(role: str) -> Client:
    """A browser that is logged in, or not, as "anonymous"."""
    client = Client()
    if role != "anonymous":
        client.force_login(make_person(role))
    return client
