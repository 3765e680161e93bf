"""The dashboard in a browser: charts are drawn in either theme, tables open by key, nothing sticks out on a phone."""

from typing import TYPE_CHECKING, Any

import pytest
from django.conf import settings

from dashboard.charts.pages import PAGES
from dashboard.rollups.hours import roll_up
from tests.dashboard.history import make_history
from tests.dashboard.visitors import RANGE, visit_as
from tests.e2e.test_model_page import COUNT_COLOURS

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(240)]
QUERY = "&".join(f"{name}={value}" for name, value in RANGE.items())
COMPARES = next(page.name for page in PAGES.values() if page.compares)


@pytest.fixture
def history(live_server: Any) -> None:
    make_history()
    roll_up()


def enter(context: "BrowserContext", live_server: Any) -> None:
    """As staff, by the cookie of a session."""
    cookie = visit_as("staff").cookies[settings.SESSION_COOKIE_NAME].value
    context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": cookie, "url": live_server.url}])


@pytest.fixture
def staff(page: "Page", live_server: Any, history: None) -> "Page":
    """A window whose visitor is staff."""
    enter(page.context, live_server)
    return page


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_charts_are_drawn(staff: "Page", scheme: Any) -> None:
    staff.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    drawn = 0
    for name in PAGES:
        staff.goto(f"/dashboard/{name}/?{QUERY}")
        staff.wait_for_load_state("networkidle")
        for canvas in staff.locator("[data-plot] canvas").all():
            assert canvas.evaluate(COUNT_COLOURS) > 5, f"{name}: {canvas.get_attribute('aria-label')} is empty"
            drawn += 1
    assert drawn >= len(PAGES)


def test_tables_open_by_key(staff: "Page") -> None:
    staff.goto(f"/dashboard/photos/?{QUERY}")
    figure = staff.locator("[data-plot]").first
    figure.locator("canvas").wait_for()
    assert not figure.locator("table").is_visible()
    figure.locator("summary").focus()
    staff.keyboard.press("Enter")
    assert figure.locator("table").is_visible()


def test_filters_by_hand(staff: "Page") -> None:
    staff.goto("/dashboard/")
    staff.get_by_label("From", exact=True).fill(RANGE["since"])
    staff.get_by_label("To", exact=True).fill(RANGE["until"])
    staff.get_by_label("Source").select_option("api")
    staff.get_by_role("button", name="Show").click()
    staff.wait_for_url("**source=api**")
    staff.get_by_role("navigation", name="Dashboard").get_by_role("link").nth(1).click()
    staff.wait_for_url(f"**/{list(PAGES)[1]}/?**")
    assert staff.get_by_label("Source").input_value() == "api"
    assert staff.get_by_label("From", exact=True).input_value() == RANGE["since"]


@pytest.mark.parametrize("name", PAGES)
def test_on_a_phone_nothing_sticks_out(staff: "Page", name: str) -> None:
    staff.set_viewport_size({"width": 390, "height": 844})
    both = "&version=old-0&versus=new-0" if name == COMPARES else ""
    staff.goto(f"/dashboard/{name}/?{QUERY}{both}")
    staff.wait_for_load_state("networkidle")
    for summary in staff.locator("[data-plot-table] summary").all():
        summary.click()
    assert staff.evaluate("document.documentElement.scrollWidth") <= 390


def test_without_javascript_the_tables_are_open(browser: "Browser", live_server: Any, history: None) -> None:
    context = browser.new_context(base_url=live_server.url, java_script_enabled=False)
    enter(context, live_server)
    page = context.new_page()
    page.goto(f"/dashboard/photos/?{QUERY}")
    tables = page.locator(".chart table")
    assert tables.count() > 0
    assert all(table.is_visible() for table in tables.all())
    assert page.locator("canvas:visible").count() == 0
    context.close()
