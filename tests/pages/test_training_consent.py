"""Who stops sharing a photo, or erases it, leaves every later snapshot; the pages say what networks keep."""

from typing import TYPE_CHECKING

import pytest
from django.test import Client

from tests.pages.people import PASSWORD

if TYPE_CHECKING:
    from accounts.models import User
    from classifier.models import Correction

KEEP = "keep what they learned"

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def approved(ada: "User", bob: "User") -> "Correction":
    """Ada's answer about her shared photo, in the dataset, beside another sample."""
    from classifier.models import Sample
    from classifier.review.decisions import approve_answer
    from tests.factories import make_answer_with_crop
    from tests.ml.drawing import draw_crop

    Sample.objects.create(
        split="train", label=0, sha256="0" * 64, key="dataset/train/angry/0.png", source="fer2013",
        source_name="Training_0", usage="Training",
    )  # fmt: skip
    return approve_answer(correction=make_answer_with_crop(ada, draw_crop(3, 1)), reviewer=bob)


def take_names() -> set[str]:
    """The samples of a snapshot taken now."""
    from classifier.dataset.snapshots import read_snapshot, take_snapshot

    return {entry.source_name for entry in read_snapshot(take_snapshot())}


def test_stopping_to_share_takes_effect_on_the_next_snapshot(owner: Client, approved: "Correction") -> None:
    name, page = f"correction_{approved.pk}", f"/uploads/{approved.face.upload_id}/"
    assert take_names() == {"Training_0", name}
    assert KEEP in " ".join(owner.get(page).content.decode().split())
    owner.post(f"{page}consent", {"consent_training": "off"})
    assert take_names() == {"Training_0"}
    after = " ".join(owner.get(page).content.decode().split())
    assert after.count(KEEP) == 2  # beside the button, and in the dialog before deleting
    assert "is not used for training" not in after
    assert KEEP in " ".join(owner.get(f"{page}delete").content.decode().split())
    owner.post(f"{page}consent", {"consent_training": "on"})
    assert take_names() == {"Training_0", name}


def test_a_stranger_cannot_take_it_out(stranger: Client, anonymous: Client, approved: "Correction") -> None:
    before = take_names()
    for visitor in (stranger, anonymous):
        visitor.post(f"/uploads/{approved.face.upload_id}/consent", {"consent_training": "off"})
        visitor.post(f"/uploads/{approved.face.upload_id}/delete")
    assert take_names() == before


def test_erasing_a_photo_takes_it_out_with_its_pixels(owner: Client, approved: "Correction") -> None:
    from django.core.files.storage import default_storage

    from classifier.models import Sample

    key, page = Sample.objects.get(correction=approved).key, f"/uploads/{approved.face.upload_id}/delete"
    assert KEEP in " ".join(owner.get(page).content.decode().split())
    owner.post(page)
    assert take_names() == {"Training_0"}
    assert not default_storage.exists(key)


def test_deleting_the_account_takes_all_out(owner: Client, approved: "Correction") -> None:
    assert KEEP in owner.get("/account/delete/").content.decode()
    owner.post("/account/delete/", {"password": PASSWORD})
    assert take_names() == {"Training_0"}


def test_the_pages_say_what_networks_keep(owner: Client, ada: "User", bob: "User") -> None:
    """Nothing, of a photo about which no label was approved."""
    from classifier.review.decisions import approve_answer, reject_answer
    from tests.factories import make_answer_with_crop
    from tests.ml.drawing import draw_crop

    assert KEEP in owner.get("/upload/").content.decode()
    said, unclear = (make_answer_with_crop(ada, draw_crop(3, n), number=n, answer=3 + 4 * n) for n in range(2))
    reject_answer(correction=said, reviewer=bob, reason="no")
    approve_answer(correction=unclear, reviewer=bob)
    for correction in (said, unclear):
        page = f"/uploads/{correction.face.upload_id}/"
        owner.post(f"{page}consent", {"consent_training": "off"})
        for address in (page, f"{page}delete"):
            assert KEEP not in owner.get(address).content.decode()
        assert "This photo is not used for training." in owner.get(page).content.decode()
