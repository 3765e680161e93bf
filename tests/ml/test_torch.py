"""Training in plain PyTorch: the same network, and a fit that goes on after a kill as if there had been none."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ml.clean import TrainingSet
from ml.ensemble import join_networks
from ml.fitting import Progress, TrainingError, TrainingStopped, open_run
from ml.network import NETWORKS, build_network
from ml.recipe import TrainingConfig
from tests.ml.drawing import draw_crop

torch = pytest.importorskip(
    "torch", reason="PyTorch is not installed (pip install -r requirements-torch.txt): its trainer is not tested"
)
torch.set_num_threads(1)
pytestmark = pytest.mark.tensorflow
CONFIG = TrainingConfig(
    network="vgg-tiny", epochs=3, batch_size=32, learning_rate=1e-2, trainer="torch", dtype="float32", mixup=0.2
)


def drawn_faces(count: int, first: int) -> TrainingSet:
    images = np.stack([draw_crop(number % 7, first + number) for number in range(count)])
    targets = np.eye(7, dtype=np.float32)[np.arange(count) % 7]
    return TrainingSet(images, targets, targets)


def strange(network: Any) -> Any:
    """The network with other weights than it was made with: fresh normalisation hides what is mixed up."""
    rng = np.random.default_rng(3)
    network.set_weights([value + rng.uniform(0.01, 0.1, value.shape) for value in network.get_weights()])
    return network


def fit(out: Path, config: TrainingConfig = CONFIG, **more: Any) -> list[np.ndarray]:
    """The weights that a fit in `out` leaves behind; a fit that is there already goes on."""
    from ml.torch_fitting import fit_network

    open_run(out, dataclasses.asdict(config), resume=(out / "training").exists())
    network = build_network(config.network)
    if "start" in more:
        network.set_weights(more.pop("start"))
    fit_network(network, drawn_faces(140, 0), drawn_faces(35, 5000), config=config, out=out, **more)
    return list(network.get_weights())


@pytest.mark.parametrize("name", [*sorted(NETWORKS), "ensemble"])
def test_both_networks_say_the_same_and_weights_go_both_ways(name: str) -> None:
    from ml.torch_network import TorchNetwork

    parts = ["vgg-tiny", "mini-xception"] if name == "ensemble" else [name]
    built = [strange(build_network(part)) for part in parts]
    network = join_networks(built) if name == "ensemble" else built[0]
    crops = np.random.default_rng(0).standard_normal((3, 48, 48, 1), dtype=np.float32)
    translated = TorchNetwork(network).eval()

    def apart() -> float:
        with torch.no_grad():
            said = translated(torch.from_numpy(crops).permute(0, 3, 1, 2)).numpy()
        expected = np.asarray(network(crops, training=False))
        return float(np.abs(said - expected).max() / max(1.0, np.abs(expected).max()))

    assert apart() < 1e-4
    before = network.get_weights()
    with torch.no_grad():
        for number, tensor in enumerate([*translated.parameters(), *translated.buffers()]):
            if tensor.is_floating_point():
                tensor.mul_(1.0 + 0.01 * (number % 7))
    assert apart() > 1e-3
    translated.write_weights()
    assert apart() < 1e-4
    assert [value.shape for value in network.get_weights()] == [value.shape for value in before]


def test_a_layer_without_counterpart_is_refused() -> None:
    import keras

    from ml.torch_network import TorchNetwork

    crops = keras.Input((48, 48, 1))
    with pytest.raises(ValueError, match="UpSampling2D"):
        TorchNetwork(keras.Model(crops, keras.layers.UpSampling2D()(crops)))
    with pytest.raises(ValueError, match="gelu"):
        TorchNetwork(keras.Model(crops, keras.layers.Conv2D(2, 3, activation="gelu")(crops)))


def test_views_are_new_ones_but_the_same_for_one_seed() -> None:
    from ml.torch_views import RandomViews

    crops = torch.from_numpy(np.random.default_rng(1).standard_normal((64, 1, 48, 48), dtype=np.float32))

    def seeded(seed: int) -> Any:
        return torch.Generator().manual_seed(seed)

    views = RandomViews(shift=0.08, rotation=7.0, scale=0.13, erase=0.35, gamma=0.15, damage=0.5)
    seen = views(crops, seeded(1))
    assert seen.shape == crops.shape
    assert bool(torch.isfinite(seen).all())
    assert torch.equal(seen, views(crops, seeded(1)))
    assert not torch.equal(seen, views(crops, seeded(2)))

    plain = RandomViews(shift=0.0, rotation=0.0, scale=0.0, erase=0.0, gamma=0.0)(crops, seeded(1))
    mirrored = (plain - crops.flip(3)).abs().amax(dim=(1, 2, 3)) < 1e-4
    same = (plain - crops).abs().amax(dim=(1, 2, 3)) < 1e-4
    assert bool((mirrored ^ same).all())
    assert 10 < int(mirrored.sum()) < 54


def test_a_shift_moves_as_far_as_it_says() -> None:
    from ml.torch_views import RandomViews

    crops = torch.zeros(200, 1, 48, 48)
    crops[:, :, 24, 24] = 1.0
    moved = RandomViews(shift=0.25, rotation=0.0, scale=0.0, erase=0.0, gamma=0.0)(
        crops, torch.Generator().manual_seed(0)
    )
    rows = moved.amax(dim=(1, 3)).argmax(dim=1).float()
    assert rows.min() >= 11
    assert rows.max() <= 37
    assert rows.std() > 5


def test_a_fit_learns_and_one_that_was_stopped_ends_the_same(tmp_path: Path) -> None:
    import keras

    long = dataclasses.replace(CONFIG, epochs=6)
    keras.utils.set_random_seed(1)
    start = build_network("vgg-tiny").get_weights()
    told: list[Progress] = []

    def watch(progress: Progress) -> bool:
        told.append(progress)
        return True

    through = fit(tmp_path / "through", long, start=start, watch=watch)
    finished = [one.finished for one in told if one.finished]
    assert [round(one.share, 3) for one in told if one.finished] == [round(n / 6, 3) for n in range(1, 7)]
    assert finished[-1]["val_accuracy"] > 0.3  # chance: 0.14
    assert finished[-1]["loss"] < finished[0]["loss"]
    rows = (tmp_path / "through" / "training" / "log.csv").read_text().splitlines()
    assert len(rows) == 7

    with pytest.raises(TrainingStopped):
        fit(tmp_path / "stopped", long, start=start, watch=lambda progress: progress.epoch < 4)
    resumed = fit(tmp_path / "stopped", long, start=start)
    for one, other in zip(through, resumed, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_a_student_learns_from_its_teacher_alone(tmp_path: Path) -> None:
    teacher = strange(build_network("vgg-tiny"))
    kept = teacher.get_weights()
    config = dataclasses.replace(CONFIG, distill_weight=1.0, votes_weight=0.0, mixup=0.0)
    told: list[Progress] = []

    def watch(progress: Progress) -> bool:
        told.append(progress)
        return True

    fit(tmp_path, config, teacher=teacher, watch=watch)
    finished = [one.finished["loss"] for one in told if one.finished]
    assert finished[-1] < finished[0]
    for one, other in zip(kept, teacher.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_loss_that_is_no_number_ends_the_fit(tmp_path: Path) -> None:
    start = build_network("vgg-tiny").get_weights()
    start[0] = np.full_like(start[0], np.nan)
    with pytest.raises(TrainingError, match="diverged"):
        fit(tmp_path, start=start)
    assert not (tmp_path / "training" / "torch.pt").exists()
