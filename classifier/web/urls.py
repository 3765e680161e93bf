"""Addresses of the product's pages."""

from django.templatetags.static import static
from django.urls import URLPattern, URLResolver, path
from django.views.generic import RedirectView

from classifier.api import page
from classifier.web import (
    account,
    answers,
    drawing,
    explanations,
    home,
    labelling,
    lists,
    model,
    own_answers,
    results,
    uploads,
)


class FaviconView(RedirectView):
    """Browsers ask for this address wherever no page tells them ours."""

    def get_redirect_url(self, *args: object, **kwargs: object) -> str:
        """Look the name up when asked: a collected file's name has its hash."""
        return static("img/favicon.svg")


urlpatterns: list[URLPattern | URLResolver] = [
    path("", home.show_home, name="home"),
    path("favicon.ico", FaviconView.as_view()),
    path("model/", model.show_model, name="model"),
    path("model/card.json", model.read_card, name="model_card"),
    path("upload/", uploads.upload_photos, name="upload"),
    path("uploads/", lists.list_uploads, name="uploads"),
    path("uploads/<uuid:pk>/", results.show_upload, name="upload_detail"),
    path("uploads/<uuid:pk>/state", results.read_state, name="upload_state"),
    path("uploads/<uuid:pk>/image", results.show_image, name="upload_image"),
    path("uploads/<uuid:pk>/delete", results.delete_upload, name="upload_delete"),
    path("uploads/<uuid:pk>/answers", results.show_answers, name="upload_answers"),
    path("uploads/<uuid:pk>/consent", results.change_consent, name="upload_consent"),
    path("uploads/<uuid:pk>/faces", drawing.add_face, name="upload_faces"),
    path("faces/<uuid:pk>/", results.show_face, name="face"),
    path("faces/<uuid:pk>/answer", answers.answer_face, name="face_answer"),
    path("faces/<uuid:pk>/explanation", explanations.explain_face, name="face_explanation"),
    path("faces/<uuid:pk>/crop", results.show_crop, name="face_crop"),
    path("label/", labelling.label_faces, name="label"),
    path("label/<uuid:pk>/crop", labelling.show_shared_crop, name="label_crop"),
    path("answers/", own_answers.list_answers, name="answers"),
    path("api/", page.show_api, name="api_page"),
    path("account/delete/", account.delete_account, name="account_delete"),
]
