"""The distance from a reference, and how far chance alone goes."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial.distance import jensenshannon

from dashboard.figures.drift import (
    CHUNK_SIZES,
    DRIFT_MEASURES,
    MIN_CHUNK,
    drift_threshold,
    find_training_counts,
    js_distance,
    measure_drift,
)

SIZES = (3, 8, 20, 41, 55, 74, 90, 81, 60, 39, 20, 7, 2)  # 500 faces


def find_reference(name: str) -> tuple[int, ...]:
    return find_training_counts(name) or SIZES


def draw(counts: tuple[int, ...], n: int, times: int, seed: int = 7) -> NDArray[np.int64]:
    """(times, k): chunks of n faces of the same shares."""
    shares = np.array(counts) / sum(counts)
    return np.random.default_rng(seed).multinomial(n, shares, size=times)


def test_distance_is_scipys() -> None:
    generator = np.random.default_rng(3)
    for _ in range(50):
        left, right = generator.integers(0, 4, size=(2, 20))
        assert js_distance(left.tolist(), right.tolist()) == pytest.approx(jensenshannon(left, right, base=2))


def test_distance_of_the_same_shares_is_0_and_of_nothing_in_common_1() -> None:
    assert js_distance([1, 2, 0], [10, 20, 0]) == 0
    assert js_distance([1, 2, 0], [0, 0, 5]) == 1


def test_distance_by_hand() -> None:
    # Middle (¾, ¼): ½(½·log₂⅔ + ½·log₂2) + ½·log₂(4/3) = 0.31128, its root 0.55792.
    assert js_distance([1, 1], [1, 0]) == js_distance([1, 0], [1, 1]) == pytest.approx(0.55792, abs=1e-5)


def test_no_distance_between_no_faces() -> None:
    with pytest.raises(ValueError, match="no faces"):
        js_distance([0, 0], [1, 2])
    with pytest.raises(ValueError, match="no faces"):
        js_distance([1, 2], [0, 0])


@pytest.mark.parametrize("name", DRIFT_MEASURES)
def test_few_false_alarms(name: str) -> None:
    reference = find_reference(name)
    found = [measure_drift(name, chunk.tolist(), reference) for chunk in draw(reference, 150, 300)]
    assert sum(one is None or one.is_above for one in found) < 0.02 * len(found)


def test_a_small_reference_does_not_make_every_large_chunk_an_alarm() -> None:
    alarms = 0
    for number, reference in enumerate(draw(SIZES, 500, 100)):
        for chunk in draw(SIZES, 5000, 3, seed=100 + number):
            found = measure_drift("size", chunk.tolist(), reference.tolist())
            alarms += found is None or found.is_above
    assert alarms < 0.02 * 300


def test_a_shift_of_brightness_is_noticed() -> None:
    reference = find_reference("brightness")
    darker = (*reference[2:], 0, 0)  # a tenth of white
    found = [measure_drift("brightness", chunk.tolist()) for chunk in draw(darker, 150, 100)]
    assert sum(one is not None and one.is_above for one in found) >= 95


@pytest.mark.parametrize("name", DRIFT_MEASURES)
def test_threshold_falls_with_the_number_of_faces(name: str) -> None:
    numbers = [MIN_CHUNK, 40, 50, 75, 100, 150, 200, 500, 700, 1000, 3000, 10_000, 30_000, 100_000]
    found = [drift_threshold(name, n, find_reference(name)) for n in numbers]
    assert found == sorted(found, reverse=True)
    assert found[0] < 1
    assert found[-1] < found[0] / 3
    assert drift_threshold(name, 10**7, find_reference(name)) == found[-1]


def test_threshold_is_three_deviations_above_the_mean_of_chance() -> None:
    reference = find_reference("confidence")
    for n in (CHUNK_SIZES[2], 300):  # of the grid, and between
        anew = draw(reference, sum(reference), 2000, seed=11)
        found = np.array([jensenshannon(*pair, base=2) for pair in zip(draw(reference, n, 2000), anew, strict=True)])
        assert drift_threshold("confidence", n) == pytest.approx(found.mean() + 3 * found.std(), rel=0.06)


def test_too_few_faces_or_no_reference_give_no_value() -> None:
    chunk = draw(SIZES, MIN_CHUNK, 1)[0].tolist()
    assert measure_drift("size", chunk, SIZES) is not None
    assert measure_drift("size", chunk) is None
    assert measure_drift("size", [MIN_CHUNK - 1, *[0] * 12], SIZES) is None
    with pytest.raises(ValueError, match="no threshold"):
        drift_threshold("size", 100)
    with pytest.raises(ValueError, match="no threshold"):
        drift_threshold("label", MIN_CHUNK - 1)


def test_a_reference_of_one_bucket_has_a_threshold_of_0() -> None:
    found = measure_drift("size", [0, 40], [0, 500])
    assert found == (0, 0)
    assert found is not None
    assert not found.is_above
