"""The pages of the dashboard, and every chart as a CSV file; for staff."""

import csv

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from dashboard.charts.chart import to_json
from dashboard.charts.pages import PAGES, Page
from dashboard.figures.scope import DAY, ScopeForm
from dashboard.models import Grain, Replay, StaleHour
from dashboard.web.access import staff_only
from dashboard.web.filters import carry, list_ranges, read_filters
from dashboard.web.navigation import list_pages
from dashboard.web.panels import build_blocks, guard_formula


@staff_only
@require_safe
def show_home(request: HttpRequest) -> HttpResponseBase:
    """Redirects to the first page."""
    query = request.GET.urlencode()
    return redirect(reverse("dashboard:page", args=[next(iter(PAGES))]) + (f"?{query}" if query else ""))


@staff_only
@never_cache
@require_safe
def show_page(request: HttpRequest, page: str) -> HttpResponseBase:
    """A page's charts; filters that are not valid are named beside their fields, and the default range is shown."""
    chosen = find_page(page)
    form, scope = read_filters(request.GET)
    carried = carry(form, request.GET)
    blocks, last = build_blocks(chosen, scope), scope.end - DAY
    panels = [panel for block in blocks for panel in block.panels]
    context = {
        "page": chosen,
        "navigation": list_pages(chosen.name, carried),
        "form": form,
        "ranges": list_ranges(carried, scope),
        "scope": scope,
        "last": last,
        "step": Grain(scope.grain).label,
        "ignored": scope.versus if not chosen.compares else None,
        "replays": Replay.objects.filter(first_day__lte=last, last_day__gte=scope.since),
        "is_behind": StaleHour.objects.exists(),
        "blocks": blocks,
        "numbers": {panel.key: panel.to_plot() for panel in panels if panel.is_drawn},
        "query": scope.query(),
    }
    return render(request, "dashboard/page.html", context)


@staff_only
@never_cache
@require_safe
def download_chart(request: HttpRequest, page: str, chart: str) -> HttpResponseBase:
    """One chart's rows under its columns' names: moments as ISO 8601, shares as fractions; 400 for wrong filters."""
    form = ScopeForm(request.GET)
    chosen = find_page(page)
    if not form.is_valid():
        return HttpResponse(form.errors.as_text(), status=400, content_type="text/plain; charset=utf-8")
    scope = form.to_scope()
    found = next((one for one in chosen.build(scope) if one.name == chart), None)
    if found is None:
        raise Http404("no such chart")
    name = f"fersite-{page}-{chart}-{scope.since:%Y-%m-%d}-{scope.end - DAY:%Y-%m-%d}.csv"
    response = HttpResponse(
        content_type="text/csv; charset=utf-8", headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )
    writer = csv.writer(response)
    writer.writerow([column.name for column in found.columns])
    writer.writerows([guard_formula(to_json(cell)) for cell in row] for row in found.rows if found.is_enough)
    return response


def find_page(name: str) -> Page:
    """The page of this name; Http404 where there is none."""
    if name not in PAGES:
        raise Http404("no such page")
    return PAGES[name]
