"""The page of the network that serves: the figures of its card, for everybody, and nothing that the card lacks."""

import json
import re
from typing import Any

import pytest
from django.test import Client

from classifier.models import GateDecision, Label, Promotion, Version
from ml.artifacts import default_artifact, load_artifact
from tests.api.rows import make_version


def read(client: Client, path: str = "/model/") -> str:
    response = client.get(path)
    assert response.status_code == 200
    return re.sub(r"\s+", " ", response.content.decode().replace("\u00a0", " "))


@pytest.fixture
def shipped(db: None) -> Version:
    """The shipped network, as champion."""
    artifact = load_artifact(default_artifact())
    version = make_version(artifact.version)
    version.card, version.metrics = artifact.card, artifact.metrics
    version.save()
    Promotion.objects.create(version=version, reason="first")
    return version


def test_everybody_sees_it(anonymous: Client, owner: Client, shipped: Version) -> None:
    assert f"Version {shipped.name}, serving since" in read(anonymous)
    assert f"Version {shipped.name}, serving since" in read(owner)


def test_every_figure_is_the_cards(anonymous: Client, shipped: Version) -> None:
    page = read(anonymous)
    for figures in shipped.card["metrics"].values():
        for text in (f"{figures['n']:,}", f"{100 * figures['accuracy']:.1f} %", f"{figures['nll']:.3f}"):
            assert text in page
    main = shipped.card["metrics"]["test"]
    for row in main["confusion"]:
        for count in row:
            assert f">{count:,}<small>" in page
    for values in main["per_class"].values():
        assert f"{100 * values['recall']:.1f} %" in page
    for bar in main.get("reliability", []):
        if bar["n"]:
            assert f"<td>{100 * bar['confidence']:.1f} %</td><td>{100 * bar['accuracy']:.1f} %</td>" in page
    numbers = re.search(r'<script id="model-numbers" type="application/json">(.*?)</script>', page)
    assert numbers
    assert json.loads(numbers[1]).get("reliability", []) == [bar for bar in main.get("reliability", []) if bar["n"]]
    assert json.loads(numbers[1])["classes"] == [{"label": name, **main["per_class"][name]} for name in Label.labels]
    for row in shipped.card["comparison"]:
        assert f"{100 * row['accuracy']:.1f} %" in page
    assert "AI Act" in page


def test_a_retrained_network(anonymous: Client, shipped: Version) -> None:
    """Its figures on a test set are the gate's; its parent's members did not make it."""
    own = make_version("run-1", state="candidate")
    own.metrics = own.card["metrics"] = {"selection": shipped.card["metrics"]["selection"]}
    own.card |= {"members": shipped.card["members"], "command": "training run 7", "data": {"name": "snapshot 3"}}
    own.card["origin"] = {"parent": shipped.name, "networks": 3, "epochs": 2, "corrections": 1200}
    own.parent = shipped
    network = {"accuracy": 0.7031, "ece": 0.0123, "nll": 0.8}
    Version.objects.filter(pk=shipped.pk).update(state="retired")
    own.state = "champion"
    own.save()
    frozen = {"n": 3589, "champion": network, "candidate": network}
    GateDecision.objects.create(version=own, champion=shipped, outcome="promoted", report={"frozen": frozen})
    page = read(anonymous)
    for words in (
        "<strong>70.3 %</strong>", "<strong>0.012</strong>", "at the gate, on the 3,589 frozen test faces",
        "held out of what it learned from", "Made with", "training run 7",
        f"Fine-tuned from version {shipped.name}, the mean of 3 networks, in 2 epochs, with 1,200 corrections by",
    ):  # fmt: skip
        assert words in page
    for words in ("Joined with", "Its answer is the mean of", "held out of FER-2013", "FER+ voters"):
        assert words not in page


def test_a_card_without_the_later_figures(anonymous: Client, shipped: Version) -> None:
    for figures in shipped.card["metrics"].values():
        for name in ("reliability", "ece_band", "halves", "accuracy_interval"):
            figures.pop(name, None)
    shipped.card.pop("members", None)
    shipped.save()
    page = read(anonymous)
    assert 'data-plot="reliability"' not in page
    assert 'data-plot="answered"' in page
    assert "random halves" not in page
    assert "The mean gap between" in page


@pytest.mark.parametrize("card", [{}, {"metrics": {}}, [], {"metrics": {"test": {"n": "many", "confusion": [1]}}}])
def test_a_version_without_a_card(anonymous: Client, card: Any) -> None:
    version = make_version("2.0.0")
    version.card = card
    version.save()
    assert "Version 2.0.0" in read(anonymous)


def test_no_network_serves(anonymous: Client, db: None) -> None:
    assert "No network is installed yet" in read(anonymous)
    assert anonymous.get("/model/card.json").status_code == 404


def test_what_is_kept_by_others(anonymous: Client, owner: Client, shipped: Version) -> None:
    """A cache between may keep the card for all; the page names who is logged in, so only their browser may."""
    assert "private" in owner.get("/model/")["Cache-Control"]
    assert "public" in anonymous.get("/model/card.json")["Cache-Control"]


def test_the_card_itself(anonymous: Client, shipped: Version) -> None:
    assert json.loads(anonymous.get("/model/card.json").content) == shipped.card


def test_a_hostile_card_is_only_text(anonymous: Client, shipped: Version) -> None:
    shipped.card["command"] = "<script>alert(1)</script>"
    shipped.card["comparison"][0]["who"] = "</script><script>alert(2)</script>"
    shipped.save()
    assert "<script>alert" not in read(anonymous)


def test_it_takes_two_queries(anonymous: Client, shipped: Version, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(2):
        anonymous.get("/model/")


def test_only_reading(anonymous: Client, shipped: Version) -> None:
    assert anonymous.post("/model/").status_code in (403, 405)
