"""The table of calls and one trace, in a real browser on a real store."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from playwright.sync_api import expect

from collector.batch import call_id_of
from collector.call import Call
from collector.rows import batch_of_calls
from collector.score import Score
from tests.dashboard.agent_trace import ANSWER, HOSTILE, TRACE_ID, agent_trace
from tests.dashboard.conftest import NOW_NS, Site, Tab
from tests.dashboard.seed import World

OpenSite = Callable[[Callable[[World], None]], Site]
OpenTab = Callable[..., Tab]

SECOND_NS = 10**9
AGENT = agent_trace(NOW_NS - 60 * SECOND_NS)
TRACE = f"/traces/{TRACE_ID}"
N_AGENT, N_OTHER = len(AGENT.calls), 130
FAILED = Call(
    call_id=call_id_of("e" * 32, "e" * 16), trace_id="e" * 32, span_id="e" * 16, start_ns=NOW_NS - 30 * SECOND_NS,
    service="shop", request_model="gpt-4", operation="chat", latency_s=0.4, error_type="RateLimitError",
    error_message="429: try again in 20 s",
    input_messages=[{"role": "user", "parts": [{"type": "text", "content": "Where is my needle?"}]}],
)  # fmt: skip


def another_call(i: int) -> Call:
    trace_id, span_id = f"{i + 1:032x}", f"{i + 1:016x}"
    return Call(
        call_id=call_id_of(trace_id, span_id), trace_id=trace_id, span_id=span_id, service="other",
        request_model="mini", operation="chat", start_ns=NOW_NS - (100 + i) * SECOND_NS, latency_s=0.2,
        input_messages=[{"role": "user", "parts": [{"type": "text", "content": f"hay {i}"}]}],
    )  # fmt: skip


@pytest.fixture(scope="module")
def traces(open_site: OpenSite) -> Site:
    def fill(made: World) -> None:
        made.store.write([batch_of_calls([FAILED, *map(another_call, range(N_OTHER))]), AGENT.batch])
        made.store.write_scores(AGENT.scores)

    return open_site(fill)


ROWS, OPTION = ".calls tbody tr", '.waterfall [aria-selected="true"]'


def selected(tab: Tab) -> str:
    return tab.text(f"{OPTION} .title")


def open_span(tab: Tab, name: str) -> None:
    """Wait until the page has followed the selection to a span."""
    tab.shown(f"{TRACE}?span={AGENT.span_id(name)}")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_table_shows_the_newest_calls_with_a_link_each(traces: Site, open_tab: OpenTab, theme: str) -> None:
    tab = open_tab(traces, theme=theme).open("/traces")
    rows = tab.page.locator(ROWS)
    expect(rows).to_have_count(100)
    assert tab.text("h1") == f"{N_AGENT + N_OTHER + 1} calls in the last hour, 1 failed (0.741 %)."
    expect(rows.first).to_contain_text("✕ RateLimitError")
    answer = tab.page.locator(ROWS, has_text="My order 81734")
    for text in (
        "support",
        "gpt-4",
        "I am sorry about the lid",
        "2.30 s",
        "380 ms",
        "3.84 k / 214",
        "$0.0121",
        "✓",
        "▲ doubtful 0.",
    ):
        expect(answer).to_contain_text(text)
    link = answer.locator("a")
    expect(link).to_have_attribute("href", f"{TRACE}?span={AGENT.calls[-1].span_id}")
    expect(answer.locator("td").first).to_have_attribute("title", "16 June 2026, 14:59:02 UTC")


def test_enter_on_a_row_opens_its_trace_and_back_returns(traces: Site, open_tab: OpenTab) -> None:
    tab = open_tab(traces).open("/traces?service=shop")
    tab.page.locator(f"{ROWS} a").first.focus()
    tab.press("Enter")
    tab.shown(f"/traces/{FAILED.trace_id}?service=shop&span={FAILED.span_id}")
    assert "▲ Failed: RateLimitError" in tab.text(".failure")
    assert "429: try again in 20 s" in tab.text(".failure")
    tab.page.go_back()
    tab.shown("/traces?service=shop")
    expect(tab.page.locator(ROWS)).to_have_count(1)


def test_older_calls_are_a_page_away_and_the_address_says_which(traces: Site, open_tab: OpenTab) -> None:
    tab = open_tab(traces).open("/traces")
    tab.page.get_by_role("link", name="Older").click()
    tab.page.wait_for_url("**/traces?cursor=*")
    expect(tab.page.locator(ROWS)).to_have_count(N_AGENT + N_OTHER + 1 - 100)
    expect(tab.page.locator(".pager")).to_contain_text("These are the oldest.")
    tab.page.get_by_role("link", name="Newest").click()
    expect(tab.page.locator(ROWS)).to_have_count(100)


def test_errors_only_is_a_switch_in_the_address(traces: Site, open_tab: OpenTab) -> None:
    tab = open_tab(traces).open("/traces")
    tab.page.get_by_role("link", name="Errors only").click()
    tab.shown("/traces?has_error=true")
    expect(tab.page.locator(ROWS)).to_have_count(1)
    tab.page.get_by_role("link", name="Errors only").click()
    tab.shown("/traces")
    expect(tab.page.locator(ROWS)).to_have_count(100)


def test_a_search_finds_words_in_messages_and_can_be_dropped(traces: Site, open_tab: OpenTab) -> None:
    tab = open_tab(traces).open("/traces")
    tab.page.get_by_label("Search in messages").fill("NEEDLE")
    tab.press("Enter")
    tab.shown("/traces?text=NEEDLE")
    expect(tab.page.locator(ROWS)).to_have_count(1)
    tab.open("/traces?text=nowhere")
    assert tab.text("h1") == "No call in the last hour matches."
    tab.page.get_by_role("link", name="Show all calls in this range").click()
    expect(tab.page.locator(ROWS)).to_have_count(100)


def test_calls_of_a_session_are_a_link_from_their_trace(traces: Site, open_tab: OpenTab) -> None:
    tab = open_tab(traces).open(TRACE)
    tab.page.get_by_role("link", name="session chat-17").click()
    tab.shown("/traces?session_id=chat-17")
    expect(tab.page.locator(ROWS)).to_have_count(N_AGENT)
    tab.page.get_by_role("link", name="Session chat-17 ✕").click()
    expect(tab.page.locator(ROWS)).to_have_count(100)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_trace_opens_at_what_asks_for_attention(traces: Site, open_tab: OpenTab, theme: str) -> None:
    tab = open_tab(traces, theme=theme).open(TRACE)
    assert tab.text("h1") == "Traces / support.answer"
    for text in ("4.82 s", "30", "1.20 k cached", "$0.0183", "380 ms", "2 passages unsupported"):
        assert text in tab.text(".facts")
    assert selected(tab) == "chat"
    focus = tab.page.get_attribute(".waterfall .list", "aria-activedescendant")
    assert focus == f"span-{AGENT.calls[-1].span_id}" == tab.page.get_attribute(OPTION, "id")
    assert "✕ timeout" in tab.text(".waterfall .has-failed")
    assert "no answer within 140 ms" in (tab.page.get_attribute(".waterfall .has-failed .name", "title") or "")
    beside = tab.page.locator(".waterfall .list .row:not(.on-path) .title").all_inner_texts()
    assert "execute_tool refund_policy" in beside
    assert "execute_tool order_lookup" not in beside
    expect(tab.page.locator("mark.unsupported").first).to_have_text("24 hours")
    assert tab.page.locator(".said.assistant .text").last.text_content() == ANSWER
    assert tab.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_texts_of_calls_never_become_elements(traces: Site, open_tab: OpenTab) -> None:
    tab = open_tab(traces).open(TRACE)
    expect(tab.page.locator(".said.user .text").last).to_contain_text(HOSTILE)
    tab.open("/traces?text=onerror")
    expect(tab.page.locator(ROWS)).to_have_count(1)
    assert tab.page.evaluate("window.hacked") is None
    assert tab.page.locator("#page img, #page script").count() == 0


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_keys_walk_through_the_spans_and_the_conversation_follows(traces: Site, open_tab: OpenTab, theme: str) -> None:
    tab = open_tab(traces, theme=theme).open(TRACE)
    tab.page.focus(".waterfall .list")
    tab.press("Home")
    assert selected(tab) == "support.answer"
    for key in ("ArrowDown", "j", "j"):
        tab.press(key)
    assert selected(tab) == "chat"
    open_span(tab, "chat gpt-4.1-mini")
    assert "Rewrite: refund, order 81734" in tab.text(".panel")
    tab.press("k")
    assert selected(tab) == "rewrite question"
    open_span(tab, "rewrite question")
    tab.press("ArrowLeft")
    assert "1 below" in tab.text(OPTION)
    tab.press("End")
    open_span(tab, "write row 6")
    assert tab.text(".tabs a[aria-current]") == "Facts"
    tab.press("PageUp")
    tab.press("PageUp")
    tab.press("PageUp")
    assert selected(tab) == "support.answer"
    # What was folded stays so, and the focus stands where it stood, though the page has followed.
    open_span(tab, "support.answer")
    assert tab.page.locator(".waterfall .list .row:visible", has_text="gpt-4.1-mini").count() == 0
    assert tab.page.evaluate("document.activeElement.className") == "list"


def test_back_from_another_page_returns_to_the_span(traces: Site, open_tab: OpenTab) -> None:
    tab = open_tab(traces).open(TRACE)
    tab.page.locator(".waterfall .list .row", has_text="execute_tool order_lookup").click()
    open_span(tab, "execute_tool order_lookup")
    tab.page.get_by_role("link", name="user user-5").click()
    tab.shown("/traces?user_id=user-5")
    tab.page.go_back()
    open_span(tab, "execute_tool order_lookup")
    assert selected(tab) == "execute_tool order_lookup"


def test_tabs_are_addresses_and_hold_what_was_sent(traces: Site, open_tab: OpenTab) -> None:
    tab = open_tab(traces).open(f"{TRACE}?span={AGENT.span_id('GET /policy')}")
    assert "timeout: no answer within 140 ms" in tab.text(".span-facts")
    tab.page.get_by_role("link", name="Attributes").click()
    tab.shown(f"{TRACE}?span={AGENT.span_id('GET /policy')}&tab=attributes")
    assert "error.type = timeout" in tab.text(".panel pre")
    assert "exception.type = TimeoutError" in tab.text(".panel")
    tab.open(f"{TRACE}?tab=scores")
    expect(tab.page.locator(".panel tbody tr")).to_have_count(len(AGENT.scores))


def test_the_search_in_a_trace_leaves_the_spans_that_match(traces: Site, open_tab: OpenTab) -> None:
    tab = open_tab(traces).open(TRACE)
    tab.page.get_by_label("Find a span").fill("timeout")
    expect(tab.page.locator(".waterfall .found")).to_have_text("1 of 30")
    tab.press("Enter")
    open_span(tab, "GET /policy")
    assert selected(tab) == "GET /policy"


def test_an_unknown_trace_is_a_sentence(traces: Site, open_tab: OpenTab) -> None:
    tab = open_tab(traces).open(f"/traces/{'0' * 32}")
    assert tab.text("h1").startswith("There is no trace 0000")


def test_a_trace_can_be_read_on_a_phone(traces: Site, open_tab: OpenTab) -> None:
    tab = open_tab(traces, width=390, height=844).open(TRACE)
    assert tab.page.evaluate("[document.documentElement.scrollWidth, innerWidth]") == [390, 390]
    assert "I am sorry about the lid" in tab.text(".panel")


def test_an_empty_store_says_how_to_send_the_first_call(empty_site: Site, open_tab: OpenTab) -> None:
    tab = open_tab(empty_site).open("/traces")
    assert "No calls yet" in tab.text("h1")
    assert len(tab.text(".code code").splitlines()) == 3


def test_a_store_that_is_away_is_said_so(open_site: OpenSite, open_tab: OpenTab) -> None:
    site = open_site(lambda made: None)
    site.world.store.close()
    tab = open_tab(site).open("/traces")
    assert tab.text("h1") == "The store does not answer now"
    assert any(problem.startswith("503") for problem in tab.problems)
    tab.problems.clear()


def test_scores_of_few_calls_among_many_are_found_too(open_site: OpenSite, open_tab: OpenTab) -> None:
    answered = {"contexts": AGENT.calls[-1].contexts, "output_messages": AGENT.calls[-1].output_messages}
    facts = {"service": "other", "request_model": "mini"}

    def scored(call: Call) -> Score:
        ids = {"target_id": call.call_id, "target_start_ns": call.start_ns, "trace_id": call.trace_id}
        return replace(AGENT.scores[0], **ids, **facts)

    def fill(made: World) -> None:
        calls = [replace(another_call(i), **answered, error_type="cut" if i % 400 == 0 else None) for i in range(1201)]
        made.store.write([batch_of_calls(calls)])
        made.store.write_scores([scored(call) for call in calls])

    tab = open_tab(open_site(fill)).open("/traces?has_error=true")
    expect(tab.page.locator(ROWS)).to_have_count(4)
    expect(tab.page.locator(ROWS, has_text="doubtful")).to_have_count(4)
