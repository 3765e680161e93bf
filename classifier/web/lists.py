"""The visitor's own uploads, newest first, by status and by what their faces appear to be."""

from dataclasses import dataclass
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from classifier.models import Face, Label, Prediction, Upload
from classifier.web.presentation import Card, describe_faces

PAGE_SIZE = 24
STATUSES = {
    "done": ("Done", Q(status="done")),
    "working": ("In progress", Q(status__in=["pending", "running"])),
    "no_face": ("No face found", Q(status="no_face")),
    "failed": ("Failed", Q(status__in=["rejected", "dead"])),
}


@dataclass(frozen=True)
class UploadTile:
    upload: Upload
    cards: list[Card]


@login_required
@never_cache
@require_safe
def list_uploads(request: HttpRequest) -> HttpResponse:
    """A page of 24, in a number of queries that does not depend on them."""
    status, label = request.GET.get("status", ""), request.GET.get("label", "")
    uploads: QuerySet[Upload] = Upload.objects.owned_by(request.user).with_faces()
    if status in STATUSES:
        uploads = uploads.filter(STATUSES[status][1])
    if label in Label.labels:
        # What is asked blind is in no list of what the network said.
        uploads = uploads.exclude(asked_blind=True, revealed_at__isnull=True)
        uploads = uploads.filter(Exists(faces_labelled(Label.values[Label.labels.index(label)])))
    page = Paginator(uploads, PAGE_SIZE).get_page(request.GET.get("page"))
    chosen = {"status": status if status in STATUSES else "", "label": label if label in Label.labels else ""}
    context = {
        **chosen,
        "kept": urlencode({name: value for name, value in chosen.items() if value}),
        "page": page,
        "tiles": [UploadTile(upload, describe_faces(upload)) for upload in page],
        "statuses": [(key, words) for key, (words, _) in STATUSES.items()],
        "labels": Label.labels,
        "filtered": any(chosen.values()),
    }
    return render(request, "classifier/upload_list.html", context)


def faces_labelled(label: int) -> QuerySet[Face]:
    """Faces of an outer upload whose shown answer is `label`: the champion's, else the newest."""
    answers = Prediction.objects.shown().filter(face=OuterRef("pk"))
    champions = answers.filter(version__state="champion").values("label")[:1]
    newest = answers.order_by("-created_at", "-id").values("label")[:1]
    return (
        Face.objects.filter(upload=OuterRef("pk"))
        .annotate(champions=Subquery(champions), newest=Subquery(newest))
        .filter(Q(champions=label) | Q(champions__isnull=True, newest=label))
    )
