"""Callers for the tests of the interface. Imports wait until the services run: pytest reads this file before that."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from rest_framework.test import APIClient

    from accounts.models import User


@pytest.fixture
def ada(db: None) -> "User":
    from accounts.models import User

    return User.objects.create_user("ada", "ada@example.org", "correct horse")


@pytest.fixture
def bob(db: None) -> "User":
    from accounts.models import User

    return User.objects.create_user("bob", "bob@example.org", "battery staple")


@pytest.fixture
def owner(ada: "User") -> "APIClient":
    """Ada's client."""
    from tests.api.rows import make_caller

    return make_caller(ada)


@pytest.fixture
def stranger(bob: "User") -> "APIClient":
    """Bob's client: signed in, owns nothing."""
    from tests.api.rows import make_caller

    return make_caller(bob)


@pytest.fixture
def anonymous(db: None) -> "APIClient":
    from tests.api.rows import make_caller

    return make_caller(None)


@pytest.fixture
def post(owner: "APIClient") -> Callable[..., Any]:
    """Ada hands in a photo."""
    from tests.api.photos import make_file, make_photo
    from tests.api.rows import URL

    def send(content: bytes | None = None, *, headers: dict[str, str] | None = None, **fields: Any) -> Any:
        image = make_file(make_photo() if content is None else content)
        return owner.post(URL, {"image": image, **fields}, format="multipart", headers=headers)

    return send
