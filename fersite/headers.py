"""Response headers that Django 5.2 does not set itself: Content-Security-Policy and Permissions-Policy."""

from collections.abc import Callable
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse


def photo_origins() -> list[str]:
    """Origins that signed photo links point to."""
    if settings.S3_PUBLIC_ENDPOINT_URL:
        parts = urlsplit(settings.S3_PUBLIC_ENDPOINT_URL)
        return [f"{parts.scheme}://{parts.netloc}"]
    bucket, region = settings.AWS_STORAGE_BUCKET_NAME, settings.AWS_S3_REGION_NAME
    return [f"https://{bucket}.s3.amazonaws.com", f"https://{bucket}.s3.{region}.amazonaws.com"]


def content_security_policy() -> str:
    """Everything from this origin; photos also from the S3 server; nothing inline."""
    images = " ".join(["'self'", "data:", "blob:", *photo_origins()])
    return (
        f"default-src 'none'; script-src 'self'; style-src 'self'; img-src {images}; font-src 'self'; "
        "connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )


class SecurityHeadersMiddleware:
    """Adds the two headers to every response."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self.policy = content_security_policy()

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Content-Security-Policy", self.policy)
        response.headers.setdefault("Permissions-Policy", "camera=(self), geolocation=(), microphone=()")
        return response
