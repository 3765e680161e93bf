"""An owner and a way to hand in photos. Imports of the project wait until the services run."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from accounts.models import User
    from classifier.models import Upload


@pytest.fixture
def owner(db: None) -> "User":
    from accounts.models import User

    return User.objects.create_user("ada", "ada@example.org", "x")


@pytest.fixture
def take(owner: "User") -> Callable[..., Any]:
    """Hand in a photo (another one for every number) and return what take_upload said."""
    from django.core.files.uploadedfile import SimpleUploadedFile

    from classifier.photos.intake import take_upload
    from tests.photos import make_portrait

    def hand_in(number: int = 0, **options: Any) -> Any:
        photo = SimpleUploadedFile("photo.jpg", make_portrait(number, side=64))
        return take_upload(**{"owner": owner, "file": photo, "source": "api", **options})

    return hand_in


@pytest.fixture
def upload(take: Callable[..., Any]) -> "Upload":
    """A pending upload."""
    pending: Upload = take().upload
    return pending
