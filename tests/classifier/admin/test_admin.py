"""Admin shows what happened, shows photos only where they are shared, and lets staff try dead uploads again."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
from django.test import Client

if TYPE_CHECKING:
    from accounts.models import User

PAGES = ["correction", "upload", "face", "prediction", "version", "promotion", "sample"]


def log_in(name: str, role: str) -> Client:
    from accounts.models import User
    from accounts.roles import set_role

    user = User.objects.create_user(name, f"{name}@example.org", "x")
    set_role(user=user, role=role)  # type: ignore[arg-type]
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def staff(db: None) -> Client:
    return log_in("sue", "staff")


@pytest.fixture
def owner(db: None) -> "User":
    from accounts.models import User

    return User.objects.create_user("ada", "ada@example.org", "x")


def add_upload(owner: "User", number: int, **values: Any) -> Any:
    """A finished upload with one face and its prediction."""
    from classifier.models import Face, Prediction, Upload, Version

    status = values.pop("status", "done")
    row = Upload.objects.create(
        owner=owner, sha256=f"{number:064x}", status=status, source="page", image=f"uploads/{number}.jpg",
        width=64, height=64, **values,
    )  # fmt: skip
    face = Face.objects.create(
        upload=row, index=0, x=1, y=1, width=9, height=9, score=0.9, origin="detector", crop=f"faces/{number}.png"
    )
    version, _ = Version.objects.get_or_create(name="1", defaults={"digest": "d", "state": "champion"})
    Prediction.objects.create(
        face=face, version=version, label=3, confidence=0.9, probabilities=[0.1 / 6] * 7, prediction_set=[3], ms=1
    )
    return row


@pytest.mark.parametrize("page", PAGES)
def test_staff_reads_every_page(staff: Client, owner: "User", page: str) -> None:
    add_upload(owner, 1, consent_training=True)
    answer = staff.get(f"/admin/classifier/{page}/")
    assert answer.status_code == 200
    assert staff.get(f"/admin/classifier/{page}/add/").status_code == 403


@pytest.mark.parametrize("page", PAGES)
def test_users_and_strangers_see_nothing(client: Client, db: None, page: str) -> None:
    for visitor in (client, log_in("bob", "user")):
        answer = visitor.get(f"/admin/classifier/{page}/")
        assert answer.status_code == 302
        assert "/admin/login/" in answer["Location"]


def test_reviewer_sees_faces_but_not_the_dataset(db: None) -> None:
    reviewer = log_in("rita", "reviewer")
    assert reviewer.get("/admin/classifier/face/").status_code == 200
    assert reviewer.get("/admin/classifier/sample/").status_code == 403
    assert reviewer.get("/admin/classifier/upload/").status_code == 403
    assert reviewer.get("/admin/accounts/user/").status_code == 403


def test_photo_is_shown_only_if_it_is_shared(staff: Client, owner: "User") -> None:
    private = add_upload(owner, 1)
    shared = add_upload(owner, 2, consent_training=True)
    assert "uploads/1.jpg" not in staff.get(f"/admin/classifier/upload/{private.pk}/change/").content.decode()
    assert "uploads/2.jpg" in staff.get(f"/admin/classifier/upload/{shared.pk}/change/").content.decode()
    page = staff.get("/admin/classifier/face/").content.decode()
    assert "faces/2.png" in page
    assert "faces/1.png" not in page
    assert staff.get(f"/admin/classifier/face/{private.faces.get().pk}/change/").status_code == 302


def test_nothing_can_be_edited_or_deleted(staff: Client, owner: "User") -> None:
    from classifier.models import Upload

    upload = add_upload(owner, 1)
    staff.post(f"/admin/classifier/upload/{upload.pk}/change/", {"status": "pending"})
    assert staff.post(f"/admin/classifier/upload/{upload.pk}/delete/", {"post": "yes"}).status_code == 403
    assert Upload.objects.get().status == "done"


def test_dead_upload_is_tried_again(staff: Client, owner: "User") -> None:
    from classifier.models import Upload

    dead = add_upload(owner, 1, status="dead", error="attempts_exhausted", attempts=3)
    done = add_upload(owner, 2)
    chosen = {"action": "try_again", "_selected_action": [str(dead.pk), str(done.pk)]}
    answer = staff.post("/admin/classifier/upload/", chosen, follow=True)
    assert "1 of 2 will be tried again" in answer.content.decode()
    dead.refresh_from_db()
    assert (dead.status, dead.attempts, dead.error) == ("pending", 0, "")
    assert Upload.objects.get(pk=done.pk).status == "done"


def test_reviewer_may_not_try_again(owner: "User") -> None:
    dead = add_upload(owner, 1, status="dead")
    chosen = {"action": "try_again", "_selected_action": [str(dead.pk)]}
    log_in("rita", "reviewer").post("/admin/classifier/upload/", chosen)
    dead.refresh_from_db()
    assert dead.status == "dead"


@pytest.mark.parametrize(
    ("searched", "found"),
    [
        ("2026-03-01 11:59", []),
        ("2026-03-01T12:00", ["old"]),
        ("2026-03-02", ["old"]),
        ("2026-03-03T14:00+02:00", ["new"]),
        ("2026-12-31 23:59:59", ["new"]),
        ("OL", ["old"]),
        ("9999-12-31 23:59-12:00", ["new"]),
        ("never", []),
    ],
)
def test_a_moment_finds_the_version_that_served_then(staff: Client, searched: str, found: list[str]) -> None:
    from classifier.models import Promotion, Version

    for day, name in ((1, "old"), (3, "new")):
        version = Version.objects.create(name=name, digest=name)
        with patch("django.utils.timezone.now", return_value=datetime(2026, 3, day, 12, tzinfo=UTC)):
            Promotion.objects.create(version=version, reason="better")
    page = staff.get("/admin/classifier/promotion/", {"q": searched})
    assert [str(row.version) for row in page.context["cl"].result_list] == found


@pytest.mark.parametrize("page", ["upload", "face", "prediction"])
def test_lists_take_a_constant_number_of_queries(
    staff: Client, owner: "User", page: str, django_assert_max_num_queries: Any
) -> None:
    for number in range(30):
        add_upload(owner, number, consent_training=True)
    staff.get(f"/admin/classifier/{page}/")
    with django_assert_max_num_queries(12):
        staff.get(f"/admin/classifier/{page}/")


@pytest.mark.parametrize(
    "address",
    [
        "classifier/face/?origin__exact=%00",
        "classifier/upload/?status__exact=%00",
        "classifier/upload/?created_at__year=9999",
        "classifier/upload/?created_at__year=9999&created_at__month=12",
        "classifier/upload/?created_at__year=9999&created_at__month=12&created_at__day=31",
        "dashboard/alertrule/?metric__exact=%00",
    ],
)
def test_filters_that_nobody_chose_are_dropped(staff: Client, owner: "User", address: str) -> None:
    add_upload(owner, 1, consent_training=True)
    page = staff.get(f"/admin/{address}", follow=True)
    assert page.redirect_chain == [(f"/admin/{address.split('?')[0]}?e=1", 302)]
    assert page.status_code == 200


@pytest.mark.parametrize("year", ["1", "9998"])
def test_far_years_are_empty(staff: Client, owner: "User", year: str) -> None:
    add_upload(owner, 1)
    page = staff.get(f"/admin/classifier/upload/?created_at__year={year}").content.decode()
    assert "0 uploads" in page
