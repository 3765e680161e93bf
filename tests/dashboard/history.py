"""A random history for the dashboard's tests: photos, faces, predictions of three versions, answers, samples.

Every kind of row that a figure has to tell apart is in it: probes, drawn faces, failures, silent predictions, answers
that were withdrawn or given twice, people who disagree, photos that are shared no longer.
"""

import random
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest import mock

from django.db.models import Model

from accounts.models import User
from classifier.models import Correction, Face, Prediction, Promotion, Sample, Upload, Version

LAST = datetime(2026, 3, 31, tzinfo=UTC)


@contextmanager
def at(moment: datetime) -> Iterator[None]:
    """Rows made inside are stamped with this moment."""
    with mock.patch("django.utils.timezone.now", return_value=moment):
        yield


@dataclass
class Rows:
    """What is to be stored, in lists: one statement for each kind of row takes a fifth of one for each row."""

    uploads: list[Upload] = field(default_factory=list)
    faces: list[Face] = field(default_factory=list)
    predictions: list[Prediction] = field(default_factory=list)
    corrections: list[Correction] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    pending: dict[tuple[Face, User], Correction] = field(default_factory=dict)

    def store(self) -> None:
        """All of them, with the moments that they have instead of now."""
        insert(Upload, self.uploads)
        insert(Face, self.faces)
        insert(Prediction, self.predictions)
        insert(Correction, self.corrections)
        for sample in self.samples:
            assert sample.correction is not None
            sample.source_name = f"correction-{sample.correction.pk}"
        insert(Sample, self.samples)


def insert(model: type[Model], rows: list[Any]) -> None:
    """In one statement; created_at as it is given."""
    with ExitStack() as stack:
        for stamp in model._meta.fields:
            if getattr(stamp, "auto_now_add", False):
                stack.enter_context(mock.patch.object(stamp, "auto_now_add", False))
        model._default_manager.bulk_create(rows)


def make_history(*, seed: int = 0, days: int = 6, photos: int = 150, last: datetime = LAST) -> None:
    """Rows of so many whole days, the last of which begins at `last`; the same seed gives the same rows."""
    rng, rows = random.Random(seed), Rows()
    people = [User.objects.create(username=f"person-{seed}-{i}", email=f"{seed}-{i}@example.org") for i in range(6)]
    first = last - timedelta(days=days - 1)
    half = first + timedelta(days=days / 2)
    versions = make_versions(seed, first, half)
    for number in range(photos):
        moment = first + timedelta(seconds=rng.uniform(0, days * 86_400 - 3600))
        served = versions["old" if moment < half else "new"]
        make_photo(rng, rows, number, people, served, versions["silent"], moment)
    rows.store()


def make_versions(seed: int, first: datetime, half: datetime) -> dict[str, Version]:
    """Two that served one after the other, the second from `half` on, and a silent one."""
    Version.objects.filter(state="champion").update(state="retired")
    Version.objects.update(is_shadow=False)
    made = {}
    for name, state, shadow in (("old", "retired", False), ("new", "champion", False), ("silent", "candidate", True)):
        full = f"{name}-{seed}"
        made[name] = Version.objects.create(name=full, state=state, digest=full.ljust(64, "0"), is_shadow=shadow)
    for name, moment in (("old", first), ("new", half)):
        with at(moment):
            Promotion.objects.create(version=made[name], reason="a test")
    return made


def make_photo(
    rng: random.Random,
    rows: Rows,
    number: int,
    people: list[User],
    served: Version,
    silent: Version,
    moment: datetime,
) -> None:
    """One photo with everything about it."""
    source = rng.choices(["page", "api", "probe"], [6, 3, 1])[0]
    status = rng.choices(["done", "no_face", "rejected", "dead", "pending"], [20, 2, 1, 1, 1])[0]
    seconds = rng.lognormvariate(0, 1)
    upload = Upload(
        owner=rng.choice(people), sha256=f"{rng.getrandbits(256):064x}", status=status, source=source,
        error={"rejected": "unreadable_image", "dead": "attempts_exhausted"}.get(status, ""),
        image=f"uploads/{number}.jpg", width=640, height=480, consent_training=rng.random() < 0.8,
        finished_at=None if status == "pending" else moment + timedelta(seconds=seconds),
        ms=1000 * min(seconds, 0.2) if status in ("done", "no_face") else None, created_at=moment,
    )  # fmt: skip
    rows.uploads.append(upload)
    if status != "done":
        return
    after = moment + timedelta(seconds=seconds)
    for index in range(rng.choice([1, 1, 1, 2, 3])):
        face = make_face(rng, upload, index)
        rows.faces.append(face)
        shown = predict(rng, face, served, ms=1000 * min(seconds, 0.2), moment=after)
        rows.predictions.append(shown)
        if rng.random() < 0.5:
            later = after + timedelta(minutes=rng.randrange(90))
            rows.predictions.append(predict(rng, face, silent, ms=5, moment=later, shadow=True))
        make_answers(rng, rows, shown, people, after)


