"""GET /uploads/: one's own, newest first, 50 a page, by status, in few queries."""

from datetime import UTC, datetime

import pytest
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from accounts.models import User
from classifier.models import Upload
from tests.api.rows import URL, check_problem, make_face, make_prediction, make_upload, make_version


def test_owner_stranger_anonymous(owner: APIClient, stranger: APIClient, anonymous: APIClient, ada: User) -> None:
    upload = make_upload(ada)
    assert [item["id"] for item in owner.get(URL).json()["results"]] == [str(upload.pk)]
    assert stranger.get(URL).json() == {"next": None, "previous": None, "results": []}
    check_problem(anonymous.get(URL), 401, "not_authenticated")


@pytest.mark.parametrize("same_moment", [False, True])
def test_pages_hold_each_upload_once(owner: APIClient, ada: User, same_moment: bool) -> None:
    for number in range(120):
        make_upload(ada, number)
    if same_moment:
        Upload.objects.update(created_at=datetime(2026, 1, 1, tzinfo=UTC))
    expected = [str(pk) for pk in Upload.objects.order_by("-created_at", "-id").values_list("pk", flat=True)]
    address, seen, sizes = URL, [], []
    while address:
        page = owner.get(address).json()
        assert set(page) == {"next", "previous", "results"}
        seen += [item["id"] for item in page["results"]]
        sizes.append(len(page["results"]))
        last, address = page, page["next"]
    assert seen == expected
    assert sizes == [50, 50, 20]
    if same_moment:
        return  # going back over more than a page of one microsecond, REST framework skips some
    back = owner.get(last["previous"]).json()
    assert [item["id"] for item in back["results"]] == expected[50:100]


def test_new_uploads_do_not_shift_the_next_page(owner: APIClient, ada: User) -> None:
    for number in range(60):
        make_upload(ada, number)
    first = owner.get(URL).json()
    make_upload(ada, 99)
    Upload.objects.filter(pk=first["results"][3]["id"]).delete()
    second = owner.get(first["next"]).json()
    assert len(second["results"]) == 10
    assert not {item["id"] for item in first["results"]} & {item["id"] for item in second["results"]}


@pytest.mark.parametrize(
    "cursor", ["x", "cD1hYmM=", "bz0tMQ==", "cD0yMDI2LTk5LTAx", "cD05OTk5LTEyLTMxVDIzOjU5OjU5LTIzOjU5"]
)
def test_broken_cursor(owner: APIClient, cursor: str) -> None:
    check_problem(owner.get(f"{URL}?cursor={cursor}"), 400, "invalid_cursor")


def test_status(owner: APIClient, ada: User) -> None:
    make_upload(ada, 1, "done")
    make_upload(ada, 2, "no_face")
    assert [item["status"] for item in owner.get(f"{URL}?status=no_face").json()["results"]] == ["no_face"]
    for wrong in ("finished", ""):
        body = check_problem(owner.get(f"{URL}?status={wrong}"), 400, "invalid_status")
        assert "pending, running, done, no_face, rejected, dead" in body["detail"]


@pytest.mark.parametrize("rows", [1, 20])
def test_queries(owner: APIClient, ada: User, django_assert_num_queries: DjangoAssertNumQueries, rows: int) -> None:
    version = make_version("1.0.0")
    for number in range(rows):
        upload = make_upload(ada, number)
        for index in range(2):
            make_prediction(make_face(upload, index), version)
    with django_assert_num_queries(5):  # token with user; uploads; faces; predictions with versions; answers
        assert len(owner.get(URL).json()["results"]) == rows
