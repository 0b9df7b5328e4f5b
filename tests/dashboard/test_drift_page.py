"""The drift page: the verdict, its evidence, and the answers that people give it."""

from collections.abc import Callable

import pytest

from dashboard.pages.drift import EVER
from dashboard.pages.drift_verdict import CHANGED
from tests.dashboard.conftest import Site, Tab
from tests.dashboard.seed import World, seed

OpenTab = Callable[..., Tab]


@pytest.fixture
def own_site(open_site: Callable[[Callable[[World], None]], Site]) -> Site:
    """One that the test may change."""
    return open_site(lambda made: seed(made, hours=3, calls_per_hour=200))


def newest_change(site: Site) -> str:
    verdicts = site.world.store.verdicts(EVER, limit=100).items
    return next(v.verdict_id for v in verdicts if v.outcome == CHANGED and v.service == "support")


def test_the_page_shows_the_newest_change_with_its_evidence(site: Site, open_tab: OpenTab) -> None:
    tab = open_tab(site).open("/drift")
    assert "gpt-4 in support" in tab.text(".verdict h1")
    assert "1 false alarm in 100" in tab.text(".four-facts")
    assert tab.page.locator(".effect.moved").count() >= 3
    assert tab.page.locator("#w-evidence.stands").count() == 1


def test_j_and_k_walk_through_the_pairs(site: Site, open_tab: OpenTab) -> None:
    tab = open_tab(site).open("/drift")
    tab.press("k")  # there is none before the first
    tab.press("j")
    tab.page.wait_for_url("**pair=1*")
    tab.page.wait_for_selector("text=pair 2 of")
    assert tab.page.locator(".pair ins").count() > 0
    tab.press("k")
    tab.page.wait_for_selector("text=pair 1 of")


def test_accepting_a_change_makes_it_the_new_normal(own_site: Site, open_tab: OpenTab) -> None:
    verdict_id = newest_change(own_site)
    tab = open_tab(own_site).open(f"/drift?verdict={verdict_id}")
    tab.page.click("text=Accept as the new normal")
    tab.page.wait_for_selector(".verdict .chip:has-text('accepted as the new normal')")
    assert own_site.world.monitors.feedback([verdict_id]) == {verdict_id: "accepted"}
    assert any(state.phase == "collecting" for state in own_site.world.monitors.states())
    assert "collecting reference" in tab.text("#w-monitors")


def test_a_false_alarm_is_noted_and_the_reference_stays(own_site: Site, open_tab: OpenTab) -> None:
    verdict_id = newest_change(own_site)
    before = own_site.world.monitors.states()
    tab = open_tab(own_site).open(f"/drift?verdict={verdict_id}")
    tab.page.click("text=Report as false")
    tab.page.wait_for_selector(".verdict .chip:has-text('reported as false')")
    assert own_site.world.monitors.feedback([verdict_id]) == {verdict_id: "false_alarm"}
    assert own_site.world.monitors.states() == before


def test_a_verdict_is_found_by_its_link_however_old(site: Site, open_tab: OpenTab) -> None:
    oldest = site.world.store.verdicts(EVER, limit=500).items[-1]
    tab = open_tab(site).open(f"/drift?verdict={oldest.verdict_id}")
    assert "No change found in the answers of" in tab.text(".verdict h1")
