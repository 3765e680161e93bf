"""Every address of the site, one line per room."""

from django.contrib import admin
from django.urls import include, path

from fersite import health

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("admin/", admin.site.urls),
    path("accounts/", include("accounts.urls")),
    path("api/v1/", include("classifier.api.urls")),
    path("", include("classifier.urls")),
]
