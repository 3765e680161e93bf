"""The address of /metrics, apart from the others: Prometheus expects it at the site's root."""

from django.urls import path

from dashboard.api.prometheus import metrics

urlpatterns = [path("", metrics, name="metrics")]
