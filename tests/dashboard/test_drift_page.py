"""The drift page: the verdict, its evidence, and the answers that people give it."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from collector.verdict import Cluster, Verdict, WindowTest
from dashboard.pages.drift import EVER
from dashboard.pages.drift_words import outcome_of, sentence
from tests.dashboard.conftest import Site, Tab
from tests.dashboard.seed import World, seed

OpenTab = Callable[..., Tab]


@pytest.fixture
def own_site(open_site: Callable[[Callable[[World], None]], Site]) -> Site:
    """One that the test may change."""
    return open_site(lambda made: seed(made, hours=3, calls_per_hour=200))


def newest_change(site: Site) -> Verdict:
    verdicts = site.world.store.verdicts(EVER, limit=100).items
    return next(v for v in verdicts if v.outcome == "model_changed" and v.service == "support")


def said(verdict: Verdict) -> str:
    """The sentence on top, as text."""
    return "".join(part if isinstance(part, str) else str(part.children) for part in sentence(verdict))


def a_test(name: str, p_value: float) -> WindowTest:
    return WindowTest(name=name, statistic=1.0, p_value=p_value, n_reference=100, n_current=25, guarantee="by hand")


def test_the_page_shows_the_open_change_with_its_evidence(site: Site, open_tab: OpenTab) -> None:
    tab = open_tab(site).open("/drift")
    assert "gpt-4 in support" in tab.text(".verdict h1")
    assert "1 false alarm in 100" in tab.text(".four-facts")
    assert "{" not in tab.text()  # every value is filled in
    assert tab.page.locator(".effect.moved").count() >= 3
    assert tab.page.locator("#w-evidence.stands").count() == 1


def test_the_facts_tell_whether_the_questions_changed(site: Site, open_tab: OpenTab) -> None:
    verdict = newest_change(site)
    tab = open_tab(site).open(f"/drift?verdict={verdict.verdict_id}")
    same = verdict.tests["input"].p_value > 0.05
    assert ("Unchanged" if same else "Changed") in tab.text(".four-facts")
    assert ("Questions did not." if same else "Questions changed, too.") in tab.text(".verdict h1")


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
    verdict_id = newest_change(own_site).verdict_id
    tab = open_tab(own_site).open(f"/drift?verdict={verdict_id}")
    tab.page.click("text=Accept as the new normal")
    tab.page.wait_for_selector(".verdict .chip:has-text('accepted as the new normal')")
    assert own_site.world.monitors.feedback([verdict_id]) == {verdict_id: "accepted"}
    states = own_site.world.monitors.states()
    assert any(state.phase == "collecting" and state.monitor.service == "support" for state in states)
    assert "▲ alarm" not in tab.text("#w-monitors")
    # Older verdicts of the same change wait for no answer either.
    assert "No change that waits for an answer" in open_tab(own_site).open("/drift").text("main h1")


def test_a_false_alarm_is_noted_and_the_reference_stays(own_site: Site, open_tab: OpenTab) -> None:
    verdict = newest_change(own_site)
    before = own_site.world.monitors.state(verdict.monitor)
    tab = open_tab(own_site).open(f"/drift?verdict={verdict.verdict_id}")
    tab.page.click("text=Report as false")
    tab.page.wait_for_selector(".verdict .chip:has-text('reported as false')")
    assert own_site.world.monitors.feedback([verdict.verdict_id]) == {verdict.verdict_id: "false_alarm"}
    after = own_site.world.monitors.state(verdict.monitor)
    assert before is not None
    assert after is not None
    assert after.reference_end_ns == before.reference_end_ns
    assert (after.phase, after.n_false_alarms) == ("watching", before.n_false_alarms + 1)


def test_a_verdict_is_found_by_its_link_however_old(site: Site, open_tab: OpenTab) -> None:
    oldest = site.world.store.verdicts(EVER, limit=500).items[-1]
    tab = open_tab(site).open(f"/drift?verdict={oldest.verdict_id}")
    assert said(oldest) in tab.text(".verdict h1")


@pytest.mark.parametrize(
    ("outcome", "tests", "expected"),
    [
        ("model_changed", {"input": 0.6}, "The model behind gpt-4 in support changed around"),
        ("model_changed", {"input": 0.6}, "Questions did not."),
        ("model_changed", {"input": 0.001}, "Questions changed, too."),
        ("quality_dropped", {"input": 0.6}, "The quality of gpt-4 in support dropped around"),
        ("traffic_changed", {"input": 0.001, "model": 0.4}, "Questions for gpt-4 in support changed"),
        ("traffic_changed", {"input": 0.001, "model": 0.4}, "The model did not."),
        ("traffic_changed", {"input": 0.4, "retrieval": 0.001}, "What is retrieved for gpt-4 in support changed"),
        ("cannot_separate", {"input": 0.001}, "Whether the model did cannot be told."),
        ("released", {}, "A new release of gpt-4 in support began around"),
        ("no_change", {"input": 0.6}, "No change found in the answers of gpt-4 in support."),
        ("not_enough_data", {}, "Too little data to compare the answers of gpt-4 in support."),
    ],
)
def test_every_outcome_is_said_in_a_sentence(site: Site, outcome: str, tests: dict[str, float], expected: str) -> None:
    found = {name: a_test(name, p_value) for name, p_value in tests.items()}
    verdict = replace(newest_change(site), outcome=outcome, tests=found)
    assert expected in said(verdict)
    assert "_" not in outcome_of(verdict).text


def test_verdicts_of_every_outcome_have_a_page(own_site: Site, open_tab: OpenTab) -> None:
    found = newest_change(own_site)
    topics = (
        Cluster(words=("refund", "lid"), share_before=0.4, share_after=0.1, n_before=40, n_after=3, is_new=False,
                statistic=2.0, p_value=0.01),
        Cluster(words=("kubernetes", "pod"), share_before=0.0, share_after=0.3, n_before=0, n_after=8, is_new=True,
                statistic=None, p_value=None),
    )  # fmt: skip
    outcomes = ("traffic_changed", "cannot_separate", "quality_dropped", "released", "not_enough_data", "no_change")
    made = [
        replace(
            found, verdict_id=f"{i:032x}", outcome=outcome, clusters=topics, notes=("3 sessions stayed out",),
            p_value=None if outcome in ("released", "not_enough_data", "quality_dropped") else found.p_value,
            statistic=None if outcome in ("released", "not_enough_data") else 1200.0,
            effects=() if outcome == "released" else found.effects,
        )
        for i, outcome in enumerate(outcomes)
    ]  # fmt: skip
    own_site.world.store.write_verdicts(made)
    tab = open_tab(own_site)
    for verdict in made:
        tab.open(f"/drift?verdict={verdict.verdict_id}")
        assert said(verdict) in tab.text(".verdict h1")
        assert "3 sessions stayed out" in tab.text()
    tab.open(f"/drift?verdict={made[0].verdict_id}")
    assert "kubernetes, pod" in tab.text(".topic:has-text('new topic')")
    assert "0 % → 30.0 %" in tab.text(".topic:has-text('new topic')")


def test_a_release_leads_to_a_comparison_across_it(own_site: Site, open_tab: OpenTab) -> None:
    found = newest_change(own_site)
    released = replace(found, verdict_id="f" * 32, outcome="released", p_value=None, statistic=None, effects=())
    own_site.world.store.write_verdicts([released])
    tab = open_tab(own_site).open(f"/drift?verdict={released.verdict_id}")
    tab.page.click("text=Compare across this release")
    tab.page.wait_for_selector(".replay-sentence")
    assert "Compared with pinned:" in tab.text(".replay-sentence")
    assert "1 alarm would have been raised" in tab.text(".replay-sentence")
