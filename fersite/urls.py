"""Every address of the site, one line per room."""

from django.contrib import admin
from django.urls import include, path

from fersite import health

admin.autodiscover()
admin.site.site_header = "fersite admin"
admin.site.site_title = "fersite"

handler400 = "classifier.web.errors.bad_request"

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", include("dashboard.api.metrics_urls")),
    path("admin/", admin.site.urls),
    path("accounts/", include("accounts.urls")),
    path("api/v1/dashboard/", include("dashboard.api.urls")),
    path("api/v1/", include("classifier.api.urls")),
    path("dashboard/", include("dashboard.web.urls")),
    path("", include("classifier.web.urls")),
]
