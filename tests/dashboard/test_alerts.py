"""The alerts page: what is wrong, who was told, who cares for it; and the rules in words."""

from collections.abc import Callable
from urllib.parse import quote

import pytest

from collector.batch import call_id_of
from collector.call import Call
from collector.rows import batch_of_calls
from collector.times import NS_PER_S
from dashboard.pages.alert_words import metric, rule_in_words
from dashboard.security import NAME_COOKIE
from evaluators.alerts import Alert, MetricRule, Outbox, VerdictRule
from evaluators.alerts.evaluate import evaluate
from tests.dashboard.conftest import Site, Tab
from tests.dashboard.seed import World

OpenTab = Callable[..., Tab]
OpenSite = Callable[[Callable[[World], None]], Site]

FAILING = "failing-calls"  # a rule of every new installation: 5 % over 5 min, for 2 min


def send(world: World, *, n: int, n_failed: int, service: str = "shop") -> None:
    """`n` calls that end now, the first of them failed."""
    calls = []
    for i in range(n):
        start_ns = world.clock.now_ns - (i + 1) * NS_PER_S // 10
        trace_id, span_id = f"{start_ns:032x}", f"{start_ns % 2**60 + len(service):016x}"
        calls.append(
            Call(
                call_id=call_id_of(trace_id, span_id), trace_id=trace_id, span_id=span_id, start_ns=start_ns,
                service=service, request_model="gpt-4", latency_s=0.5, error_type="timeout" if i < n_failed else None,
            )
        )  # fmt: skip
    world.store.write([batch_of_calls(calls)])


def look(world: World, *, after_s: float) -> None:
    """Let time pass, and the rules look."""
    world.clock.now_ns += round(after_s * NS_PER_S)
    evaluate(world.book.rules(), world.store, world.book, world.clock.now_ns)


def fail(world: World, service: str = "shop") -> None:
    """Calls fail until the alarm fires."""
    send(world, n=40, n_failed=10, service=service)
    look(world, after_s=1)
    look(world, after_s=130)


def recover(world: World) -> None:
    world.clock.now_ns += 400 * NS_PER_S
    send(world, n=40, n_failed=0)
    look(world, after_s=1)


def alarm(site: Site) -> Alert:
    return next(iter(site.world.book.open_alerts()))


def named(tab: Tab, name: str) -> Tab:
    tab.page.context.add_cookies([{"name": NAME_COOKIE, "value": quote(name), "url": tab.url}])
    return tab


@pytest.fixture
def failing(open_site: OpenSite) -> Site:
    return open_site(fail)


def test_an_alarm_says_what_is_wrong_since_when_and_how_much(failing: Site, open_tab: OpenTab) -> None:
    tab = open_tab(failing).open("/alerts")
    assert tab.text("main h1") == "1 alarm fires; not acknowledged."
    assert tab.text(".answer .sign") == "▲ Critical"
    block = tab.text(".alarm")
    assert "▲ Critical, firing" in block
    assert "25 % of the calls of shop to gpt-4 failed in the last 5 min (40 calls)." in block
    assert "Began 2 min ago · 25.0 %, limit 5 % · shop · gpt-4" in block
    assert tab.text("nav a[title=Alerts] .badge.urgent") == "1"


def test_an_alarm_leads_to_the_calls_behind_it(failing: Site, open_tab: OpenTab) -> None:
    tab = open_tab(failing).open("/alerts")
    tab.page.click("text=Open the calls")
    tab.page.wait_for_selector("h1:has-text('40 calls of shop, gpt-4')")
    assert "service=shop" in tab.page.url


def test_a_drift_alarm_leads_to_its_verdict(site: Site, open_tab: OpenTab) -> None:
    tab = open_tab(site).open("/alerts")
    tab.page.click("text=Open the verdict")
    tab.page.wait_for_selector(".verdict h1")
    assert "gpt-4 in support" in tab.text(".verdict h1")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_who_acknowledges_is_asked_once_and_kept(failing: Site, open_tab: OpenTab, theme: str) -> None:
    tab = open_tab(failing, theme=theme).open("/alerts")
    tab.page.click("text=Acknowledge…")
    tab.page.fill(".alarm input[name=author]", "Grace")
    tab.press("Enter")
    tab.page.click(".alarm button:has-text('Acknowledge')")
    tab.page.wait_for_selector(".alarm :text('Acknowledged by Grace')")
    assert alarm(failing).acknowledged_by == "Grace"
    assert tab.text("main h1") == "1 alarm fires; acknowledged."
    assert not tab.page.locator(".alarm .button.primary").count()


def test_the_first_who_acknowledges_stays(failing: Site, open_tab: OpenTab) -> None:
    tab = named(open_tab(failing), "Second").open("/alerts")
    failing.world.book.acknowledge(alarm(failing).alert_id, "First", failing.world.clock.now_ns)
    tab.page.click(".alarm button:has-text('Acknowledge')")
    tab.page.wait_for_selector(".alarm :text('Acknowledged by First')")


def test_it_says_how_each_webhook_stands(failing: Site, open_tab: OpenTab) -> None:
    outbox, now_ns = Outbox(failing.world.engine), failing.world.clock.now_ns
    tab = open_tab(failing).open("/alerts")
    assert "waiting to tell on-call" in tab.text(".told")
    (delivery,) = outbox.due(now_ns)
    outbox.failed(delivery, "no answer within 10 s", next_attempt_ns=now_ns + 60 * NS_PER_S)
    told = tab.open("/alerts").text(".told")
    assert "▲ waiting to tell on-call, 1 try so far: no answer within 10 s; next try at 15:03:11" in told
    outbox.gave_up(delivery, "answered 404: no such hook", now_ns)
    assert "▲ on-call was not told: gave up after 1 try: answered 404: no such hook" in tab.open("/alerts").text(
        ".told"
    )
    outbox.delivered(delivery, now_ns)
    assert "✓ on-call was told" in tab.open("/alerts").text(".told")


