"""Labelling batches in admin: staff sees how far they are and closes them; nobody else does."""

from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from accounts.roles import Role
from classifier.answers.batches import open_batch
from classifier.models import Face, LabellingBatch
from classifier.photos.erasure import erase_upload
from tests.factories import make_user
from tests.reviews import add_answer, add_face, enter, make_reviewer

pytestmark = pytest.mark.django_db
LIST = "/admin/classifier/labellingbatch/"


@pytest.fixture
def staff() -> Client:
    return enter(make_reviewer("sue", "staff"))


@pytest.fixture
def ada() -> User:
    return make_user()


def draw(ada: User, name: str = "Dark photos", size: int = 3, actor: User | None = None) -> LabellingBatch:
    """A batch of new faces."""
    made = [add_face(ada).pk for _ in range(size)]
    batch = open_batch(name=name, why="recall of fear fell", faces=Face.objects.filter(pk__in=made), actor=actor)
    assert batch is not None
    return batch


def choose(*batches: LabellingBatch) -> dict[str, Any]:
    return {"action": "close", "_selected_action": [str(batch.pk) for batch in batches]}


def test_staff_sees_how_far_and_why(staff: Client, ada: User) -> None:
    batch = draw(ada, actor=ada)
    add_answer(ada, face=batch.batch_faces.all()[0].face)
    for address in (LIST, f"{LIST}{batch.pk}/change/"):
        page = staff.get(address).content.decode()
        for words in ("Dark photos", "1 of 3", "open", "recall of fear fell", "ada"):
            assert words in page, (address, words)
    assert staff.get(f"{LIST}add/").status_code == 403
    assert staff.post(f"{LIST}{batch.pk}/delete/", {"post": "yes"}).status_code == 403
    staff.post(f"{LIST}{batch.pk}/change/", {"name": "other"})
    assert LabellingBatch.objects.get().name == "Dark photos"


def test_staff_closes(staff: Client, ada: User) -> None:
    first, second = draw(ada), draw(ada, "Profiles")
    page = staff.post(LIST, choose(first), follow=True).content.decode()
    assert "1 of 1 closed now." in page
    assert list(LabellingBatch.objects.open()) == [second]
    assert "1 of 2 closed now." in staff.post(LIST, choose(first, second), follow=True).content.decode()
    assert not LabellingBatch.objects.open().exists()


def test_the_list_can_be_narrowed(staff: Client, ada: User) -> None:
    first, second = draw(ada), draw(ada, "Profiles")
    staff.post(LIST, choose(first))
    listed = {state: staff.get(LIST, {"state": state}).content.decode() for state in ("open", "closed", "nonsense")}
    found = {state: [batch.name for batch in (first, second) if batch.name in page] for state, page in listed.items()}
    assert found == {"open": ["Profiles"], "closed": ["Dark photos"], "nonsense": ["Dark photos", "Profiles"]}


def test_a_batch_whose_photos_are_erased_is_shown_closed(staff: Client, ada: User) -> None:
    batch = draw(ada, size=1)
    erase_upload(upload=batch.batch_faces.get().face.upload)
    assert "0 of 0" in staff.get(LIST).content.decode()
    batch.refresh_from_db()
    assert batch.closed_at is not None


@pytest.mark.parametrize("role", ["reviewer", "user", None])
def test_nobody_else_may(role: Role | None, ada: User) -> None:
    batch = draw(ada)
    visitor = enter(make_reviewer("eve", role)) if role else Client()
    for answer in (visitor.get(LIST), visitor.get(f"{LIST}{batch.pk}/change/"), visitor.post(LIST, choose(batch))):
        assert answer.status_code == (403 if role == "reviewer" else 302)
    assert list(LabellingBatch.objects.open()) == [batch]


def test_who_may_only_look_does_not_close(ada: User) -> None:
    from django.contrib.auth.models import Permission

    batch, auditor = draw(ada), make_reviewer("eve", "reviewer")
    auditor.user_permissions.add(Permission.objects.get(codename="view_labellingbatch"))
    client = enter(auditor)
    assert "Dark photos" in client.get(LIST).content.decode()
    client.post(LIST, choose(batch))
    assert list(LabellingBatch.objects.open()) == [batch]


def test_more_batches_cost_no_more_queries(staff: Client, ada: User, django_assert_max_num_queries: Any) -> None:
    for number in range(8):
        draw(ada, f"Batch {number}", size=2, actor=ada)
    staff.get(LIST)
    with django_assert_max_num_queries(12):
        assert staff.get(LIST).status_code == 200
