"""Versions and promotions in admin: which networks there are, which serves, and the buttons that change it."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse

from classifier.admin.base import ReadOnlyAdmin
from classifier.admin.training import check_button, may_manage
from classifier.models import Promotion, Version
from classifier.registry import (
    RegistryError,
    choose_shadow,
    find_rollback_target,
    promote_version,
    reject_version,
    roll_back,
)


@admin.register(Version)
class VersionAdmin(ReadOnlyAdmin):
    """Networks with their figures."""

    list_display = ("name", "state", "is_shadow", "accuracy", "parent", "snapshot", "created_at", "digest")
    list_filter = ("state",)
    list_select_related = ("parent", "snapshot")
    search_fields = ("name", "=digest")
    fields = ("name", "state", "is_shadow", "digest", "parent", "snapshot", "metrics", "card", "created_at")
    readonly_fields = fields
    change_form_template = "admin/classifier/version/change_form.html"

    @admin.display(description="accuracy on the test split")
    def accuracy(self, version: Version) -> str:
        """As a percentage with n, or a dash where it was not measured."""
        figures = version.metrics.get("test")
        return f"{figures['accuracy']:.1%} (n = {figures['n']:,})" if figures else "–"

    def get_urls(self) -> list[URLPattern]:
        """With the addresses of the buttons."""
        view = self.admin_site.admin_view
        return [
            path("<int:pk>/act/<slug:what>/", view(self.act_view), name="classifier_version_act"),
            *super().get_urls(),
        ]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """One version, with what can be done about it."""
        version = self.get_object(request, object_id)
        more = {
            "version": version,
            "may_manage": may_manage(request),
            "rollback": find_rollback_target() if version and version.state == Version.State.CHAMPION else None,
            "decisions": version.decisions.select_related("champion") if version else [],
        }
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **more})

    def act_view(self, request: HttpRequest, pk: int, what: str) -> HttpResponse:
        """Promote, roll back, reject, or let it answer silently beside the champion."""
        check_button(request)
        version = get_object_or_404(Version, pk=pk)
        reason = request.POST.get("reason", "").strip()
        actor: Any = request.user
        actions: dict[str, Callable[[], object]] = {
            "promote": lambda: promote_version(version=version, actor=actor, reason=reason),
            "rollback": lambda: roll_back(champion=version, actor=actor, reason=reason),
            "reject": lambda: reject_version(version=version),
            "shadow": lambda: choose_shadow(version=version),
            "unshadow": lambda: choose_shadow(version=None),
        }
        try:
            if what in ("promote", "rollback") and not reason:
                raise RegistryError("Say why: it is kept with the promotion.")
            actions.get(what, lambda: None)()
            self.message_user(request, "Done. Running workers follow within ten seconds.")
        except RegistryError as error:
            self.message_user(request, str(error), messages.ERROR)
        return HttpResponseRedirect(reverse("admin:classifier_version_change", args=[pk]))


@admin.register(Promotion)
class PromotionAdmin(ReadOnlyAdmin):
    """Every change of the serving version."""

    list_display = ("at", "version", "previous", "actor", "reason")
    list_filter = ("version",)
    list_select_related = ("version", "previous", "actor")
    fields = ("at", "version", "previous", "actor", "reason")
    readonly_fields = fields