def test_a_pending_alarm_says_when_it_would_fire(open_site: OpenSite, open_tab: OpenTab) -> None:
    def begin(world: World) -> None:
        send(world, n=40, n_failed=10)
        look(world, after_s=1)

    tab = open_tab(open_site(begin)).open("/alerts")
    assert tab.text("main h1") == "No alarm fires; 1 is pending."
    assert "○ Critical, pending, until 15:02" in tab.text(".alarm")


def test_an_alarm_that_is_over_is_in_the_history_of_its_range(open_site: OpenSite, open_tab: OpenTab) -> None:
    def come_and_go(world: World) -> None:
        fail(world)
        recover(world)
        world.clock.now_ns += 2 * 3600 * NS_PER_S

    site = open_site(come_and_go)
    tab = open_tab(site).open("/alerts")
    assert "No alarm is open. The last one ended 2 h ago." in tab.text("main h1")
    assert "No alarm ended in the last hour" in tab.text()
    tab.page.click("text=Show the last 30 days")
    tab.shown("/alerts?range=30d")
    row = tab.page.locator("#w-history tbody tr")
    assert row.count() == 1
    assert "Calls fail" in row.inner_text()
    assert "shop · gpt-4" in row.inner_text()
    row.locator("a").first.click()
    tab.page.wait_for_selector(".alarm")
    assert "✓ Resolved, was critical" in tab.text(".alarm")
    assert "alert=" in tab.page.url


def test_a_filter_never_hides_an_alarm_without_saying_so(open_site: OpenSite, open_tab: OpenTab) -> None:
    def fail_twice(world: World) -> None:
        send(world, n=40, n_failed=10, service="search")
        fail(world)

    tab = open_tab(open_site(fail_twice)).open("/alerts?service=search")
    assert "2 alarms fire, 2 critical; none acknowledged." in tab.text("main h1")
    assert tab.page.locator(".alarm").count() == 1
    assert "1 open alarm elsewhere, hidden by the filters above." in tab.text(".hidden-alarms")
    tab.page.click(".hidden-alarms a")
    tab.shown("/alerts")
    assert tab.page.locator(".alarm").count() == 2


def test_a_link_to_an_alarm_marks_it(failing: Site, open_tab: OpenTab) -> None:
    tab = open_tab(failing).open(f"/alerts?alert={alarm(failing).alert_id}")
    assert tab.page.locator(".alarm[aria-current]").count() == 1


def test_a_link_to_no_alarm_says_so(failing: Site, open_tab: OpenTab) -> None:
    tab = open_tab(failing).open("/alerts?alert=nonsense")
    assert "there is no alarm 'nonsense'" in tab.text()
    assert [problem[:3] for problem in tab.problems if problem[:3].isdigit()] == ["400"]
    tab.problems.clear()


def test_a_rule_is_switched_off_and_on(failing: Site, open_tab: OpenTab) -> None:
    def is_on() -> bool:
        return next(rule.enabled for rule in failing.world.book.rules() if rule.rule_id == FAILING)

    tab = open_tab(failing).open("/alerts")
    row = tab.page.locator("#w-rules tr", has_text="Calls fail")
    row.locator("button").click()
    row.locator("text=Switch on").wait_for()
    assert not is_on()
    look(failing.world, after_s=1)
    assert not failing.world.book.open_alerts()
    row.locator("button").click()
    row.locator("text=Switch off").wait_for()
    assert is_on()


def test_without_an_alarm_the_page_shows_what_is_watched(empty_site: Site, open_tab: OpenTab) -> None:
    tab = open_tab(empty_site).open("/alerts")
    assert "No alarm so far." in tab.text("main h1")
    assert tab.page.locator("#w-rules tbody tr").count() == len(empty_site.world.book.rules())
    assert "Error rate above 5 % for 2 min, over 5 min, at least 20 calls, by service and model" in tab.text()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_alarms_fit_on_a_phone(failing: Site, open_tab: OpenTab, theme: str) -> None:
    tab = open_tab(failing, theme=theme, width=390, height=844).open("/alerts")
    assert tab.page.evaluate("document.documentElement.scrollWidth") == 390
    tab.page.click("text=Acknowledge…")
    box = tab.page.locator(".alarm input[name=author]").bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390


def test_a_rule_is_told_in_words() -> None:
    cost = MetricRule(
        rule_id="cost", name="Cost", metric="cost_usd", comparison="above", threshold=20, service="shop",
        environment="production", by=("request_model",), window_s=3600, min_samples=1,
    )  # fmt: skip
    assert rule_in_words(cost) == "Cost of shop in production above $20, over 1 h, at least 1 call, by model"
    refused = MetricRule(
        rule_id="refused", name="Refused", metric="score:refusal:label:refused", comparison="above", threshold=0.25,
        by=(), window_s=90, for_s=600,
    )  # fmt: skip
    told = "Share of refusal that is refused above 25 % for 10 min, over 1.5 min, at least 20 scores"
    assert rule_in_words(refused) == told
    drift = VerdictRule(rule_id="drift", name="Drift", request_model="gpt-4")
    assert rule_in_words(drift) == "A drift verdict says model changed of gpt-4, by service and model"


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("ttft_p95_s", "Time to first token p95"),
        ("score:groundedness:mean", "Mean groundedness"),
        ("score:judge:helpfulness:mean", "Mean judge:helpfulness"),
        ("score:pii:n", "Scores of pii"),
    ],
)
def test_a_metric_has_a_name_for_people(name: str, told: str) -> None:
    assert metric(name) == told
