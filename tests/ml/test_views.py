"""The views whose answers are averaged."""

import numpy as np
import pytest
from PIL import Image

from ml.views import VIEWS, ZOOM, make_views


def test_views_come_one_after_another() -> None:
    inputs = np.random.default_rng(0).standard_normal((3, 48, 48, 1)).astype(np.float32)
    views = make_views(inputs, VIEWS)
    assert views.shape == (12, 48, 48, 1)
    assert np.array_equal(views[:3], inputs)
    assert np.array_equal(views[3:6], inputs[:, :, ::-1])
    assert np.array_equal(views[9:], views[6:9, :, ::-1])
    assert np.array_equal(make_views(inputs, ("mirror",)), views[3:6])


def test_a_closer_view_is_pillows_enlargement() -> None:
    smooth = np.add.outer(np.arange(48.0), np.sin(np.arange(48) / 5) * 20).astype(np.float32)
    margin = 24 * (1 - 1 / ZOOM)
    box = (margin, margin, 48 - margin, 48 - margin)
    enlarged = np.asarray(Image.fromarray(smooth).resize((48, 48), Image.Resampling.BILINEAR, box=box))
    closer = make_views(smooth[np.newaxis, :, :, np.newaxis], ("closer",))[0, :, :, 0]
    assert np.abs(closer - enlarged)[1:-1, 1:-1].max() < 0.1


def test_a_view_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="there is no view 'upside-down'"):
        make_views(np.zeros((1, 48, 48, 1), np.float32), ("upside-down",))
