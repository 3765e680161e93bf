"""REST framework's side of fersite.rates."""

from abc import abstractmethod
from typing import TYPE_CHECKING, cast

from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from fersite.rates import check_answer_rate, check_upload_rate

if TYPE_CHECKING:
    from accounts.models import User


class PostThrottle(BaseThrottle):
    """So many POSTs an hour for each user; reading is free."""

    seconds: int | None = None

    @abstractmethod
    def check(self, user: "User") -> int | None:
        """Count an attempt; the seconds to wait, or None."""

    def allow_request(self, request: Request, view: APIView) -> bool:
        """Count the attempt, before its body is read."""
        self.seconds = self.check(cast("User", request.user)) if request.method == "POST" else None
        return self.seconds is None

    def wait(self) -> float | None:
        """Seconds until another POST is let in."""
        return self.seconds


class UploadThrottle(PostThrottle):
    """At most FERSITE_UPLOADS_PER_HOUR of each user."""

    def check(self, user: "User") -> int | None:
        return check_upload_rate(user)


class AnswerThrottle(PostThrottle):
    """At most FERSITE_ANSWERS_PER_HOUR of each user."""

    def check(self, user: "User") -> int | None:
        return check_answer_rate(user)
