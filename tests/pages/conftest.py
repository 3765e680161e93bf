"""Visitors for the tests of the pages. Imports wait until the services run: pytest reads this file before that."""

from typing import TYPE_CHECKING

import pytest
from django.test import Client

from tests.pages.people import PASSWORD

if TYPE_CHECKING:
    from accounts.models import User


@pytest.fixture
def ada(db: None) -> "User":
    from accounts.models import User

    return User.objects.create_user("ada", "ada@example.org", PASSWORD)


@pytest.fixture
def bob(db: None) -> "User":
    from accounts.models import User

    return User.objects.create_user("bob", "bob@example.org", PASSWORD)


@pytest.fixture
def owner(ada: "User") -> Client:
    """Ada's browser."""
    client = Client()
    client.force_login(ada)
    return client


@pytest.fixture
def stranger(bob: "User") -> Client:
    """Bob's browser: logged in, owns nothing."""
    client = Client()
    client.force_login(bob)
    return client


@pytest.fixture
def anonymous(db: None) -> Client:
    """Nobody's browser."""
    return Client()
