"""Pages of 50, newest first, by cursor: stable while photos are added or erased in between."""

from datetime import UTC

from django.core.exceptions import ValidationError
from django.db import models
from rest_framework.exceptions import NotFound
from rest_framework.pagination import Cursor, CursorPagination
from rest_framework.request import Request

from classifier.api.problems import Problem


class NewestFirst(CursorPagination):
    """`{next, previous, results}`; next and previous are addresses or null."""

    page_size = 50
    ordering = ("-created_at", "-id")

    def decode_cursor(self, request: Request) -> Cursor | None:
        """The cursor of the address; a forged or broken one is 400 invalid_cursor."""
        try:
            cursor = super().decode_cursor(request)
            if cursor is not None and cursor.position is not None:
                moment = models.DateTimeField().to_python(cursor.position)
                moment.astimezone(UTC)  # PostgreSQL keeps UTC, where a moment near the ends of time does not exist
        except (NotFound, ValidationError, ValueError, OverflowError):
            raise Problem("invalid_cursor", "Follow next and previous as they were given.") from None
        return cursor
