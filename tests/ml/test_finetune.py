"""What a retraining learns from: old faces with what the network said of them, people's corrections, their weights."""

import dataclasses

import numpy as np
import pytest
from numpy.typing import NDArray

from ml.artifacts import Artifact
from ml.clean import hold_out
from ml.data import FaceData
from ml.finetune import _count_networks, mix_corrections, recall_answers
from ml.fitting import TrainingError
from ml.predict import Network
from ml.train import PreparedData
from tests.ml.drawing import draw_crop

HELD_OUT = 0.3
SAID = np.array([0.1, 0.2, 0.3, 0.1, 0.1, 0.1, 0.1])


def make_faces(first: int, number: int) -> FaceData:
    """Drawn faces of all labels in turn."""
    labels = np.arange(first, first + number) % 7
    images = np.stack([draw_crop(int(label), first + i) for i, label in enumerate(labels)])
    return FaceData(images, labels, np.full(number, -1), tuple(str(first + i) for i in range(number)))


def targets_of(images: NDArray[np.uint8], *parts: FaceData) -> NDArray[np.float32]:
    """The labels of images found again in parts, one-hot."""
    numbers = {image.tobytes(): label for part in parts for image, label in zip(part.images, part.labels, strict=True)}
    return np.eye(7, dtype=np.float32)[[numbers[image.tobytes()] for image in images]]


def weights_of(mixed: PreparedData, data: FaceData) -> list[float]:
    """What data's faces count in the loss."""
    own = {image.tobytes() for image in data.images}
    return [
        float(weight)
        for part in (mixed.train, mixed.selection)
        for image, weight in zip(part.images, part.weights if part.weights is not None else [], strict=True)
        if image.tobytes() in own
    ]


def test_old_faces_are_recalled_and_corrections_are_not() -> None:
    replay, corrections = make_faces(0, 60), make_faces(100, 20)
    asked: list[NDArray[np.uint8]] = []

    def recall(images: NDArray[np.uint8]) -> NDArray[np.float64]:
        asked.append(images)
        return np.tile(SAID, (len(images), 1))

    mixed = mix_corrections(replay, corrections, held_out=HELD_OUT, recall=recall, remembered=0.25)
    [seen] = asked
    old = len(seen)
    expected = {image.tobytes() for image in replay.images[~hold_out(replay.images, HELD_OUT)]}
    assert {image.tobytes() for image in seen} == expected
    assert np.array_equal(mixed.train.images[:old], seen)
    assert mixed.train.targets[:old] == pytest.approx(0.75 * targets_of(seen, replay) + 0.25 * SAID)
    new = mixed.train.images[old:]
    assert 0 < len(new) < len(corrections)
    assert np.array_equal(mixed.train.targets[old:], targets_of(new, corrections))
    assert np.array_equal(mixed.selection.targets, targets_of(mixed.selection.images, replay, corrections))


def test_without_recall_old_faces_keep_their_labels() -> None:
    replay = make_faces(0, 60)
    mixed = mix_corrections(replay, None, held_out=HELD_OUT)
    assert np.array_equal(mixed.train.targets, targets_of(mixed.train.images, replay))


@pytest.mark.parametrize(("number", "expected"), [(3, 2.0), (60, 0.4 / 0.6)])
def test_corrections_count_twice_but_make_up_two_fifths_at_most(number: int, expected: float) -> None:
    replay, corrections = make_faces(0, 60), make_faces(100, number)
    mixed = mix_corrections(replay, corrections, held_out=0.1)
    old, new = (weights_of(mixed, data) for data in (replay, corrections))
    assert len(set(old)) == len(set(new)) == 1
    assert new[0] / old[0] == pytest.approx(expected)
    assert np.mean(old + new) == pytest.approx(1)


def test_too_few_faces() -> None:
    with pytest.raises(TrainingError, match="too few to train on"):
        mix_corrections(make_faces(0, 3), None, held_out=0.0)


def test_what_goes_on_from_an_ensemble_is_as_many_networks(shipped: Artifact) -> None:
    """Of a card that names its members, and of one of a network that went on from them."""
    members = shipped.card["members"]
    own = dataclasses.replace(shipped, card={"origin": {"networks": len(members)}})
    assert _count_networks(shipped) == _count_networks(own) == len(members) > 1
    assert _count_networks(None) == _count_networks(dataclasses.replace(shipped, card={})) == 1


@pytest.mark.tensorflow
def test_recall_is_what_the_served_network_says(shipped: Artifact) -> None:
    images = make_faces(0, 4).images
    probabilities = recall_answers(shipped)(images)
    assert probabilities == pytest.approx(Network(shipped).classify_crops(images))
