"""Temperature, prediction sets, and the figures that measure them."""

import numpy as np
import pytest

from ml.calibrate import Calibration, apply_calibration, fit_calibration, prediction_sets, softmax
from ml.evaluate import measure
from ml.reliability import expected_calibration_error


def overconfident(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Logits whose labels are drawn from a three times softer distribution than they claim."""
    rng = np.random.default_rng(seed)
    soft = rng.normal(0, 1.5, (count, 7))
    labels = np.array([rng.choice(7, p=row) for row in softmax(soft)])
    return (soft * 3).astype(np.float32), labels


def test_temperature_undoes_overconfidence() -> None:
    logits, labels = overconfident(4000, 1)
    calibration = fit_calibration(logits, labels)
    assert calibration.temperature == pytest.approx(3.0, rel=0.1)
    assert expected_calibration_error(softmax(logits), labels) > 0.1
    fresh_logits, fresh_labels = overconfident(4000, 2)
    assert expected_calibration_error(apply_calibration(fresh_logits, calibration), fresh_labels) < 0.03


def test_sets_hold_the_right_label_nine_times_of_ten() -> None:
    calibration = fit_calibration(*overconfident(4000, 1))
    logits, labels = overconfident(4000, 2)
    probabilities = apply_calibration(logits, calibration)
    figures = measure(probabilities, labels, prediction_sets(probabilities, calibration))
    assert figures["set_coverage"] == pytest.approx(0.9, abs=0.02)
    assert 1 <= figures["set_size"] < 7


def test_a_set_always_holds_the_most_probable_label() -> None:
    sets = prediction_sets(np.full((1, 7), 1 / 7), Calibration(1.0, 0.9, 0.9, 10))
    assert sets.sum() == 1


def test_nothing_to_fit_on_is_an_error() -> None:
    with pytest.raises(ValueError, match="at least one"):
        fit_calibration(np.zeros((0, 7), np.float32), np.zeros(0, np.int64))


def test_impossible_calibration_is_refused() -> None:
    with pytest.raises(ValueError, match="impossible"):
        Calibration.from_dict({"temperature": -1, "threshold": 0.1, "coverage": 0.9, "n": 3})


def test_figures_of_a_known_table() -> None:
    probabilities = np.eye(7)[[0, 1, 1, 6]] * 0.93 + 0.01
    labels = np.array([0, 1, 2, 6])
    figures = measure(probabilities, labels, probabilities > 0.5)
    assert figures["n"] == 4
    assert figures["accuracy"] == 0.75
    assert figures["confusion"][2] == [0, 1, 0, 0, 0, 0, 0]
    assert figures["per_class"]["disgust"] == pytest.approx({"precision": 0.5, "recall": 1.0, "f1": 2 / 3})
    assert figures["ece"] == pytest.approx(abs(0.75 - 0.94))
    assert figures["brier"] == pytest.approx((3 * (0.06**2 + 6 * 1e-4) + 0.94**2 + 0.99**2 + 5 * 1e-4) / 4)
