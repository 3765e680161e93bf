"""The upload page, as the script uses it and as a browser without JavaScript does."""

from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from classifier.models import Upload
from classifier.photos import images
from tests.api.photos import make_file, make_photo

URL = "/upload/"


def send(client: Client, *files: Any, script: bool = False, **fields: Any) -> Any:
    """Post files as the form does, or one as the script does."""
    headers = {"Accept": "application/json"} if script else {"Accept": "text/html"}
    return client.post(URL, {"image": list(files), **fields}, headers=headers)


def test_strangers_log_in_first(anonymous: Client) -> None:
    assert anonymous.get(URL)["Location"] == "/accounts/login/?next=/upload/"
    assert send(anonymous, make_file(make_photo()))["Location"] == "/accounts/login/?next=/upload/"
    answer = send(anonymous, make_file(make_photo()), script=True)
    assert answer.status_code == 401
    assert answer.json()["code"] == "not_authenticated"
    assert not Upload.objects.exists()


def test_the_page_states_the_limits(owner: Client) -> None:
    page = owner.get(URL).content.decode().replace("\u00a0", " ")
    assert f'data-max-bytes="{images.MAX_BYTES}"' in page
    assert "up to 15 MB" in page
    assert "25 megapixels" in page
    assert "at least 32 pixels" in page


def test_without_script_a_photo_leads_to_its_result(ada: User, owner: Client) -> None:
    response = send(owner, make_file(make_photo(), name="IMG.JPG", kind=""))
    upload = Upload.objects.get()
    assert response.status_code == 302
    assert response["Location"] == f"/uploads/{upload.pk}/"
    assert (upload.owner, upload.source, upload.consent_training) == (ada, "page", False)


def test_consent_is_taken_when_given(owner: Client) -> None:
    send(owner, make_file(make_photo()), consent_training="on")
    assert Upload.objects.get().consent_training


def test_a_duplicate_is_said_once(owner: Client) -> None:
    send(owner, make_file(make_photo()))
    again = send(owner, make_file(make_photo()))
    assert Upload.objects.count() == 1
    assert "Already uploaded" in owner.get(again["Location"]).content.decode()
    assert "Already uploaded" not in owner.get(again["Location"]).content.decode()


def test_several_files_each_have_their_own_fate(owner: Client) -> None:
    bad, good = make_file(b"hello", name="<b>notes.txt"), make_file(make_photo(), name="good.jpg")
    response = send(owner, bad, good)
    page = response.content.decode()
    assert response.status_code == 200
    assert "&lt;b&gt;notes.txt" in page
    assert "not a photo that we can read" in page
    assert f"/uploads/{Upload.objects.get().pk}/" in page


def test_several_good_files_lead_to_the_list(owner: Client) -> None:
    response = send(owner, make_file(make_photo(seed=1)), make_file(make_photo(seed=2)))
    assert response["Location"] == "/uploads/"
    assert "2 photos are stored" in owner.get("/uploads/").content.decode()


def test_the_script_hears_where_the_result_is(owner: Client) -> None:
    answer = send(owner, make_file(make_photo()), script=True)
    upload = Upload.objects.get()
    assert answer.status_code == 202
    assert answer.json() == {"id": str(upload.pk), "url": f"/uploads/{upload.pk}/", "duplicate": False}
    again = send(owner, make_file(make_photo()), script=True)
    assert again.status_code == 200
    assert again.json()["duplicate"] is True


def test_a_retry_after_a_lost_answer_is_no_duplicate(owner: Client) -> None:
    headers = {"Accept": "application/json", "Idempotency-Key": "k1"}
    first = owner.post(URL, {"image": make_file(make_photo())}, headers=headers).json()
    again = owner.post(URL, {"image": make_file(make_photo())}, headers=headers).json()
    assert again == first
    other = owner.post(URL, {"image": make_file(make_photo(seed=9))}, headers=headers)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_mismatch")


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"hello", 415, "unsupported_type"),
        (b"", 422, "unreadable_image"),
        (make_photo()[:300], 422, "unreadable_image"),
        (make_photo(20, 20), 422, "too_small"),
        (b"\xff\xd8\xff" + bytes(images.MAX_BYTES), 413, "too_large"),
    ],
)
def test_refusals_have_a_code_and_words(owner: Client, content: bytes, status: int, code: str) -> None:
    answer = send(owner, make_file(content), script=True)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert len(answer.json()["message"]) > 20
    page = send(owner, make_file(content))
    assert page.status_code == status
    assert not Upload.objects.exists()


def test_no_file_is_said(owner: Client) -> None:
    response = owner.post(URL, {})
    assert response.status_code == 400
    assert "choose a photo first" in response.content.decode()


def test_a_body_far_too_large_is_not_read(owner: Client) -> None:
    response = send(owner, *(make_file(bytes(8 * 1024 * 1024), name=f"{n}.jpg") for n in range(2)))
    assert response.status_code == 413
    assert "too much at once" in response.content.decode()


def test_the_hourly_limit_is_kept(owner: Client, settings: Any) -> None:
    settings.FERSITE_UPLOADS_PER_HOUR = 2
    assert send(owner, make_file(make_photo(seed=1)), script=True).status_code == 202
    page = send(owner, make_file(make_photo(seed=2)), make_file(make_photo(seed=3)))
    assert "limit of photos per hour" in page.content.decode()
    answer = send(owner, make_file(make_photo(seed=4)), script=True)
    assert (answer.status_code, answer.json()["code"]) == (429, "throttled")
    assert Upload.objects.count() == 2


def test_posts_need_the_token_of_the_page(ada: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(ada)
    assert send(client, make_file(make_photo())).status_code == 403
    client.get(URL)
    token = client.cookies["csrftoken"].value
    headers = {"Accept": "application/json", "X-CSRFToken": token}
    assert client.post(URL, {"image": make_file(make_photo())}, headers=headers).status_code == 202
