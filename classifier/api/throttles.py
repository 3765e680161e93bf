"""REST framework's side of classifier.rates."""

from typing import TYPE_CHECKING, cast

from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from classifier.rates import check_upload_rate

if TYPE_CHECKING:
    from accounts.models import User


class UploadThrottle(BaseThrottle):
    """FERSITE_UPLOADS_PER_HOUR for POST; reading is free."""

    seconds: int | None = None

    def allow_request(self, request: Request, view: APIView) -> bool:
        """Count the attempt, before its body is read."""
        self.seconds = check_upload_rate(cast("User", request.user)) if request.method == "POST" else None
        return self.seconds is None

    def wait(self) -> float | None:
        """Seconds until the next place."""
        return self.seconds
