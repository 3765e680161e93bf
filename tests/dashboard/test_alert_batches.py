"""An alert about what the network answers has faces of its slice labelled first, once."""

import logging
from typing import Any

import pytest

from classifier.answers.batches import BatchError
from classifier.models import LabellingBatch
from dashboard.alerts import episodes
from dashboard.alerts.episodes import check_alerts
from dashboard.figures.measures import Window
from dashboard.models import Alert
from dashboard.rollups.hours import roll_up
from tests.dashboard.alerting import DAY, HOUR, NOW, look, make_rule, show_face
from tests.factories import make_user
from tests.reviews import add_answer

pytestmark = pytest.mark.django_db


def list_faces(batch: LabellingBatch | None) -> set[Any]:
    assert batch is not None
    return set(batch.batch_faces.values_list("face_id", flat=True))


def test_drift_opens_a_batch_of_the_window_s_faces() -> None:
    make_rule("brightness_drift", None, name="It is dark", window_hours=24, minimum=30, opens_batch=True)
    ada = make_user()
    for number in range(40):
        show_face(ada, moment=NOW - 3 * DAY, brightness=0.3 + number / 100)
    dark = {show_face(ada, brightness=0.04).pk for _ in range(35)}
    show_face(ada, brightness=0.04, shared=False)
    answered = show_face(ada, brightness=0.04)
    add_answer(ada, face=answered)
    roll_up()
    [alert] = check_alerts(now=NOW)
    assert alert.n == 37
    assert alert.value > alert.threshold > 0
    assert list_faces(alert.batch) == dark
    assert alert.batch is not None
    assert (alert.batch.name, alert.batch.why, alert.batch.created_by) == ("It is dark, 2026-03-10", alert.text, None)
    assert check_alerts(now=NOW + HOUR) == []
    assert LabellingBatch.objects.count() == 1


def test_the_slice_is_the_rule_s() -> None:
    fields = {"direction": "below", "window_hours": 24, "minimum": 3, "source": "api", "label": 2, "opens_batch": True}
    make_rule("estimated_accuracy", 0.5, **fields)
    ada = make_user()
    wanted = {show_face(ada, label=2, source="api", sure=0.3).pk for _ in range(4)}
    for label, source in ((2, "page"), (3, "api")):
        for _ in range(4):
            show_face(ada, label=label, source=source, sure=0.3)
    show_face(ada, label=2, source="api", moment=NOW - 2 * DAY)
    roll_up()
    [alert] = check_alerts(now=NOW)
    assert alert.n == 4
    assert list_faces(alert.batch) == wanted
    assert "from the API, taken for fear" in alert.text


def test_not_where_the_rule_does_not_say_so() -> None:
    make_rule("estimated_accuracy", 0.5, direction="below", window_hours=24)
    show_face(make_user(), sure=0.3)
    roll_up()
    [alert] = check_alerts(now=NOW)
    assert alert.batch is None


def test_never_for_what_labels_do_not_explain() -> None:
    make_rule(opens_batch=True)  # admin refuses it, a shell does not
    show_face(make_user())
    look(130)
    [alert] = check_alerts(now=NOW)
    assert alert.batch is None


def test_nothing_to_be_labelled() -> None:
    make_rule("estimated_accuracy", 0.5, direction="below", window_hours=24, opens_batch=True)
    show_face(make_user(), sure=0.3, shared=False)
    roll_up()
    [alert] = check_alerts(now=NOW)
    assert alert.batch is None


def test_a_batch_that_fails_does_not_silence_the_alert(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    make_rule("estimated_accuracy", 0.5, direction="below", window_hours=24, opens_batch=True)
    show_face(make_user(), sure=0.3)
    roll_up()

    def refuse(**kwargs: Any) -> None:
        raise BatchError("no")

    monkeypatch.setattr(episodes, "open_batch", refuse)
    with caplog.at_level(logging.ERROR):
        assert len(check_alerts(now=NOW)) == 1
    assert Alert.objects.get().batch is None
    assert "no batch could be opened" in caplog.text


def test_only_the_newest_faces_are_drawn_from(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(episodes, "SLICE", 3)
    rule = make_rule("estimated_accuracy", 0.5, direction="below", window_hours=72, opens_batch=True)
    ada = make_user()
    made = [show_face(ada, moment=NOW - number * 7 * HOUR) for number in range(8)]
    roll_up()
    window = Window.before(NOW, hours=72)
    found = episodes.find_slice(rule, window)
    assert set(found) == set(made[1:3])  # NOW itself is after the window, though in its last hour
    monkeypatch.setattr(episodes, "SLICE", 100)
    assert set(episodes.find_slice(rule, window)) == set(made[1:])
