"""The accuracy page without data, with little data, and with more: nothing fails, and the queries stay six."""

import pytest
from pytest_django import DjangoAssertNumQueries

from dashboard.charts.accuracy import build_accuracy
from dashboard.figures.intervals import FEWEST_REVIEWED
from dashboard.rollups.hours import roll_up
from tests.dashboard.history import make_history
from tests.dashboard.plain import last_days

pytestmark = pytest.mark.django_db


def test_nothing_at_all() -> None:
    for chart in build_accuracy(last_days(3)):
        assert not chart.is_enough
        assert chart.to_dict()["facts"] == {}


def test_few_reviews_are_not_shown() -> None:
    make_history(days=1, photos=20)
    roll_up()
    charts = {chart.name: chart for chart in build_accuracy(last_days(3))}
    assert 0 < charts["accuracy"].n < FEWEST_REVIEWED
    for name in ("accuracy", "corrected", "confusion", "classes", "reliability", "coverage"):
        assert not charts[name].is_enough


@pytest.mark.parametrize("photos", [5, 60])
def test_six_queries_however_many_rows(photos: int, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    make_history(days=3, photos=photos)
    roll_up()
    with django_assert_num_queries(6):
        build_accuracy(last_days(3))
