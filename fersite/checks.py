"""System checks of this project's own settings: what Django's `check` cannot know."""

import re
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register


@register("fersite")
def check_settings(**kwargs: Any) -> list[CheckMessage]:
    """Errors for values that would only fail later, at the first request or upload."""
    found: list[CheckMessage] = []
    if len(settings.SECRET_KEY) < 50 or len(set(settings.SECRET_KEY)) < 5:
        found.append(Error("SECRET_KEY must have at least 50 characters, 5 of them different.", id="fersite.E001"))
    if not re.fullmatch(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", settings.AWS_STORAGE_BUCKET_NAME):
        found.append(Error("AWS_STORAGE_BUCKET_NAME is not a valid S3 bucket name.", id="fersite.E002"))
    for name in ("FERSITE_UPLOADS_PER_HOUR", "FERSITE_SIGNUPS_PER_HOUR", "FERSITE_ANSWERS_PER_HOUR"):
        if getattr(settings, name) < 1:
            found.append(Error(f"{name} must be at least 1.", id="fersite.E003"))
    if 0 < len(settings.FERSITE_METRICS_TOKEN) < 20:
        found.append(Error("FERSITE_METRICS_TOKEN must have at least 20 characters, or none.", id="fersite.E004"))
    return found