def make_face(rng: random.Random, upload: Upload, index: int) -> Face:
    """A face; some are from before anybody measured them."""
    measured = rng.random() < 0.9
    return Face(
        upload=upload, index=index, x=1, y=1, width=rng.randrange(20, 1500), height=rng.randrange(20, 1500),
        score=0.9, origin=rng.choice(["detector", "bare_crop", "drawn"]), crop="faces/a.png",
        brightness=rng.random() if measured else None, sharpness=rng.lognormvariate(7, 1) if measured else None,
    )  # fmt: skip


def predict(
    rng: random.Random, face: Face, version: Version, *, ms: float, moment: datetime, shadow: bool = False
) -> Prediction:
    """A prediction; its edges are hit too."""
    confidence = rng.choice([rng.uniform(0.2, 1.0), 0.5, 0.95, 1.0])
    label = rng.choices(range(7), [4, 1, 4, 7, 5, 3, 5])[0]
    probabilities = [(1 - confidence) / 6] * 7
    probabilities[label] = confidence
    return Prediction(
        face=face, version=version, label=label, confidence=confidence, probabilities=probabilities,
        prediction_set=[label], ms=ms, shadow=shadow, created_at=moment,
    )  # fmt: skip


def make_answers(rng: random.Random, rows: Rows, shown: Prediction, people: list[User], after: datetime) -> None:
    """None to three people answer, some of them twice; reviewers decide some."""
    for author in rng.sample(people, rng.choice([0, 0, 1, 1, 2, 3])):
        for _ in range(rng.choice([1, 1, 1, 2])):
            after += timedelta(minutes=rng.randrange(1, 600))
            make_answer(rng, rows, shown, author, people, after)


def make_answer(
    rng: random.Random, rows: Rows, shown: Prediction, author: User, people: list[User], moment: datetime
) -> None:
    """One answer and what became of it; the author's earlier one, if it waits, is withdrawn."""
    earlier = rows.pending.pop((shown.face, author), None)
    if earlier is not None:
        earlier.state = "withdrawn"
    answer = rng.choices([shown.label, rng.randrange(7), 7, 8], [6, 4, 1, 1])[0]
    fields: dict[str, Any] = {"state": rng.choices(["pending", "approved", "rejected", "withdrawn"], [3, 5, 1, 1])[0]}
    if fields["state"] in ("approved", "rejected"):
        reviewer = rng.choice([one for one in people if one != author])
        fields |= {"reviewer": reviewer, "reviewed_at": moment + timedelta(minutes=rng.randrange(5000))}
    if fields["state"] == "approved" and answer <= 6:  # of the others, a reviewer agreed that there is no label
        fields["final_label"] = rng.choice([answer, answer, rng.randrange(7)])
    made = Correction(
        face=shown.face, author=author, prediction=shown if rng.random() < 0.95 else None, answer=answer,
        blind=rng.random() < 0.3, asked=rng.choice(["result", "api", "uncertain", "random"]), created_at=moment,
        **fields,
    )  # fmt: skip
    rows.corrections.append(made)
    if made.state == "pending":
        rows.pending[shown.face, author] = made
    if made.final_label is not None and rng.random() < 0.8:
        rows.samples.append(Sample(
            split=rng.choice(["train", "test"]), label=made.final_label, sha256=f"{rng.getrandbits(256):064x}",
            key="dataset/a.png", source="correction", correction=made, created_at=moment,
        ))  # fmt: skip
