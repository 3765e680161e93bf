"""Addresses of the dashboard in the HTTP interface; whatever is not here falls through to classifier.api's problem."""

from django.urls import URLPattern, URLResolver, path

from dashboard.api.views import PageListView, PageView

app_name = "dashboard_api"
urlpatterns: list[URLPattern | URLResolver] = [
    path("", PageListView.as_view(), name="pages"),
    path("<slug:page>/", PageView.as_view(), name="page"),
]
