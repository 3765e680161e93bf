"""A random history for the dashboard's tests: photos, faces, predictions of three versions, answers, samples.

Every kind of row that a figure has to tell apart is in it: probes, drawn faces, failures, silent predictions, answers
that were withdrawn or given twice, people who disagree, photos that are shared no longer.
"""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest import mock

from accounts.models import User
from classifier.models import Correction, Face, Prediction, Promotion, Sample, Upload, Version

LAST = datetime(2026, 3, 31, tzinfo=UTC)


@contextmanager
def at(moment: datetime) -> Iterator[None]:
    """Rows made inside are stamped with this moment."""
    with mock.patch("django.utils.timezone.now", return_value=moment):
        yield


def make_history(*, seed: int = 0, days: int = 6, photos: int = 150, last: datetime = LAST) -> None:
    """Rows of so many whole days, the last of which begins at `last`; the same seed gives the same rows."""
    rng = random.Random(seed)
    people = [User.objects.create(username=f"person-{seed}-{i}", email=f"{seed}-{i}@example.org") for i in range(6)]
    first = last - timedelta(days=days - 1)
    versions = make_versions(seed, first, days)
    for number in range(photos):
        moment = first + timedelta(seconds=rng.uniform(0, days * 86_400 - 3600))
        with at(moment):
            make_photo(rng, number, people, versions, moment)


def make_versions(seed: int, first: datetime, days: int) -> dict[str, Version]:
    """Two that served one after the other, and a silent one."""
    Version.objects.filter(state="champion").update(state="retired")
    Version.objects.update(is_shadow=False)
    made = {}
    for name, state, shadow in (("old", "retired", False), ("new", "champion", False), ("silent", "candidate", True)):
        full = f"{name}-{seed}"
        made[name] = Version.objects.create(name=full, state=state, digest=full.ljust(64, "0"), is_shadow=shadow)
    for name, moment in (("old", first), ("new", first + timedelta(days=days / 2))):
        with at(moment):
            Promotion.objects.create(version=made[name], reason="a test")
    return made


def make_photo(
    rng: random.Random, number: int, people: list[User], versions: dict[str, Version], moment: datetime
) -> None:
    """One photo with everything about it."""
    source = rng.choices(["page", "api", "probe"], [6, 3, 1])[0]
    status = rng.choices(["done", "no_face", "rejected", "dead", "pending"], [20, 2, 1, 1, 1])[0]
    seconds = rng.lognormvariate(0, 1)
    upload = Upload.objects.create(
        owner=rng.choice(people), sha256=f"{rng.getrandbits(256):064x}", status=status, source=source,
        error={"rejected": "unreadable_image", "dead": "attempts_exhausted"}.get(status, ""),
        image=f"uploads/{number}.jpg", width=640, height=480, consent_training=rng.random() < 0.8,
        finished_at=None if status == "pending" else moment + timedelta(seconds=seconds),
        ms=1000 * min(seconds, 0.2) if status in ("done", "no_face") else None,
    )  # fmt: skip
    if status != "done":
        return
    for index in range(rng.choice([1, 1, 1, 2, 3])):
        face = make_face(rng, upload, index)
        after = moment + timedelta(seconds=seconds)
        served = Promotion.objects.served_at(moment).get().version
        with at(after):
            shown = predict(rng, face, served, ms=1000 * min(seconds, 0.2))
        if rng.random() < 0.5:
            with at(after + timedelta(minutes=rng.randrange(90))):
                predict(rng, face, versions["silent"], ms=5, shadow=True)
        make_answers(rng, shown, people, after)


def make_face(rng: random.Random, upload: Upload, index: int) -> Face:
    """A face; some are from before anybody measured them."""
    measured = rng.random() < 0.9
    return Face.objects.create(
        upload=upload, index=index, x=1, y=1, width=rng.randrange(20, 1500), height=rng.randrange(20, 1500),
        score=0.9, origin=rng.choice(["detector", "bare_crop", "drawn"]), crop="faces/a.png",
        brightness=rng.random() if measured else None, sharpness=rng.lognormvariate(7, 1) if measured else None,
    )  # fmt: skip


def predict(rng: random.Random, face: Face, version: Version, *, ms: float, shadow: bool = False) -> Prediction:
    """A prediction; its edges are hit too."""
    confidence = rng.choice([rng.uniform(0.2, 1.0), 0.5, 0.95, 1.0])
    label = rng.choices(range(7), [4, 1, 4, 7, 5, 3, 5])[0]
    probabilities = [(1 - confidence) / 6] * 7
    probabilities[label] = confidence
    return Prediction.objects.create(
        face=face, version=version, label=label, confidence=confidence, probabilities=probabilities,
        prediction_set=[label], ms=ms, shadow=shadow,
    )  # fmt: skip


def make_answers(rng: random.Random, shown: Prediction, people: list[User], after: datetime) -> None:
    """None to three people answer, some of them twice; reviewers decide some."""
    for author in rng.sample(people, rng.choice([0, 0, 1, 1, 2, 3])):
        for _ in range(rng.choice([1, 1, 1, 2])):
            after += timedelta(minutes=rng.randrange(1, 600))
            with at(after):
                make_answer(rng, shown, author, people)


def make_answer(rng: random.Random, shown: Prediction, author: User, people: list[User]) -> Correction:
    """One answer and what became of it; the author's earlier one, if it waits, is withdrawn."""
    from django.utils import timezone

    face = shown.face
    Correction.objects.filter(face=face, author=author, state="pending").update(state="withdrawn")
    answer = rng.choices([shown.label, rng.randrange(7), 7, 8], [6, 4, 1, 1])[0]
    fields: dict[str, Any] = {"state": rng.choices(["pending", "approved", "rejected", "withdrawn"], [3, 5, 1, 1])[0]}
    if fields["state"] in ("approved", "rejected"):
        reviewer = rng.choice([one for one in people if one != author])
        fields |= {"reviewer": reviewer, "reviewed_at": timezone.now() + timedelta(minutes=rng.randrange(5000))}
    if fields["state"] == "approved" and answer <= 6:  # of the others, a reviewer agreed that there is no label
        fields["final_label"] = rng.choice([answer, answer, rng.randrange(7)])
    made = Correction.objects.create(
        face=face, author=author, prediction=shown if rng.random() < 0.95 else None, answer=answer,
        blind=rng.random() < 0.3, asked=rng.choice(["result", "api", "uncertain", "random"]), **fields,
    )  # fmt: skip
    if made.final_label is not None and rng.random() < 0.8:
        Sample.objects.create(
            split=rng.choice(["train", "test"]), label=made.final_label, sha256=f"{rng.getrandbits(256):064x}",
            key="dataset/a.png", source="correction", source_name=f"correction-{made.pk}", correction=made,
        )  # fmt: skip
    return made
