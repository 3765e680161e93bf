"""Forms that are sent after logging out: through the log-in page back to where they were."""

from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client

from accounts.models import User
from tests.api.rows import make_face, make_prediction, make_upload, make_version
from tests.pages.people import PASSWORD

FORMS = ["uploads/{upload}/answers", "uploads/{upload}/consent", "uploads/{upload}/faces", "faces/{face}/answer"]


@pytest.mark.parametrize("form", FORMS)
def test_the_way_back_is_the_result_page(
    ada: User, owner: Client, stranger: Client, anonymous: Client, form: str
) -> None:
    face = make_face(make_upload(ada))
    make_prediction(face, make_version("1.0.0"))
    address = "/" + form.format(upload=face.upload_id, face=face.pk)
    log_in = anonymous.post(address, {"answer": "sad"})["Location"]
    assert log_in.startswith("/accounts/login/?next=")
    if form.startswith("faces/"):
        assert str(face.upload_id) not in log_in  # nobody learns of which photo a face is
    wanted = parse_qs(urlsplit(log_in).query)["next"][0]
    fields = {"username": "ada", "password": PASSWORD, "next": wanted}
    back = anonymous.post("/accounts/login/", fields, follow=True)
    assert back.status_code == 200
    assert urlsplit(back.redirect_chain[-1][0]).path == f"/uploads/{face.upload_id}/"
    assert stranger.get(wanted).status_code == 404
    for client in (owner, Client()):
        assert client.get(address).status_code == 405


@pytest.mark.parametrize("form", FORMS)
def test_scripts_hear_it(ada: User, anonymous: Client, form: str) -> None:
    face = make_face(make_upload(ada))
    address = "/" + form.format(upload=face.upload_id, face=face.pk)
    refused = anonymous.post(address, headers={"Accept": "application/json"})
    assert refused.status_code == 401
    assert refused.json() == {"error": "You were logged out. Reload the page, log in and try again."}
