"""Addresses of the HTTP interface; the last one catches every path that is not there."""

from django.urls import URLPattern, URLResolver, path, re_path

from classifier.api.base import UnknownPath
from classifier.api.corrections import CorrectionListView, CorrectionView, OwnCorrectionsView
from classifier.api.drawing import FaceListView
from classifier.api.explanations import ExplanationView
from classifier.api.limits import LimitsView
from classifier.api.schema import SchemaView
from classifier.api.tokens import TokenView
from classifier.api.uploads import UploadListView, UploadView

app_name = "api"
urlpatterns: list[URLPattern | URLResolver] = [
    path("token/", TokenView.as_view(), name="token"),
    path("uploads/", UploadListView.as_view(), name="uploads"),
    path("uploads/<uuid:pk>/", UploadView.as_view(), name="upload"),
    path("uploads/<uuid:pk>/faces/", FaceListView.as_view(), name="upload_faces"),
    path("faces/<uuid:pk>/explanation/", ExplanationView.as_view(), name="explanation"),
    path("faces/<uuid:pk>/corrections/", CorrectionListView.as_view(), name="corrections"),
    path("corrections/", OwnCorrectionsView.as_view(), name="own_corrections"),
    path("corrections/<int:pk>/", CorrectionView.as_view(), name="correction"),
    path("limits/", LimitsView.as_view(), name="limits"),
    path("schema/", SchemaView.as_view(), name="schema"),
    re_path(r"", UnknownPath.as_view()),
]
