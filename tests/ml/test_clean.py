"""ml.clean drops blank and non-face images, merges copies, and holds out the same images every time."""

import numpy as np

from ml.clean import clean_training, count_cleaned, hold_out, is_blank
from ml.data import FaceData
from ml.train import prepare_data
from tests.ml.drawing import draw_crop


def test_blank_is_what_has_no_contrast() -> None:
    flat = np.full((48, 48), 7, dtype=np.uint8)
    speck = flat.copy()
    speck[0, 0] = 40  # one pixel is still no face
    faint = (draw_crop(3, 1) // 8).astype(np.uint8)

    assert is_blank(np.stack([flat, speck, faint, draw_crop(3, 1)])).tolist() == [True, True, False, False]


def test_copies_become_one_image_with_the_mean_of_their_labels() -> None:
    crops = [draw_crop(0, 1), draw_crop(1, 2), draw_crop(0, 1), np.zeros((48, 48), dtype=np.uint8), draw_crop(2, 3)]
    labels = np.array([0, 1, 4, 0, 2])
    data = FaceData(np.stack(crops), labels, np.arange(5), tuple("abcde"))
    votes = np.zeros((5, 7), dtype=np.float32)
    votes[1, 1] = 1

    cleaned = clean_training(data, votes, np.array([0, 4, 0, 0, 5]))

    assert len(cleaned) == 2  # e is no face (5 of 10 voters), d is blank, c is a copy of a
    order = [int(np.argmax([np.array_equal(image, crop) for crop in crops])) for image in cleaned.images]
    assert sorted(order) == [0, 1]
    merged, single = order.index(0), order.index(1)
    np.testing.assert_allclose(cleaned.targets[merged], [0.5, 0, 0, 0, 0.5, 0, 0])
    np.testing.assert_allclose(cleaned.targets[single], np.eye(7)[1])
    np.testing.assert_allclose(cleaned.votes[single], votes[1])
    counts = {"blank": 1, "not_face": 1, "redundant_copies": 1, "conflicting_groups": 1}
    assert count_cleaned(data, np.array([0, 4, 0, 0, 5]), cleaned) == counts


def test_without_cleaning_all_is_trained_on_but_the_selection_set() -> None:
    """The selection set stays the same, and no copy of its images is trained on."""
    crops = np.stack([draw_crop(number % 7, number) for number in range(200)] + [draw_crop(0, 0)] * 3)
    data = FaceData(crops, np.arange(203) % 7, np.arange(203), ("",) * 203)
    cleaned = prepare_data(data, None, 0.2)
    raw = prepare_data(data, None, 0.2, clean=False)

    np.testing.assert_array_equal(raw.selection.images, cleaned.selection.images)
    assert len(raw.train) + len(raw.selection) + (3 if held_out_first(crops) else 0) == 203
    assert len(cleaned.train) + len(cleaned.selection) == 200
    held = {image.tobytes() for image in raw.selection.images}
    assert not held & {image.tobytes() for image in raw.train.images}
    assert (raw.cleaned, cleaned.cleaned["redundant_copies"]) == ({}, 3)


def held_out_first(crops: np.ndarray) -> bool:
    return bool(hold_out(crops[:1], 0.2)[0])


def test_hold_out_depends_on_the_pixels_only() -> None:
    images = np.stack([draw_crop(number % 7, number) for number in range(400)])
    chosen = hold_out(images, 0.25)

    assert 60 < chosen.sum() < 140
    np.testing.assert_array_equal(hold_out(images[::-1], 0.25)[::-1], chosen)
    assert not hold_out(images, 0).any()
    assert hold_out(images, 1).all()
