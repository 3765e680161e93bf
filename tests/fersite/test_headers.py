"""Every response carries the security headers; photo links point to where the policy allows images from."""

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.test import Client
from pytest_django import Settings

from fersite.headers import content_security_policy, photo_origins


def test_headers(client: Client) -> None:
    headers = client.get("/healthz").headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"


def test_amazon_is_allowed_where_it_is_used(settings: Settings) -> None:
    settings.S3_PUBLIC_ENDPOINT_URL = None
    settings.AWS_STORAGE_BUCKET_NAME, settings.AWS_S3_REGION_NAME = "photos", "eu-central-1"
    assert "https://photos.s3.eu-central-1.amazonaws.com" in content_security_policy()


@pytest.mark.usefixtures("bucket")
def test_links_are_signed_for_the_public_address(settings: Settings) -> None:
    settings.S3_PUBLIC_ENDPOINT_URL = "https://photos.example.org"
    name = default_storage.save("test/link.txt", ContentFile(b"photo"))
    try:
        from fersite.s3 import PrivateS3Storage

        link = PrivateS3Storage(**settings.STORAGES["default"]["OPTIONS"]).url(name)
        assert link.startswith(photo_origins()[0] + "/")
        assert "X-Amz-Expires=300" in link
        assert "AWS4-HMAC-SHA256" in link
    finally:
        default_storage.delete(name)
