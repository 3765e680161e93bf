"""Five hundred answers and two reviewers at once: each is decided once, becomes one sample, and the loser is told."""

import threading
from collections import Counter

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection

from accounts.models import User
from classifier.dataset.reconcile import reconcile_dataset
from classifier.models import Answer, Correction, CorrectionEvent, Face, Label, Sample, Upload
from classifier.review.decisions import AlreadyDecidedError, approve_answer
from classifier.storage.codec import encode_crop
from fersite.s3 import read_object
from tests.factories import make_user
from tests.ml.drawing import draw_crop

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

ANSWERS = 500
PATTERNS = 10  # as many different crops: what is put under one name twice is put again


def add_answers(author: User) -> None:
    """Five hundred shared faces, each with a pending answer, in three queries and ten objects."""
    crops = [
        default_storage.save(f"faces/race_{number}.png", ContentFile(encode_crop(draw_crop(number % 7, number))))
        for number in range(PATTERNS)
    ]
    uploads = Upload.objects.bulk_create(
        Upload(
            owner=author, sha256=f"{number:064x}", status="done", source="api", width=640, height=480,
            image=f"uploads/{number}.jpg", consent_training=True,
        )
        for number in range(ANSWERS)
    )  # fmt: skip
    faces = Face.objects.bulk_create(
        Face(
            upload=upload, index=0, x=1, y=1, width=48, height=48, score=0.9, origin="detector",
            crop=crops[number % PATTERNS],
        )
        for number, upload in enumerate(uploads)
    )  # fmt: skip
    Correction.objects.bulk_create(
        Correction(face=face, author=author, answer=Answer(number % len(Label)), asked="random")
        for number, face in enumerate(faces)
    )


def approve_all(reviewer: User, barrier: threading.Barrier, told: list[str], won: list[int]) -> None:
    """One reviewer at work: from the list that was read once, as a page holds it."""
    try:
        rows = list(Correction.objects.order_by("pk"))
        for row in rows:
            if row.pk % 50 == 0:
                barrier.wait(30)  # so that neither runs away: they meet at the same answers
            try:
                approve_answer(correction=row, reviewer=reviewer)
                won.append(row.pk)
            except AlreadyDecidedError as error:
                told.append(str(error))
    finally:
        connection.close()


def test_five_hundred_approvals_by_two_reviewers_at_once() -> None:
    add_answers(make_user())
    reviewers = [make_user("ruth"), make_user("rita")]
    barrier = threading.Barrier(2)
    told: dict[str, list[str]] = {"ruth": [], "rita": []}
    won: dict[str, list[int]] = {"ruth": [], "rita": []}
    threads = [
        threading.Thread(target=approve_all, args=(user, barrier, told[user.username], won[user.username]))
        for user in reviewers
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(won["ruth"]) + len(won["rita"]) == ANSWERS == len({*won["ruth"], *won["rita"]})
    assert won["ruth"]
    assert won["rita"]
    assert len(told["ruth"]) == len(won["rita"])
    assert all("was approved by rita a moment ago" in words for words in told["ruth"])
    assert all("was approved by ruth a moment ago" in words for words in told["rita"])

    assert Counter(Correction.objects.values_list("state", flat=True)) == {"approved": ANSWERS}
    by_name = Counter(Correction.objects.values_list("reviewer__username", flat=True))
    assert by_name == {name: len(rows) for name, rows in won.items()}
    assert CorrectionEvent.objects.filter(state="approved").count() == ANSWERS
    assert Sample.objects.count() == ANSWERS == Sample.objects.values("correction").distinct().count()
    keys = set(Sample.objects.values_list("key", flat=True))
    assert all(read_object(key) for key in keys)

    found = reconcile_dataset(deep=True)
    assert (found.samples, found.remaining, found.in_flight) == (ANSWERS, 0, 0)
    assert found.objects == len(keys)
