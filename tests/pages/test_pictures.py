"""Picture addresses that stay valid: each call redirects to a fresh signed link."""

from urllib.request import urlopen

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.test import Client

from accounts.models import User
from tests.api.photos import make_photo
from tests.api.rows import make_face, make_upload


def test_the_image_address_leads_to_the_photo(ada: User, owner: Client) -> None:
    upload = make_upload(ada)
    photo = make_photo()
    default_storage.save(upload.image, ContentFile(photo))
    response = owner.get(f"/uploads/{upload.pk}/image")
    assert response.status_code == 302
    assert "no-store" in response["Cache-Control"]
    assert "X-Amz-Expires=300" in response["Location"]
    with urlopen(response["Location"]) as answer:
        assert answer.read() == photo


def test_the_crop_address_is_the_owners(ada: User, owner: Client, stranger: Client, anonymous: Client) -> None:
    address = f"/faces/{make_face(make_upload(ada)).pk}/crop"
    response = owner.get(address)
    assert response.status_code == 302
    assert "/c.png?" in response["Location"]
    assert "no-store" in response["Cache-Control"]
    assert stranger.get(address).status_code == 404
    assert anonymous.get(address)["Location"].startswith("/accounts/login/")
