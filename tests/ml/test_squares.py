"""The square around a face follows its parts, in any scale and place, and never far from where they lie."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ml import squares
from ml.__main__ import main
from ml.data import DataError
from ml.square_fit import MIN_FACES, fit_squares, gather_points
from ml.squares import MAX_LOG_SCALE, MAX_SHIFT, POINTS, align_square, find_square, read_fit
from tests.e2e.steps import CROPS


@pytest.fixture
def face() -> np.ndarray:
    """A face a little off the usual one: (15, 2)."""
    return read_fit()["usual"] + np.random.default_rng(3).normal(0, 0.01, (len(POINTS), 2))


def test_a_usual_face_has_the_whole_crop() -> None:
    center, side = find_square(read_fit()["usual"])
    assert center == pytest.approx([0.5, 0.5], abs=0.03)
    assert side == pytest.approx(1, abs=0.1)


def test_the_square_moves_and_grows_with_the_face(face: np.ndarray) -> None:
    center, side = find_square(face)
    moved, grown = find_square(face * 37 + [120, -4])
    assert moved == pytest.approx(center * 37 + [120, -4])
    assert grown == pytest.approx(side * 37)


def test_a_mirrored_face_has_the_mirrored_square(face: np.ndarray) -> None:
    mirrored = face[[0, 1, 3, 2, 4, 5, 7, 6, 9, 8, 10, 12, 11, 13, 14]] * [-1, 1] + [1, 0]
    mirrored[:2, 0] = mirrored[1::-1, 0]
    (x, y), side = find_square(face)
    (other_x, other_y), other_side = find_square(mirrored)
    assert (1 - other_x, other_y, other_side) == pytest.approx((x, y, side), abs=0.005)


def test_points_gone_astray_move_it_only_so_far(face: np.ndarray) -> None:
    face[13] += [2, -3]  # a chin above the forehead
    center, side, _ = align_square(face, read_fit()["usual"])
    found, found_side = find_square(face)
    assert (np.abs(found - center) <= side * MAX_SHIFT + 1e-9).all()
    assert abs(np.log(found_side / side)) <= MAX_LOG_SCALE + 1e-9


def test_a_face_that_lies_on_its_side_is_only_aligned() -> None:
    turned = (read_fit()["usual"] - 0.5) @ np.array([[0, 1], [-1, 0]]) + 0.5
    center, side = find_square(turned)
    assert center == pytest.approx([0.5, 0.5], abs=1e-6)
    assert side == pytest.approx(1)


def test_real_faces_are_seen_where_they_are() -> None:
    images = np.stack([np.asarray(Image.open(path).convert("L")) for path in sorted(CROPS.glob("*.png"))])
    points = gather_points(images)
    assert len(points) >= 0.7 * len(images)
    assert np.median(np.abs(points - read_fit()["usual"])) < 0.1


def test_the_fit_finds_what_the_points_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    """Faces whose crop lies beside them by twice what their nose does: the fit moves the square there."""
    random = np.random.default_rng(0)
    nose = random.normal(0, 0.02, 600)
    points = read_fit()["usual"] + random.normal(0, 0.004, (600, len(POINTS), 2))
    points[:, :, 0] += 2 * nose[:, None]
    points[:, 4, 0] -= nose
    fit = fit_squares(points)
    assert fit["faces"] == 600
    assert fit["spread_after"][0] < 0.5 * fit["spread_before"][0]

    fresh = {name: np.array(fit[name]) for name in ("usual", "weights", "offsets")}
    monkeypatch.setattr(squares, "read_fit", lambda: fresh)
    aligned = [align_square(face, np.array(fit["usual"]))[0][0] for face in points]
    found = [find_square(face)[0][0] for face in points]
    assert np.std(np.array(found) - 0.5) < 0.5 * np.std(np.array(aligned) - 0.5)


def test_too_few_faces_are_refused() -> None:
    with pytest.raises(DataError, match=f"only 3 faces were found, {MIN_FACES} are needed"):
        fit_squares(np.zeros((3, len(POINTS), 2)))


def test_command_says_what_is_missing(tiny_archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The archive holds drawings, hardly a face among them."""
    assert main(["squares", "--data", str(tiny_archive), "--faces", "20", "--out", str(tmp_path / "new.json")]) == 1
    assert "give more images" in capsys.readouterr().err
    assert not (tmp_path / "new.json").exists()
