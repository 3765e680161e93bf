"""Which trainer a run gets, and what only one of them can do; needs neither of them."""

import sys
from pathlib import Path

import numpy as np
import pytest

from ml.artifacts import Artifact
from ml.calibrate import apply_calibration
from ml.clean import TrainingSet
from ml.fitting import TrainingError, fit_network
from ml.predict import Network
from ml.processor import knows_bfloat16, names_bfloat16
from ml.recipe import TrainingConfig
from ml.train import choose_trainer, remember_answers
from ml.trainer import choose_dtype
from tests.ml.drawing import draw_crop


def test_tensorflow_is_the_default() -> None:
    assert choose_trainer(TrainingConfig()) is fit_network


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (TrainingConfig(trainer="theano"), "unknown trainer"),
        (TrainingConfig(mixup=0.2), "--trainer torch"),
        (TrainingConfig(damage=0.2), "--trainer torch"),
    ],
)
def test_what_a_trainer_cannot_do_is_refused(config: TrainingConfig, said: str) -> None:
    with pytest.raises(TrainingError, match=said):
        choose_trainer(config)


def test_without_pytorch_its_trainer_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("ml.torch_")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "torch", None)  # an import then fails as if it were not installed
    with pytest.raises(TrainingError, match=r"requirements-torch\.txt"):
        choose_trainer(TrainingConfig(trainer="torch"))


def test_remembered_answers_are_part_of_the_targets_and_are_kept(shipped: Artifact, tmp_path: Path) -> None:
    images = np.stack([draw_crop(number % 7, number) for number in range(6)])
    labels = np.eye(7, dtype=np.float32)[:6]
    said = apply_calibration(Network(shipped).compute_logits(images), shipped.calibration)
    for _ in range(2):  # the second time from the file
        train = TrainingSet(images, labels.copy(), labels)
        remember_answers(shipped.path, train, 0.25, tmp_path / "remembered.npy")
        np.testing.assert_allclose(train.targets, 0.75 * labels + 0.25 * said, atol=1e-5)
    assert [file.name for file in tmp_path.iterdir()] == ["remembered.npy"]


@pytest.mark.parametrize(
    ("cpuinfo", "known"),
    [
        ("processor\t: 0\nflags\t\t: fpu avx2 avx512f avx512_bf16\n", True),
        ("flags\t\t: fpu amx_bf16 amx_tile\n", True),
        ("Features\t: fp asimd bf16\n", True),
        ("flags\t\t: fpu avx avx2\nmodel name\t: bf16\n", False),
        ("", False),
    ],
)
def test_bfloat16_is_read_off_the_processors_flags(cpuinfo: str, known: bool) -> None:
    assert names_bfloat16(cpuinfo) is known


@pytest.mark.tensorflow
def test_half_precision_is_used_only_where_the_machine_has_it() -> None:
    import keras

    assert choose_dtype("float32") == "float32"
    if all(name.lower().startswith("cpu") for name in keras.distribution.list_devices()):
        assert choose_dtype("mixed_bfloat16") == ("mixed_bfloat16" if knows_bfloat16() else "float32")
