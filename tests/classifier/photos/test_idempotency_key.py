"""A request sent again with the same key is answered with the upload it made, for a day."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from classifier.models import IdempotencyKey, ObjectRemoval, Upload
from classifier.photos.intake import IdempotencyMismatch, Outcome
from tests.factories import make_user

Take = Callable[..., Any]


def test_key_names_one_photo_for_a_day(take: Take) -> None:
    first = take(1, idempotency_key="k")
    again = take(1, idempotency_key="k")
    assert (again.upload.pk, again.outcome) == (first.upload.pk, Outcome.REPLAYED)
    with pytest.raises(IdempotencyMismatch):
        take(2, idempotency_key="k")
    IdempotencyKey.objects.update(created_at=timezone.now() - timedelta(hours=25))
    assert take(2, idempotency_key="k").outcome is Outcome.CREATED


def test_key_of_a_duplicate_counts_too(take: Take) -> None:
    take(1)
    assert take(1, idempotency_key="k").outcome is Outcome.DUPLICATE
    with pytest.raises(IdempotencyMismatch):
        take(2, idempotency_key="k")


def test_key_belongs_to_its_user(take: Take) -> None:
    take(1, idempotency_key="k")
    assert take(2, idempotency_key="k", owner=make_user("bob")).outcome is Outcome.CREATED


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("same", [True, False], ids=["same photo", "other photos"])
def test_one_key_six_times_at_once_makes_one_upload(take: Take, same: bool) -> None:
    start = threading.Barrier(6)
    outcomes: list[str] = []

    def hand_in(number: int) -> None:
        try:
            connection.ensure_connection()
            start.wait()
            taken = take(1 if same else number, idempotency_key="k")
            outcomes.append("created" if taken.outcome is Outcome.CREATED else "again")
        except IdempotencyMismatch:
            outcomes.append("mismatch")
        finally:
            connection.close()

    threads = [threading.Thread(target=hand_in, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == sorted(["created"] + ["again" if same else "mismatch"] * 5)
    assert Upload.objects.count() == 1
    assert not ObjectRemoval.objects.exists()
