"""The dashboard in the HTTP interface: the pages, and the charts of each, for staff with a token or a session."""

from typing import Any, cast

from django.http import Http404
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.permissions import BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import User
from accounts.roles import is_dashboard_staff
from classifier.api.base import ApiView
from classifier.api.problems import Problem
from classifier.api.schema import SIGNED_IN, describe_problems
from classifier.models import Label, Upload
from dashboard.api.serializers import PageListSerializer, PageSerializer
from dashboard.charts.pages import PAGES
from dashboard.figures.scope import DAY, DEFAULT_DAYS, MOST_DAYS, Scope, ScopeForm
from dashboard.models import Grain

# The filters of the pages but for the second version: two requests read two.
FILTERS = ("since", "until", "version", "source", "label")
TAGS = ["dashboard"]


class IsDashboardStaff(BasePermission):
    """Lets in who may see the dashboard's pages."""

    message = "The dashboard is for staff."

    def has_permission(self, request: Request, view: Any) -> bool:
        """Whether the caller may; asked after IsAuthenticated."""
        return is_dashboard_staff(cast(User, request.user))


class DashboardView(ApiView):
    """Signed in, and staff."""

    permission_classes = (IsAuthenticated, IsDashboardStaff)


class PageListView(DashboardView):
    """What there is."""

    @extend_schema(
        operation_id="list_dashboard_pages",
        summary="The pages of the dashboard and their addresses",
        tags=TAGS,
        responses={200: PageListSerializer, **describe_problems("permission_denied", *SIGNED_IN)},
    )
    def get(self, request: Request) -> Response:
        """In their order."""
        pages = [
            {
                "page": page.name,
                "title": page.title,
                "url": request.build_absolute_uri(reverse("dashboard_api:page", args=[page.name])),
            }
            for page in PAGES.values()
        ]
        return Response({"pages": pages})


class PageView(DashboardView):
    """The charts of one page."""

    @extend_schema(
        operation_id="read_dashboard_page",
        summary="The charts of a page: the same numbers as the page and its CSV files show",
        tags=TAGS,
        parameters=[
            OpenApiParameter("page", OpenApiTypes.STR, OpenApiParameter.PATH, enum=list(PAGES)),
            OpenApiParameter(
                "since", OpenApiTypes.DATE, description=f"first day, UTC; left out: {DEFAULT_DAYS} days up to `until`"
            ),
            OpenApiParameter(
                "until", OpenApiTypes.DATE, description=f"last day; left out: today; at most {MOST_DAYS} days in all"
            ),
            OpenApiParameter("version", OpenApiTypes.STR, description="of the network; left out: every one"),
            OpenApiParameter("source", OpenApiTypes.STR, enum=[Upload.Source.PAGE.value, Upload.Source.API.value]),
            OpenApiParameter("label", OpenApiTypes.STR, enum=Label.labels, description="predicted"),
        ],
        responses={
            200: PageSerializer,
            **describe_problems("invalid_filters", "permission_denied", "not_found", *SIGNED_IN),
        },
    )
    def get(self, request: Request, page: str) -> Response:
        """Fractions, counts and ISO times."""
        if page not in PAGES:
            raise Http404
        chosen, scope = PAGES[page], read_scope(request)
        return Response(
            {
                "page": chosen.name,
                "title": chosen.title,
                "since": f"{scope.since:%Y-%m-%d}",
                "until": f"{scope.end - DAY:%Y-%m-%d}",
                "grain": Grain(scope.grain).label,
                "charts": [chart.to_dict() for chart in chosen.build(scope)],
            }
        )


def read_scope(request: Request) -> Scope:
    """The scope that the address asks for; a problem names the filters that are not valid."""
    form = ScopeForm({name: request.query_params.get(name, "") for name in FILTERS})
    if form.is_valid():
        return form.to_scope()
    errors = {
        "non_field_errors" if name == "__all__" else name: [str(message) for message in messages]
        for name, messages in form.errors.items()
    }
    raise Problem("invalid_filters", "Correct the filters named in errors.", errors=errors)
