"""What all admin pages of this room share."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.db.models import Model
from django.http import HttpRequest

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Any]
else:
    ModelAdmin = admin.ModelAdmin


class CarefulAdmin(ModelAdmin):
    """A list whose address was made up shows itself without filters, as Django's own do for most mistakes."""

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        """The list; filters that only fail when they reach the database or the calendar are wrong ones too."""
        try:
            return super().get_changelist_instance(request)
        except (ValueError, OverflowError) as error:  # a NUL, the year 9999
            raise IncorrectLookupParameters from error


class ReadOnlyAdmin(CarefulAdmin):
    """Rows can be looked at and searched; adding, editing and deleting is the use cases' business."""

    show_full_result_count = False
    list_per_page = 50

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False
