"""Uploads and faces in admin. A photo is shown only if its owner agreed to share it for training."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.core.files.storage import default_storage
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html

from classifier.admin.base import ReadOnlyAdmin
from classifier.models import Face, Upload
from classifier.photos.upkeep import retry_upload

if TYPE_CHECKING:
    from django.utils.safestring import SafeString

NOT_SHARED = "not shared"


def show_image(key: str, *, shared: bool, size: int) -> "SafeString | str":
    """A private image by a link signed now, or a word where the owner did not share it."""
    if not shared:
        return NOT_SHARED
    if not key:  # a face that was drawn and waits for its worker
        return "–"
    return format_html('<img src="{}" alt="" height="{}">', default_storage.url(key), size)


@admin.register(Upload)
class UploadAdmin(ReadOnlyAdmin):
    """Where uploads stand; the dead ones can be sent through the queue again."""

    list_display = ("id", "owner", "status", "error", "source", "attempts", "face_count", "created_at", "finished_at")
    list_filter = ("status", "error", "source", "consent_training", "created_at")
    search_fields = ("=id", "=owner__username", "=sha256")
    list_select_related = ("owner",)
    date_hierarchy = "created_at"
    actions = ("try_again",)
    fields = (
        *("id", "owner", "status", "error", "source", "photo", "width", "height", "consent_training", "sha256"),
        *("attempts", "claimed_until", "due_at", "created_at", "finished_at"),
    )
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[Upload]:
        return super().get_queryset(request).annotate(faces_found=Count("faces"))

    @admin.display(description="faces", ordering="faces_found")
    def face_count(self, upload: Any) -> int:
        return int(upload.faces_found)

    @admin.display(description="photo")
    def photo(self, upload: Upload) -> "SafeString | str":
        return show_image(upload.image, shared=upload.consent_training, size=300)

    def has_retry_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("classifier.retry_upload")

    @admin.action(description="Try again (dead uploads)", permissions=["retry"])
    def try_again(self, request: HttpRequest, queryset: QuerySet[Upload]) -> None:
        """Send dead uploads through the queue again, and say how many could not be."""
        chosen = list(queryset)
        sent = sum(retry_upload(upload=upload) for upload in chosen)
        self.message_user(request, f"{sent} of {len(chosen)} will be tried again.", messages.SUCCESS)
        if sent < len(chosen):
            words = "The others are not dead, or their owner has uploaded the photo again."
            self.message_user(request, words, messages.WARNING)


@admin.register(Face)
class FaceAdmin(ReadOnlyAdmin):
    """Boxes that were found, of shared photos."""

    list_display = ("id", "upload", "index", "origin", "score", "crop_image")
    list_filter = ("origin",)
    search_fields = ("=id", "=upload__id")
    list_select_related = ("upload",)
    fields = ("id", "upload", "index", "x", "y", "width", "height", "score", "origin", "crop_image")
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[Face]:
        """Show shared photos only."""
        return Face.objects.shared().select_related("upload")

    @admin.display(description="crop")
    def crop_image(self, face: Face) -> "SafeString | str":
        """The crop that the network saw."""
        return show_image(face.crop, shared=face.upload.consent_training, size=48)
