"""The links between the dashboard's pages."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from django.urls import reverse

from dashboard.charts.pages import PAGES


@dataclass(frozen=True)
class Link:
    title: str
    url: str
    current: bool


def list_pages(current: str, carried: Mapping[str, str]) -> list[Link]:
    """Every page of charts, then the alerts; carried: the filters, by name, that go along to the charts."""
    query = f"?{urlencode(carried)}" if carried else ""
    links = [
        Link(page.title, reverse("dashboard:page", args=[page.name]) + query, page.name == current)
        for page in PAGES.values()
    ]
    return [*links, Link("Alerts", reverse("dashboard:alerts"), current == "alerts")]
