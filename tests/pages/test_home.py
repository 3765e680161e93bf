"""The first page states the measured accuracy of the network that serves, or that there is none."""

from typing import Any

import pytest
from django.test import Client

from classifier.models import Version
from tests.api.rows import make_version


def read_home(client: Client) -> str:
    return client.get("/").content.decode().replace("\u00a0", " ").replace("&nbsp;", " ")


def test_without_a_network_it_says_so(anonymous: Client) -> None:
    assert "No network is installed yet" in read_home(anonymous)


def test_the_accuracy_is_the_champions(anonymous: Client) -> None:
    old = make_version("0.9.0", Version.State.RETIRED)
    champion = make_version("1.0.0")
    for version, accuracy in ((old, 0.512), (champion, 0.667)):
        per_class = {"happy": {"recall": 0.86}, "fear": {"recall": 0.27}}
        version.metrics = {"test": {"split": "public", "n": 3589, "accuracy": accuracy, "per_class": per_class}}
        version.save()
    page = read_home(anonymous)
    assert "67 %" in page
    assert "3,589 PublicTest images" in page
    assert "one answer in 3" in page
    assert "65 ± 5 %" in page
    assert "workers or pupils" in page
    assert "27 %" in page
    assert "51 %" not in page


@pytest.mark.parametrize("metrics", [{}, {"test": None}, {"test": {"accuracy": 2, "n": 5}}, {"test": {"n": 5}}, []])
def test_absent_figures_are_not_invented(anonymous: Client, metrics: Any) -> None:
    version = make_version("1.0.0")
    version.metrics = metrics
    version.save()
    page = read_home(anonymous)
    assert "is not measured" in page
    assert "65 ± 5 %" in page


def test_it_takes_one_query(anonymous: Client, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1):
        anonymous.get("/")
