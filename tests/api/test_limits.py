"""GET /limits/: the numbers that are enforced, for everybody."""

import pytest
from pytest_django import Settings
from rest_framework.test import APIClient

from classifier.photos import images


@pytest.mark.parametrize("caller", ["owner", "stranger", "anonymous"])
def test_everybody_reads_what_is_enforced(request: pytest.FixtureRequest, settings: Settings, caller: str) -> None:
    settings.FERSITE_UPLOADS_PER_HOUR = 7
    client: APIClient = request.getfixturevalue(caller)
    response = client.get("/api/v1/limits/")
    assert response.status_code == 200
    assert response.json() == {
        "max_bytes": images.MAX_BYTES,
        "max_pixels": images.MAX_PIXELS,
        "min_side": images.MIN_SIDE,
        "formats": list(images.FORMATS),
        "uploads_per_hour": 7,
    }
    assert {"JPEG", "PNG", "WebP", "GIF", "BMP", "TIFF"} <= set(response.json()["formats"])
