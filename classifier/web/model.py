"""The public page of the network that serves: its card, its figures and their plots; and the card as JSON."""

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from classifier.models import Promotion, Version
from classifier.web.model_card import describe_card

KEPT_SECONDS = 60  # a promotion is seen after a minute at the latest


@cache_control(private=True, max_age=KEPT_SECONDS)  # private: the header names who is logged in
@require_safe
def show_model(request: HttpRequest) -> HttpResponse:
    champion = Version.objects.champions().first()
    if champion is None:
        return render(request, "classifier/model.html", {"version": None})
    since = Promotion.objects.filter(version=champion).first()
    return render(request, "classifier/model.html", {**describe_card(champion), "since": since})


@cache_control(public=True, max_age=KEPT_SECONDS)
@require_safe
def read_card(request: HttpRequest) -> JsonResponse:
    """The serving network's card as it was made; 404 while none serves."""
    champion = Version.objects.champions().first()
    if champion is None:
        raise Http404("no network serves")
    return JsonResponse(champion.card, safe=False, json_dumps_params={"indent": 1, "ensure_ascii": False})
