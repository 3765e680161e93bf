"""What migrations write into rows that are there already."""

from datetime import timedelta
from importlib import import_module

import pytest
from django.apps import apps
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.utils import timezone

from classifier.answers.corrections import give_answer
from classifier.dataset.approvals import WITHHELD
from classifier.models import BulkReview, Correction, Promotion, TrainingRun, Version
from classifier.training.registry import promote_version
from tests.factories import make_face, make_upload, make_user, make_version

pytestmark = pytest.mark.django_db


def fill_columns() -> None:
    migration = import_module("classifier.migrations.0018_states_are_columns")
    with connection.cursor() as cursor:  # 0019's trigger, which this migration never meets, lets all pass
        cursor.execute("SELECT set_config('pgtrigger.ignore', '{pgtrigger_keep_row_138a8}', true)")
    with connection.schema_editor() as editor:
        migration.fill_columns(apps, editor)


def test_waiting_work_keeps_its_due_time() -> None:
    until = timezone.now() + timedelta(seconds=40)
    waiting, running = (
        BulkReview.objects.create(
            reviewer=make_user(state), action="reject", corrections=[1], state=state, claimed_until=until
        )
        for state in ("pending", "running")
    )
    run = TrainingRun.objects.create(trigger="button")
    import_module("classifier.migrations.0017_leases").name_due_times(apps, None)
    for row in (waiting, running, run):
        row.refresh_from_db()
    assert (waiting.due_at, waiting.claimed_until) == (until, None)
    assert (running.due_at, running.claimed_until) == (None, until)
    assert run.due_at == run.created_at + timedelta(seconds=60)


def test_a_step_back_is_told_from_a_reason_that_somebody_typed() -> None:
    versions = {name: make_version(name, state="candidate") for name in "abc"}
    steps = [("a", "first"), ("b", "next"), ("c", "next"), ("a", "rolled back: typed"), ("c", "rolled back: worse")]
    for name, reason in steps:
        promote_version(version=versions[name], reason=reason)
    fill_columns()
    assert list(Promotion.objects.order_by("pk").values_list("kind", flat=True)) == ["promoted"] * 4 + ["rolled_back"]
    assert Promotion.objects.find_rollback_target() == versions["b"]


def test_why_an_approved_label_gives_no_sample() -> None:
    author = make_user()
    for number, reason in enumerate([*WITHHELD.values(), ""]):
        face = make_face(make_upload(author, number))
        correction = give_answer(face=face, author=author, answer=3, asked="result", prediction=None)
        Correction.objects.filter(pk=correction.pk).update(state="approved", final_label=3, reason=reason)
    fill_columns()
    assert list(Correction.objects.order_by("pk").values_list("withheld", flat=True)) == ["like_test", "replaced", ""]


def test_who_rejected_a_version_by_hand() -> None:
    boss, by_hand, at_gate = make_user("boss"), make_version("1", "rejected"), make_version("2", "rejected")
    LogEntry.objects.create(
        user=boss,
        content_type=ContentType.objects.get_for_model(Version),
        object_id=str(by_hand.pk),
        action_flag=CHANGE,
        change_message="Rejected: learned from spam",
    )
    fill_columns()
    for version in (by_hand, at_gate):
        version.refresh_from_db()
    assert (by_hand.rejected_by, by_hand.rejection_reason) == (boss, "learned from spam")
    assert by_hand.rejected_at == LogEntry.objects.get().action_time
    assert (at_gate.rejected_by, at_gate.rejected_at) == (None, None)
