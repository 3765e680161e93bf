"""Addresses of the dashboard's pages."""

from django.urls import URLPattern, URLResolver, path

from dashboard.web import alerts, views

app_name = "dashboard"
urlpatterns: list[URLPattern | URLResolver] = [
    path("", views.show_home, name="home"),
    path("alerts/", alerts.show_alerts, name="alerts"),
    path("<slug:page>/", views.show_page, name="page"),
    path("<slug:page>/<slug:chart>.csv", views.download_chart, name="csv"),
]
