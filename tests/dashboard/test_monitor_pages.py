"""Monitors on their pages: listed, made, replayed before they are saved, changed, paused, deleted."""

import json
from collections.abc import Callable

import httpx
import pytest

from collector.projects.access import Access
from dashboard.filters import href
from dashboard.pages.monitor import delete, pause
from dashboard.pages.monitor_draft import DraftError, address_of, draft_from, draft_of, monitor_of
from dashboard.pages.monitor_form import save
from evaluators.drift.monitors.definition import Monitor, Pinned
from evaluators.drift.monitors.state import MonitorState
from tests.dashboard.conftest import NOW_NS, Site, Tab
from tests.dashboard.seed import HOUR_NS, World, seed

OpenTab = Callable[..., Tab]


@pytest.fixture(scope="module")
def own_site(open_site: Callable[[Callable[[World], None]], Site]) -> Site:
    """One that the tests of this module may change."""
    return open_site(lambda made: seed(made, hours=5, calls_per_hour=150))


def of_support(site: Site) -> MonitorState:
    return next(s for s in site.world.monitors.states() if s.monitor.service == "support" and s.monitor.automatic)


def a_monitor(**changes: object) -> Monitor:
    return Monitor.model_validate(
        {"monitor_id": "m", "name": "Refund answers", "project": "default", "n_window": 25, "n_reference": 100}
        | changes
    )


@pytest.mark.parametrize(
    "monitor",
    [
        a_monitor(),
        a_monitor(service="support", request_model="", environment="production", prompt_template="refund", route="/a"),
        a_monitor(kinds=("quality",), score="toxicity", tolerance=0.05, alpha=0.002, effect_floor=0.25),
        a_monitor(reference={"policy": "pinned", "since": "2026-06-16T13:00:00Z", "until": "2026-06-16T14:00:00Z"}),
        a_monitor(reference=Pinned(version="12", tag="golden", metadata={"set": "a", "lang": "de"})),
    ],
)
def test_a_monitor_comes_back_from_its_form_as_it_went_in(monitor: Monitor) -> None:
    draft = draft_from(address_of(draft_of(monitor)))
    assert monitor_of(draft, monitor_id="m") == monitor


@pytest.mark.parametrize(
    ("changes", "field", "said"),
    [
        ({"name": " "}, "name", "give it a name"),
        ({"n_window": "many"}, "n_window", "whole number"),
        ({"n_window": "3"}, "n_window", "greater than or equal"),
        ({"n_reference": "110"}, "n_reference", "try 100"),
        ({"alpha": "0,01"}, "alpha", "such as 0.01"),
        ({"alpha": "0.9"}, "alpha", "less than or equal to 0.2"),
        ({"kinds": []}, "kinds", "at least one"),
        ({"policy": "pinned"}, "pin_since", "say what is pinned"),
        ({"policy": "pinned", "pin_since": "yesterday"}, "pin_since", "2026-06-17T14:20"),
        ({"policy": "pinned", "pin_tag": "a", "pin_metadata": "lang"}, "pin_metadata", "key=value"),
    ],
)
def test_a_wrong_field_is_told_at_the_field(changes: dict[str, object], field: str, said: str) -> None:
    with pytest.raises(DraftError) as error:
        monitor_of(draft_of(a_monitor()) | changes, monitor_id="m")
    assert list(error.value.by_field) == [field]
    assert said in error.value.by_field[field]


def test_all_wrong_fields_are_told_at_once() -> None:
    with pytest.raises(DraftError) as error:
        monitor_of(draft_of(a_monitor()) | {"name": "", "n_window": "3", "alpha": "x"}, monitor_id="m")
    assert set(error.value.by_field) == {"name", "n_window", "alpha"}


def test_the_list_tells_where_each_monitor_stands(site: Site, open_tab: OpenTab) -> None:
    tab = open_tab(site).open("/drift")
    rows = tab.page.locator("#w-monitors tbody tr")
    assert rows.count() == len(site.world.monitors.states())
    assert "▲ alarm" in rows.first.inner_text()  # the most urgent first
    assert "1 false alarm in 100" in rows.first.inner_text()
    assert rows.first.locator("svg.evidence-spark .threshold").count() == 1


def test_the_list_is_filtered_by_state(site: Site, open_tab: OpenTab) -> None:
    tab = open_tab(site).open("/drift")
    tab.page.locator(".choices a", has_text="Alarm").click()
    tab.shown("/drift?state=alarm")
    assert [
        row.split("\n")[0].split("\t")[0] for row in tab.page.locator("#w-monitors tbody tr").all_inner_texts()
    ] == ["gpt-4 in support"]
    answer = httpx.get(f"{site.url}/_ui/answer/drift?state=asleep")
    assert answer.status_code == 400
    assert "one of alarm, released" in answer.text


def test_a_row_opens_the_monitor_with_its_evidence_and_settings(site: Site, open_tab: OpenTab) -> None:
    tab = open_tab(site).open("/drift")
    tab.page.locator("#w-monitors tbody tr", has_text="gpt-4 in support").locator("a").first.click()
    tab.shown(f"/drift/monitors/{of_support(site).monitor_id}")
    assert "gpt-4" in tab.text("main h1")
    assert tab.page.locator("#w-evidence.stands").count() == 1
    assert "25 sessions, level 0.01" in tab.text(".settings")
    assert tab.page.locator("#w-verdicts tbody tr").count() == of_support(site).n_windows


