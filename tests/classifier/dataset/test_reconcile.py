"""manage.py reconcile_dataset finds where rows and bucket disagree, mends what it can and says what it cannot."""

import io
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.db import transaction
from django.utils import timezone

from classifier import tasks
from classifier.answers.corrections import give_answer
from classifier.dataset import mending, reconcile
from classifier.dataset.approvals import WITHHELD
from classifier.dataset.samples import add_sample, import_fer2013
from classifier.dataset.snapshots import load_images, read_snapshot, take_snapshot
from classifier.models import Correction, ObjectRemoval, Sample
from classifier.photos.erasure import erase_answers, erase_upload
from classifier.photos.intake import set_consent
from classifier.review.decisions import approve_answer
from classifier.storage.codec import encode_crop
from tests.factories import make_answer_with_crop, make_user
from tests.ml.archives import make_form
from tests.ml.drawing import draw_crop

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def dataset(db: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight samples of FER-2013 and one to train on that somebody's answer gave."""
    for module in ("samples", "reconcile"):
        monkeypatch.setattr(f"classifier.dataset.{module}.choose_split", lambda user_id: Sample.Split.TRAIN)
    (Path(settings.FERSITE_STATE) / "crops.npy").unlink(missing_ok=True)
    import_fer2013(path=make_form("CSV", tmp_path))
    add_correction(0)


def add_correction(number: int) -> Correction:
    correction = make_answer_with_crop(make_user(f"ada{number}"), draw_crop(3, 100 + number), number=number)
    return approve_answer(correction=correction, reviewer=make_user(f"ruth{number}"))


def run(*options: str) -> dict[str, Any]:
    """The JSON object, with the exit status as `status`."""
    out, status = io.StringIO(), 0
    try:
        call_command("reconcile_dataset", "--json", "--verbosity=0", *options, stdout=out)
    except SystemExit as ended:
        status = int(ended.code or 0)
    answer: dict[str, Any] = json.loads(out.getvalue())
    return answer | {"status": status}


def check(name: str, *options: str) -> tuple[int, int, int]:
    """found, mended and remaining of this check, and of no other one."""
    answer = run(*options)
    others = {other for other, outcome in answer["checks"].items() if outcome["found"] and other != name}
    assert others == set()
    outcome = answer["checks"][name]
    assert answer["remaining"] == (0 if outcome["harmless"] else outcome["remaining"])
    assert answer["status"] == (1 if answer["remaining"] else 0)
    return outcome["found"], outcome["mended"], outcome["remaining"]


def assert_agreement() -> None:
    answer = run("--deep")
    assert (answer["status"], answer["remaining"]) == (0, 0)


def age_objects(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if an hour had passed since the last object was stored."""
    for module in (reconcile, mending):
        monkeypatch.setattr(module, "ABANDONED_AFTER", timedelta(minutes=-1))


def replace(key: str, content: bytes) -> None:
    default_storage.delete(key)
    default_storage.save(key, ContentFile(content))


def test_a_sound_dataset_agrees() -> None:
    out = io.StringIO()
    call_command("reconcile_dataset", stdout=out)
    assert "9 samples, 9 images in the bucket" in out.getvalue()
    assert out.getvalue().endswith("rows and bucket agree\n")
    answer = run("--deep")
    assert (answer["samples"], answer["objects"], answer["in_flight"], answer["remaining"]) == (9, 9, 0, 0)
    assert answer["checks"]["objects_damaged"]["found"] == 0


def test_a_lost_crop_comes_from_its_face_again() -> None:
    sample = Sample.objects.get(source="correction")
    default_storage.delete(sample.key)
    assert check("objects_missing") == (1, 0, 1)
    assert check("objects_missing", "--fix") == (1, 1, 0)
    assert_agreement()


def test_a_lost_crop_of_fer2013_comes_from_a_copy_or_is_named() -> None:
    first, second = Sample.objects.filter(source="fer2013")[:2]
    load_images([entry for entry in read_snapshot(take_snapshot()) if entry.source_name == first.source_name])
    for sample in (first, second):
        default_storage.delete(sample.key)
    answer = run("--fix")
    outcome = answer["checks"]["objects_missing"]
    assert (outcome["found"], outcome["mended"], outcome["remaining"], answer["status"]) == (2, 1, 1, 1)
    assert outcome["examples"] == [
        f"{second.source_name} ({second.key}): no copy is left; restore it from a backup, or import it again"
    ]
    assert default_storage.exists(first.key)


@pytest.mark.parametrize("content", [b"no image", encode_crop(draw_crop(1, 77))])
def test_only_a_deep_look_finds_damaged_images(content: bytes) -> None:
    replace(Sample.objects.get(source="correction").key, content)
    assert run()["status"] == 0
    assert check("objects_damaged", "--deep") == (1, 0, 1)
    assert check("objects_damaged", "--deep", "--fix") == (1, 1, 0)
    assert_agreement()


def test_unknown_images_go_once_they_are_old(monkeypatch: pytest.MonkeyPatch) -> None:
    key = default_storage.save("dataset/train/happy/unknown.png", ContentFile(b"x"))
    assert (run("--fix")["in_flight"], default_storage.exists(key)) == (1, True)
    age_objects(monkeypatch)
    assert check("objects_unknown") == (1, 0, 1)
    assert check("objects_unknown", "--fix") == (1, 1, 0)
    assert not default_storage.exists(key)
    assert_agreement()


def test_an_image_that_got_its_row_in_between_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    age_objects(monkeypatch)
    key = Sample.objects.get(source="correction").key
    assert mending.remove_unknown([key]) == []
    assert default_storage.exists(key)


def test_a_sample_under_the_wrong_key_moves(monkeypatch: pytest.MonkeyPatch) -> None:
    sample = Sample.objects.get(source_name="Training_0")
    Sample.objects.filter(pk=sample.pk).update(label=5)
    assert check("keys_wrong") == (1, 0, 1)
    assert check("keys_wrong", "--fix") == (1, 1, 0)
    sample.refresh_from_db()
    assert sample.key == f"dataset/train/surprise/{sample.sha256}.png"
    age_objects(monkeypatch)
    assert check("objects_unknown", "--fix") == (1, 1, 0)  # the old one
    assert_agreement()


def test_what_is_shared_no_longer_leaves_and_comes_back_with_the_consent() -> None:
    sample = Sample.objects.get(source="correction")
    upload = Correction.objects.get().face.upload
    set_consent(upload=upload, shared=False)
    assert check("not_shared") == (1, 0, 1)
    assert_agreement()  # it is kept, and not used
    assert check("not_shared", "--fix") == (1, 1, 0)
    assert not default_storage.exists(sample.key)
    assert not ObjectRemoval.objects.exists()
    assert_agreement()
    set_consent(upload=upload, shared=True)
    assert check("samples_missing") == (1, 0, 1)
    assert check("samples_missing", "--fix") == (1, 1, 0)
    assert Sample.objects.get(source="correction").key == sample.key
    assert_agreement()


def test_a_shared_object_outlives_one_of_its_rows() -> None:
    twin = Sample.objects.get(source="correction")
    twin.pk, twin.source, twin.source_name, twin.correction = None, "fer2013", "Training_99", None
    twin.save()
    set_consent(upload=Correction.objects.get().face.upload, shared=False)
    assert check("not_shared", "--fix") == (1, 1, 0)
    assert default_storage.exists(twin.key)
    assert_agreement()


def test_a_sample_under_another_label_than_approved_is_made_anew() -> None:
    sample = Sample.objects.get(source="correction")
    Sample.objects.filter(pk=sample.pk).update(label=1)
    answer = run("--fix")
    assert (answer["status"], answer["checks"]["not_approved"]["mended"]) == (0, 1)
    assert answer["checks"]["samples_missing"]["mended"] == 1
    assert Sample.objects.get(source="correction").label == 4
    assert_agreement()


def test_an_answer_that_may_have_no_sample_says_so() -> None:
    correction = Correction.objects.get()
    Sample.objects.filter(source="correction").update(source="fer2013", correction=None, split="test")
    Sample.objects.filter(split="test").update(phash=None)
    frozen = Sample.objects.get(source_name=f"correction_{correction.pk}")
    replace(f"dataset/test/sad/{frozen.sha256}.png", encode_crop(draw_crop(3, 100)))
    Sample.objects.filter(pk=frozen.pk).update(key=f"dataset/test/sad/{frozen.sha256}.png")

    answer = run("--fix")

    assert answer["status"] == 0
    assert answer["checks"]["samples_missing"]["mended"] == 1
    correction.refresh_from_db()
    assert (correction.state, correction.reason) == ("approved", WITHHELD[Correction.Withheld.LIKE_TEST])
    assert correction.events.last().reason == WITHHELD[Correction.Withheld.LIKE_TEST]  # type: ignore[union-attr]
    assert not Sample.objects.filter(source="correction").exists()
    assert_agreement()


def test_an_answer_whose_face_is_gone_is_named() -> None:
    correction = Correction.objects.get()
    Sample.objects.filter(correction=correction).delete()
    default_storage.delete(correction.face.crop)
    assert check("samples_missing", "--fix") == (1, 0, 1)


def test_missing_hashes_are_filled() -> None:
    right = dict(Sample.objects.values_list("pk", "phash"))
    Sample.objects.update(phash=None)
    assert check("hashes_missing") == (9, 0, 9)
    assert check("hashes_missing", "--fix") == (9, 9, 0)
    assert dict(Sample.objects.values_list("pk", "phash")) == right


def test_lists_of_snapshots_come_back_where_the_rows_still_give_them() -> None:
    old = take_snapshot()
    add_correction(1)
    new = take_snapshot()
    set_consent(upload=Correction.objects.order_by("pk")[0].face.upload, shared=False)
    default_storage.delete(old.key)
    replace(new.key, b"no list")
    assert run()["checks"]["lists_missing"]["found"] == 1
    assert "lists_damaged" not in run()["checks"]
    answer = run("--deep")
    assert (answer["remaining"], answer["checks"]["lists_damaged"]["found"]) == (2, 1)
    assert run("--deep", "--fix")["remaining"] == 0
    assert (len(read_snapshot(old)), len(read_snapshot(new))) == (9, 10)
    default_storage.delete(old.key)  # and the withdrawn sample has gone now
    assert check("lists_missing", "--fix") == (1, 0, 1)


def test_a_sample_in_the_wrong_split_moves() -> None:
    sample = Sample.objects.get(source="correction")
    wrong = sample.key.replace("/train/", "/test/")
    replace(wrong, encode_crop(draw_crop(3, 100)))
    default_storage.delete(sample.key)
    Sample.objects.filter(pk=sample.pk).update(split="test", key=wrong)
    assert check("splits_wrong") == (1, 0, 1)
    face = Correction.objects.get().face
    content = encode_crop(draw_crop(3, 100))
    default_storage.delete(face.crop)
    assert check("splits_wrong", "--fix") == (1, 0, 1)
    assert default_storage.exists(wrong)  # its only copy
    replace(face.crop, content)
    assert check("splits_wrong", "--fix") == (1, 1, 0)
    assert Sample.objects.get(source="correction").key == sample.key
    assert not default_storage.exists(wrong)
    assert_agreement()


def test_two_labels_for_one_face_become_the_later_one() -> None:
    """As an older release left them."""
    first = Correction.objects.get()
    kept = Sample.objects.get(correction=first)
    bob = make_user("bob")
    second = give_answer(face=first.face, author=bob, answer=5, asked="random", prediction=None)
    approve_answer(correction=second, reviewer=make_user("rita"))
    replace(kept.key, encode_crop(draw_crop(3, 100)))
    kept.save(force_insert=True)
    Correction.objects.filter(pk=first.pk).update(reason="", withheld="")
    assert check("not_approved") == (1, 0, 1)
    answer = run("--fix")
    assert (answer["remaining"], answer["checks"]["samples_missing"]["mended"]) == (0, 1)
    assert Sample.objects.get(source="correction").correction == second
    first.refresh_from_db()
    assert (first.withheld, first.reason) == ("replaced", WITHHELD[Correction.Withheld.REPLACED])
    assert_agreement()
    with transaction.atomic():
        erase_answers(author=bob)
    assert check("samples_missing", "--fix")[1] == 1  # what replaced it is gone: it counts again
    first.refresh_from_db()
    assert (Sample.objects.get(source="correction").correction, first.reason) == (first, "")
    assert_agreement()


def test_what_remains_is_said_in_words() -> None:
    default_storage.delete(Sample.objects.get(source="correction").key)
    out = io.StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("reconcile_dataset", stdout=out)
    assert ended.value.code == 1
    assert "1 samples whose image the bucket has lost\n" in out.getvalue()
    assert "1 disagreements remain (--fix mends what can be mended)" in out.getvalue()


def test_without_a_bucket_nothing_is_claimed(monkeypatch: pytest.MonkeyPatch) -> None:
    from botocore.exceptions import EndpointConnectionError

    def refuse(prefix: str) -> dict[str, Any]:
        raise EndpointConnectionError(endpoint_url="http://127.0.0.1:1")

    monkeypatch.setattr(reconcile, "list_objects", refuse)
    with pytest.raises(CommandError, match="the bucket does not answer"):
        call_command("reconcile_dataset", "--fix")


def test_the_same_pixels_shared_again_survive_a_late_removal() -> None:
    """The first photo was erased while the bucket was away: its object is still to be removed."""
    sample = Sample.objects.get(source="correction")
    ObjectRemoval.objects.create(key=sample.key, due_at=timezone.now())
    correction = Correction.objects.get()
    Sample.objects.filter(pk=sample.pk).delete()
    add_sample(correction=correction, label=4)
    assert not ObjectRemoval.objects.exists()
    erase_upload(upload=correction.face.upload)
    assert_agreement()


def test_what_a_failed_commit_left_goes_by_itself(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    """Its owner has erased the photo before anybody could decide again."""
    correction = make_answer_with_crop(make_user("eve"), draw_crop(3, 200), number=7)
    with transaction.atomic():
        approve_answer(correction=correction, reviewer=make_user("rita"))
        transaction.set_rollback(True)  # the commit fails
    erase_upload(upload=correction.face.upload)
    assert (tasks.sweep_dataset(), run()["in_flight"]) == (0, 1)
    age_objects(monkeypatch)
    assert (tasks.sweep_dataset(), tasks.sweep_dataset()) == (1, 0)
    assert_agreement()

    name = settings.CELERY_BEAT_SCHEDULE["sweep-dataset"]["task"]
    assert name == tasks.sweep_dataset.name
    assert settings.CELERY_TASK_ROUTES[name] == {"queue": "upkeep"}


def test_a_photo_that_was_erased_while_it_was_mended_does_not_come_back() -> None:
    """Its pixels are still there: somebody shared the same under another label."""
    lost = Sample.objects.get(source="correction")
    twin = make_answer_with_crop(make_user("eve"), draw_crop(3, 100), number=7, answer=5)
    approve_answer(correction=twin, reviewer=make_user("rita"))
    default_storage.delete(lost.key)
    found = reconcile.find_lost()
    erase_upload(upload=Correction.objects.get(sample=lost).face.upload)
    assert mending.restore_objects(found) == []
    assert not default_storage.exists(lost.key)
    assert_agreement()


def test_an_answer_that_was_erased_meanwhile_lacks_nothing() -> None:
    correction = Correction.objects.get()
    Sample.objects.filter(correction=correction).delete()
    found = reconcile.find_unsampled()
    erase_upload(upload=correction.face.upload)
    assert (len(found), mending.add_samples(found)) == (1, [])
