"""Every page in a real browser: nothing fails, nothing is asked elsewhere, everything fits."""

from collections.abc import Callable

import pytest

from dashboard.pages import PAGES
from tests.dashboard.conftest import Site, Tab
from tests.dashboard.seed import World, seed

OpenTab = Callable[..., Tab]
PATHS = [page.path for page in PAGES if not page.path.endswith("/") or page.path == "/"]


@pytest.mark.parametrize("path", PATHS)
def test_a_page_stands_in_both_themes_and_on_a_phone(site: Site, open_tab: OpenTab, path: str) -> None:
    tab = open_tab(site, theme="dark").open(path)
    assert tab.page.locator("main h1").count() == 1
    assert tab.text("main h1").strip()
    assert tab.page.get_attribute("html", "data-mantine-color-scheme") == "dark"
    assert tab.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    tab.page.emulate_media(color_scheme="light")
    tab.page.set_viewport_size({"width": 390, "height": 844})
    tab.page.reload()
    tab.shown(path)
    assert tab.page.get_attribute("html", "data-mantine-color-scheme") == "light"
    assert tab.page.evaluate("[document.documentElement.scrollWidth, innerWidth]") == [390, 390]


@pytest.mark.parametrize("path", PATHS)
def test_a_page_without_data_says_what_to_do(empty_site: Site, open_tab: OpenTab, path: str) -> None:
    tab = open_tab(empty_site).open(path)
    assert tab.page.locator("main h1").count() == 1
    assert not tab.page.locator("main .plot").count()


def test_the_first_paint_has_the_navigation_and_needs_no_script(site: Site, open_tab: OpenTab) -> None:
    tab = open_tab(site, first_visit=True)
    tab.page.route("**/*.js", lambda route: route.fulfill(body="", content_type="text/javascript"))
    tab.page.goto(site.url + "/")
    tab.page.wait_for_selector("#skeleton nav a")
    assert "Overview" in tab.text("#skeleton nav")
    tab.problems.clear()  # without scripts Dash cannot start, which is the point


def test_the_answer_on_top_names_the_change_and_leads_to_its_verdict(site: Site, open_tab: OpenTab) -> None:
    tab = open_tab(site).open("/?range=6h")
    headline = tab.page.locator("main h1 a").first
    assert "gpt-4 in support" in headline.inner_text()
    headline.click()
    tab.page.wait_for_selector(".verdict h1")
    assert "The model behind gpt-4 in support changed around 16 June" in tab.text(".verdict h1")


def test_a_filter_is_in_the_address_and_survives_reload_and_back(site: Site, open_tab: OpenTab) -> None:
    tab = open_tab(site).open("/?range=6h")
    everything = tab.text(".figure .value")
    tab.page.locator("details.menu", has_text="Service").locator("summary").click()
    tab.page.locator(".options a", has_text="search").click()
    tab.shown("/?range=6h&service=search")
    one_service = tab.text(".figure .value")
    assert one_service != everything
    tab.page.reload()
    tab.shown("/?range=6h&service=search")
    assert tab.text(".figure .value") == one_service
    tab.page.go_back()
    tab.shown("/?range=6h")
    assert tab.text(".figure .value") == everything


def test_navigation_keeps_the_filters(site: Site, open_tab: OpenTab) -> None:
    tab = open_tab(site).open("/?range=6h&service=search")
    tab.page.locator("nav a", has_text="Traces").click()
    tab.shown("/traces?range=6h&service=search")
    assert tab.page.get_attribute("nav a[aria-current]", "title") == "Traces"


def test_a_point_of_a_chart_opens_the_calls_behind_it(site: Site, open_tab: OpenTab) -> None:
    tab = open_tab(site).open("/?range=6h")
    plot = tab.page.locator("#w-throughput .drawing .nsewdrag")
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    assert box is not None
    tab.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    tab.page.wait_for_timeout(150)
    tab.page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    tab.page.wait_for_url("**/traces?since=*")
    tab.page.wait_for_selector("main table tbody tr")


def test_dragging_over_a_chart_narrows_the_range_of_the_page(site: Site, open_tab: OpenTab) -> None:
    tab = open_tab(site).open("/?range=6h")
    box = tab.page.locator("#w-latency .drawing .nsewdrag").bounding_box()
    assert box is not None
    y = box["y"] + box["height"] / 2
    tab.page.mouse.move(box["x"] + box["width"] * 0.3, y)
    tab.page.mouse.down()
    tab.page.mouse.move(box["x"] + box["width"] * 0.6, y, steps=5)
    tab.page.mouse.up()
    tab.page.wait_for_url("**/?since=*until=*")
    assert "to" in tab.text("details.menu:has-text('Range') summary")


def test_a_chart_can_be_read_as_a_table(site: Site, open_tab: OpenTab) -> None:
    tab = open_tab(site).open("/?range=6h")
    card = tab.page.locator(".card", has=tab.page.locator("#w-latency"))
    card.locator("[data-tool=table]").click()
    assert card.locator(".as-table tbody tr").count() > 50
    card.locator("[data-tool=table]").click()
    assert card.locator(".as-table").count() == 0


def test_the_theme_switch_holds_after_a_reload(site: Site, open_tab: OpenTab) -> None:
    tab = open_tab(site, first_visit=True).open("/")
    tab.page.click("[data-action=theme]")
    assert tab.page.get_attribute("html", "data-mantine-color-scheme") == "dark"
    tab.page.reload()
    tab.shown("/")
    assert tab.page.get_attribute("html", "data-mantine-color-scheme") == "dark"


def test_an_address_that_means_nothing_says_so(site: Site, open_tab: OpenTab) -> None:
    tab = open_tab(site).open("/?range=soon")
    assert "This address cannot be shown" in tab.text("main h1")
    assert any(problem.startswith("400") for problem in tab.problems)
    tab.problems.clear()


def test_an_update_leaves_focus_and_drawn_charts_as_they_are(site: Site, open_tab: OpenTab) -> None:
    tab = open_tab(site).open("/?range=6h")
    tab.page.focus("#w-models tbody a")
    tab.page.evaluate("window.chartBefore = document.querySelector('#w-latency .drawing')")
    site.world.clock.now_ns += 60_000_000_000
    try:
        with tab.page.expect_response("**/_ui/answer/**"):
            tab.page.evaluate("watchkeeper.reload()")
        tab.shown("/?range=6h")
        tab.page.wait_for_timeout(200)
        assert tab.page.evaluate("window.chartBefore.isConnected")
    finally:
        site.world.clock.now_ns -= 60_000_000_000


def test_new_calls_appear_by_themselves(
    open_site: Callable[[Callable[[World], None]], Site], open_tab: OpenTab
) -> None:
    live = open_site(lambda made: None)
    tab = open_tab(live).open("/")
    assert "No calls yet" in tab.text("main h1")
    seed(live.world, hours=0.2, calls_per_hour=100, changed_hours=0)
    tab.page.wait_for_selector(".figure .value", timeout=15_000)
    assert tab.text(".figure .value") != "0"