def test_a_monitor_is_replayed_and_then_made(own_site: Site, open_tab: OpenTab) -> None:
    tab = open_tab(own_site).open("/drift/new")
    tab.page.fill("#field-name", "Refund answers")
    tab.page.select_option("#field-service", label="support")
    tab.page.select_option("#field-request_model", label="gpt-4")
    tab.page.fill("#field-alpha", "0.05")
    tab.page.click("button.replay")
    tab.page.wait_for_selector(".replay-sentence")
    assert "would have been raised: 16 June" in tab.text(".replay-sentence")
    assert tab.page.locator("#w-replayed-windows .tone-crit").count() == 1
    assert "Refund answers" not in [state.monitor.name for state in own_site.world.monitors.states()]
    assert tab.page.input_value("#field-name") == "Refund answers"
    tab.page.click("button.save")
    tab.page.wait_for_url("**/drift/monitors/monitor:*")
    made = next(state for state in own_site.world.monitors.states() if state.monitor.name == "Refund answers")
    assert (made.monitor.service, made.monitor.request_model, made.monitor.alpha) == ("support", "gpt-4", 0.05)
    assert not made.monitor.automatic


def test_what_is_wrong_stands_at_its_field_and_nothing_is_lost(own_site: Site, open_tab: OpenTab) -> None:
    tab = open_tab(own_site).open("/drift/new")
    tab.page.fill("#field-name", "Narrow")
    tab.page.fill("#field-n_window", "3")
    tab.page.click("button.save")
    tab.page.wait_for_selector("#about-n_window.error")
    assert tab.page.input_value("#field-name") == "Narrow"
    assert tab.page.evaluate("document.activeElement.name") == "n_window"
    assert tab.page.locator(".replay-sentence").count() == 0
    tab.page.select_option("#field-policy", "pinned")
    assert tab.page.is_visible("#field-pin_version")
    assert not tab.page.is_visible("#field-n_reference")


def test_one_that_made_itself_keeps_its_calls_and_is_changed_otherwise(own_site: Site, open_tab: OpenTab) -> None:
    monitor_id = of_support(own_site).monitor_id
    tab = open_tab(own_site).open(f"/drift/edit/{monitor_id}")
    assert tab.page.is_disabled("#field-service")
    assert tab.page.input_value("#field-service") == "=support"
    tab.page.fill("#field-effect_floor", "0.2")
    tab.page.click("button.save")
    tab.page.wait_for_url(f"**/drift/monitors/{monitor_id}")
    changed = own_site.world.monitors.state(monitor_id)
    assert changed is not None
    assert (changed.monitor.effect_floor, changed.monitor.service) == (0.2, "support")
    assert changed.monitor.automatic


def test_a_monitor_rests_and_goes_on(own_site: Site, open_tab: OpenTab) -> None:
    monitor_id = of_support(own_site).monitor_id
    tab = open_tab(own_site).open(f"/drift/monitors/{monitor_id}")
    tab.page.click("text=Pause")
    tab.page.wait_for_selector("h1:has-text('is paused')")
    assert of_support(own_site).phase == "paused"
    tab.page.click("text=Resume")
    tab.page.wait_for_selector("button:has-text('Pause')")
    assert of_support(own_site).phase != "paused"


def test_a_monitor_is_deleted_after_a_second_look(
    open_site: Callable[[Callable[[World], None]], Site], open_tab: OpenTab
) -> None:
    site = open_site(lambda made: seed(made, hours=1, calls_per_hour=60, changed_hours=0))
    monitor_id = of_support(site).monitor_id
    tab = open_tab(site).open(f"/drift/monitors/{monitor_id}")
    assert not tab.page.is_visible("text=Delete it")
    tab.page.click("summary:has-text('Delete')")
    tab.page.click("text=Delete it")
    tab.page.wait_for_url("**/drift")
    assert site.world.monitors.state(monitor_id) is None


def test_a_key_that_may_only_read_changes_no_monitor(own_site: Site) -> None:
    services = own_site.world.services.of(Access(project="default", scopes=frozenset({"read"}), key_id="k"))
    monitor_id = of_support(own_site).monitor_id
    before = own_site.world.monitors.states()
    draft = json.dumps(draft_of(a_monitor()))
    for command, order in (
        (save, {"draft": draft}),
        (pause, {"monitor_id": monitor_id, "paused": True}),
        (delete, {"monitor_id": monitor_id}),
    ):
        with pytest.raises(Exception, match="scope admin"):
            command(services, "somebody", order)
    assert [state.monitor for state in own_site.world.monitors.states()] == [state.monitor for state in before]


def test_a_replay_of_nothing_says_what_is_missing(own_site: Site) -> None:
    draft = address_of(draft_of(a_monitor(service="search")) | {"n_reference": "1000"})
    asked = href("/_ui/answer/drift/replay/new", draft=draft, since_ns=NOW_NS - HOUR_NS, until_ns=NOW_NS)
    answer = httpx.get(own_site.url + asked, timeout=60)
    assert "Nothing would have been decided" in answer.text
    assert "are needed for the reference" in answer.text


@pytest.mark.parametrize("draft", ["{", "[]", '{"colour": "red"}'])
def test_a_draft_that_no_form_wrote_is_refused(own_site: Site, draft: str) -> None:
    answer = httpx.get(f"{own_site.url}/_ui/answer/drift/new", params={"draft": draft})
    assert answer.status_code == 400
    assert "/drift/new" in answer.text


def test_the_form_fits_a_phone_in_both_themes(own_site: Site, open_tab: OpenTab) -> None:
    for theme in ("light", "dark"):
        tab = open_tab(own_site, theme=theme, width=390, height=844).open("/drift/new")
        assert tab.page.evaluate("[document.documentElement.scrollWidth, innerWidth]") == [390, 390]
        assert tab.page.locator("main h1").count() == 1
