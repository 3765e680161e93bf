"""manage.py rebuild_rollups puts wrong aggregates right and says how much it did; the task works off what is stale."""

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command

from dashboard import tasks
from dashboard.models import StaleHour, UploadRollup
from dashboard.rollups import hours
from dashboard.rollups.hours import roll_up
from tests.dashboard.history import make_history

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("rebuild_rollups", *arguments, stdout=out)
    return out.getvalue()


def read_uploads() -> list[tuple[Any, ...]]:
    return sorted(UploadRollup.objects.values_list("grain", "start", "source", "status", "error", "uploads"))


def test_puts_right_what_is_wrong() -> None:
    make_history(photos=30)
    roll_up()
    kept = read_uploads()
    UploadRollup.objects.update(uploads=7)
    found = json.loads(run("--json"))
    assert read_uploads() == kept
    assert found.keys() == {"hours", "seconds"}
    assert found["hours"] > 20
    assert 0 < found["seconds"] < 60


def test_says_so_in_words() -> None:
    assert run().startswith("0 hours computed anew in ")


def test_the_task_works_off_a_backlog_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    make_history(photos=60)
    stale = StaleHour.objects.values("hour").distinct().count()
    assert stale > tasks.PIECE_HOURS
    limits: list[int | None] = []
    whole = hours.roll_up

    def note(*, limit: int | None = None) -> int:
        limits.append(limit)
        return whole(limit=limit)

    monkeypatch.setattr(hours, "roll_up", note)
    assert tasks.roll_up() == stale
    assert set(limits) == {tasks.PIECE_HOURS}
    assert len(limits) == stale // tasks.PIECE_HOURS + 1
    assert tasks.roll_up() == 0


def test_the_task_gives_others_their_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    make_history(photos=60)
    monkeypatch.setattr(tasks, "TURN_SECONDS", -1.0)
    assert tasks.roll_up() == tasks.PIECE_HOURS
    assert StaleHour.objects.exists()
