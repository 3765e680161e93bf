"""Settings of a run on the command line: read by their kind, refused with the reason."""

import argparse

import pytest

from ml.fitting import TrainingError
from ml.recipe import TrainingConfig
from ml.training_commands import read_config


def read(*settings: str) -> TrainingConfig:
    return read_config(argparse.Namespace(network="lenet", epochs=3, seed=4, trainer="tensorflow", set=list(settings)))


def test_settings_have_the_kind_of_their_default() -> None:
    config = read("batch_size=64", "dropout=0.25", "dtype=float32", "clean=false")
    assert config == TrainingConfig(
        network="lenet", epochs=3, seed=4, batch_size=64, dropout=0.25, dtype="float32", clean=False
    )
    assert read("clean=True").clean


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("batch_size=many", "batch_size must be of type int"),
        ("clean=perhaps", "clean must be of type bool"),
        ("colour=red", "no such setting"),
        ("teacher=abc", "no such setting"),
    ],
)
def test_bad_settings_are_named(setting: str, words: str) -> None:
    with pytest.raises(TrainingError, match=words):
        read(setting)
