"""One's own account: what is known, and how to leave with everything."""

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.test import Client

from accounts.models import User
from classifier.models import Upload
from tests.api.rows import make_face, make_upload
from tests.pages.people import PASSWORD

URL = "/account/delete/"


def test_the_account_page_is_for_people_with_one(owner: Client, anonymous: Client) -> None:
    assert "ada@example.org" in owner.get("/accounts/").content.decode()
    assert anonymous.get("/accounts/")["Location"].startswith("/accounts/login/")
    assert anonymous.get(URL)["Location"].startswith("/accounts/login/")


def test_deleting_needs_the_password(ada: User, owner: Client) -> None:
    make_upload(ada)
    assert "1 photo<" in owner.get(URL).content.decode()
    assert "not your password" in owner.post(URL, {"password": "wrong"}).content.decode()
    assert User.objects.filter(pk=ada.pk).exists()


def test_deleting_takes_the_photos_along(
    ada: User, bob: User, owner: Client, django_capture_on_commit_callbacks: object
) -> None:
    upload, others = make_upload(ada, 1), make_upload(bob, 2)
    make_face(upload)
    for key in (upload.image, "c.png"):
        default_storage.save(key, ContentFile(b"pixels"))
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        assert owner.post(URL, {"password": PASSWORD})["Location"] == "/"
    assert not User.objects.filter(pk=ada.pk).exists()
    assert list(Upload.objects.all()) == [others]
    assert not default_storage.exists(upload.image)
    assert not default_storage.exists("c.png")
    assert owner.get("/uploads/").status_code == 302


def test_staff_are_refused(ada: User, owner: Client) -> None:
    assert "Delete account" in owner.get("/accounts/").content.decode()
    User.objects.filter(pk=ada.pk).update(is_staff=True)
    page = owner.get("/accounts/").content.decode()
    assert "Delete account" not in page
    assert "cannot be deleted here: their decisions are on record" in page
    response = owner.post(URL, {"password": PASSWORD})
    assert response.status_code == 403
    assert "Not allowed" in response.content.decode()
    assert User.objects.filter(pk=ada.pk).exists()


def test_staff_find_the_administration(ada: User, owner: Client) -> None:
    assert "/admin/" not in owner.get("/").content.decode()
    User.objects.filter(pk=ada.pk).update(is_staff=True)
    assert "/admin/" in owner.get("/").content.decode()
