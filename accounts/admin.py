"""Users in admin: only superusers may see or change them; roles are groups."""

from typing import TYPE_CHECKING

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.http import HttpRequest

from accounts.models import NoticeAcceptance, User

if TYPE_CHECKING:
    TabularInline = admin.TabularInline[NoticeAcceptance, User]
    BaseAdmin = UserAdmin[User]
else:
    TabularInline, BaseAdmin = admin.TabularInline, UserAdmin


class AcceptanceInline(TabularInline):
    """Which notices this user accepted; never edited."""

    model = NoticeAcceptance
    extra = 0
    can_delete = False
    readonly_fields = ("notice_version", "accepted_at")
    max_num = 0


@admin.register(User)
class AccountAdmin(BaseAdmin):
    """Django's own page for users, with the notices they accepted."""

    inlines = (AcceptanceInline,)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Never: the account page erases photos with the account; here their objects would stay in the bucket."""
        return False
