"""The network's page in a browser: its plots are drawn, in either theme, and the tables carry the same without them."""

from typing import TYPE_CHECKING, Any

import pytest

from classifier.models import Label

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(240)]
PLOTS = ["compared", "reliability", "answered", "classes"]
COUNT_COLOURS = """canvas => {
    const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    return new Set(new Uint32Array(pixels.data.buffer)).size }"""


@pytest.fixture
def champion(live_server: Any) -> None:
    from classifier.training.registry import register_version
    from ml.artifacts import default_artifact

    register_version(path=default_artifact(), promote=True, reason="shipped")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_plots_are_drawn(page: "Page", champion: None, scheme: Any) -> None:
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    page.goto("/model/")
    for name in PLOTS:
        figure = page.locator(f'[data-plot="{name}"]')
        figure.locator("canvas").wait_for()
        assert figure.locator("canvas").evaluate(COUNT_COLOURS) > 5, f"{name} is empty"
        assert not figure.locator("table").is_visible()
        figure.locator("summary").focus()
        page.keyboard.press("Enter")
        assert figure.locator("table").is_visible()
    classes = page.locator('[data-plot="classes"] canvas')
    shown = classes.evaluate("canvas => Chart.getChart(canvas).data.labels")
    assert shown == [label.label for label in Label]


def test_on_a_phone_nothing_sticks_out(page: "Page", champion: None) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto("/model/")
    page.locator("canvas").first.wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_without_javascript_the_tables_are_open(browser: "Browser", live_server: Any, champion: None) -> None:
    context = browser.new_context(base_url=live_server.url, java_script_enabled=False)
    page = context.new_page()
    page.goto("/model/")
    for name in PLOTS:
        assert page.locator(f'[data-plot="{name}"] table').is_visible()
    assert page.locator("canvas:visible").count() == 0
    context.close()
