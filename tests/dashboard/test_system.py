"""The system page: what was refused is seen, with what to do; and what redaction covers is what it does."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from collector.errors import BadRequest
from collector.projects.access import OPEN
from collector.redacting import ROLES
from collector.redactions import COLUMNS
from collector.spool.entry import Held
from collector.spool.status import SpoolStatus
from collector.store.base import Footprint
from collector.system import Lag, SystemFigures
from dashboard.app import fingerprint
from dashboard.pages import system_words
from dashboard.pages.system_findings import findings
from tests.collector.records import batch_of_logs
from tests.dashboard.conftest import Site, Tab
from tests.dashboard.seed import World, seed

OpenTab = Callable[..., Tab]
OpenSite = Callable[[Callable[[World], None]], Site]

S = 10**9


def refuse(world: World) -> None:
    """Some minutes in which much was taken and a little was not."""
    world.metrics.took("traces", "http", 1200, rejected={"the time is missing or before the year 2000": 3}, noted={})
    world.metrics.took("logs", "grpc", 70, rejected={}, noted={"log_bodies": 2})
    world.metrics.rejected_requests.labels("http", "413").inc(5)
    world.metrics.understood({"email": 4, "order_number": 1, "unpriced": 6})
    world.clock.now_ns += 600 * S


@pytest.fixture(scope="module")
def refusing(open_site: OpenSite) -> Site:
    return open_site(refuse)


def row_of(tab: Tab, table: str, text: str) -> str:
    return tab.page.locator(f"#w-{table} tbody tr", has_text=text).first.inner_text()


def test_refusals_stand_on_top_with_what_to_do(refusing: Site, open_tab: OpenTab) -> None:
    tab = open_tab(refusing).open("/system")
    assert "5 requests over OTLP/HTTP refused (413): larger than allowed." in tab.text("main h1")
    assert "collector.max_body_bytes" in tab.text(".findings")
    assert "3 spans not kept: the time is missing or before the year 2000." in tab.text(".findings")
    assert tab.text(".figure.wrong .value") == "5"


def test_every_counter_has_a_row_with_what_it_means(refusing: Site, open_tab: OpenTab) -> None:
    tab = open_tab(refusing).open("/system")
    assert "1,200\t1,200" in row_of(tab, "counts", "Spans over OTLP/HTTP")
    assert "70\t70" in row_of(tab, "counts", "Log records over OTLP/gRPC")
    assert "6\t6" in row_of(tab, "counts", "Calls without a price")
    assert "bodies cut" in row_of(tab, "reasons", "Log records changed")
    assert "4\t4" in row_of(tab, "redacted", "e-mail address")


def test_the_overview_and_the_navigation_say_so_too(refusing: Site, open_tab: OpenTab) -> None:
    tab = open_tab(refusing).open("/")
    assert "8 requests and records were refused in the last 10 min" in tab.text(".banner")
    assert tab.text("nav a[title=System] .badge.urgent") == "8"
    tab.page.click(".banner a")
    tab.shown("/system")
    assert tab.page.get_attribute("nav a[aria-current]", "title") == "System"


def test_after_some_minutes_without_more_they_are_no_news(open_site: OpenSite, open_tab: OpenTab) -> None:
    def fill(world: World) -> None:
        refuse(world)
        for _ in range(62):
            world.clock.now_ns += 10 * S
            world.health.look()

    tab = open_tab(open_site(fill)).open("/system")
    assert "nothing refused" in tab.text("main h1")
    assert not tab.page.locator(".findings, .figure.wrong, nav .badge.urgent").count()
    assert "0\t5" in row_of(tab, "reasons", "413")


def test_open_pages_hear_of_a_refusal(refusing: Site) -> None:
    before = fingerprint(refusing.world.services)
    refusing.world.metrics.took("traces", "http", 5, rejected={}, noted={})
    assert fingerprint(refusing.world.services) == before
    refusing.world.metrics.rejected_requests.labels("rest", "400").inc()
    assert fingerprint(refusing.world.services) != before


def test_it_stands_while_the_store_is_away(open_site: OpenSite, open_tab: OpenTab) -> None:
    site = open_site(lambda made: None)
    site.world.store.close()
    tab = open_tab(site).open("/system")
    assert "The store does not answer now" in tab.text("main")
    assert tab.page.locator("main h1").count() == 1


def spool(*, n_bytes: int = 10, rejected: Held | None = None, store_problem: str | None = None) -> SpoolStatus:
    return SpoolStatus(
        held=Held(3, 1200, n_bytes), rejected=rejected or Held(), file_bytes=100, max_bytes=100, oldest_age_s=400.0,
        store_problem=store_problem, problem=None,
    )  # fmt: skip


@pytest.fixture
def well(site: Site) -> SystemFigures:
    return site.world.health.figures()


def test_nothing_is_found_where_nothing_is_wrong(well: SystemFigures) -> None:
    assert findings(well) == []


@pytest.mark.parametrize(
    ("changed", "tone", "said"),
    [
        ({"problems": {"store": "no space left"}}, "crit", "Store: no space left."),
        ({"queue_bytes": 60, "max_queue_bytes": 100}, "warn", "60.0 % of the queue"),
        ({"queue_bytes": 95, "max_queue_bytes": 100}, "crit", "95.0 % of the queue"),
        ({"lags": [Lag(evaluator="text", n_calls=7, wait_s=400.0)]}, "warn", "6.67 min behind, with 7 calls"),
        (
            {"footprint": Footprint(n_bytes=1, free_bytes=10**9, n_days=0, first_day=None, last_day=None)},
            "warn",
            "1.00 GB are left on the disk",
        ),
        ({"spool": spool(store_problem="no answer")}, "warn", "for 6.67 min, 1,200 spans wait for it: no answer."),
        ({"spool": spool(n_bytes=95, store_problem="no answer")}, "crit", "no answer."),
        ({"spool": spool(n_bytes=60)}, "warn", "60.0 % of the spool"),
        ({"spool": spool(rejected=Held(1, 17, 9))}, "warn", "does not take 17 spans"),
    ],
)
def test_what_is_wrong_is_said_with_what_to_do(
    well: SystemFigures, changed: dict[str, object], tone: str, said: str
) -> None:
    [found] = findings(replace(well, **changed))
    assert (found.tone, found.do != "") == (tone, True)
    assert said in found.what


def test_the_worst_is_first(well: SystemFigures) -> None:
    wrong = replace(well, queue_bytes=60, max_queue_bytes=100, problems={"ingest": "the last commit failed"})
    assert [found.tone for found in findings(wrong)] == ["crit", "warn"]


@pytest.mark.parametrize("reason", ["418", "ABORTED"])
def test_a_reason_without_words_of_its_own_still_has_some(reason: str) -> None:
    assert reason in system_words.refused(reason).what
    assert system_words.adapted("new_thing").what == "new thing"


def test_coverage_shows_every_column_once_and_what_becomes_of_it(site: Site, open_tab: OpenTab) -> None:
    tab = open_tab(site).open("/system/redaction")
    shown = tab.page.locator("#w-columns tbody tr").evaluate_all(
        "rows => rows.map((row) => [...row.cells].map((cell) => cell.innerText))"
    )
    assert len(shown) == len(COLUMNS)
    for (_, scanned, rest), (table, columns) in zip(shown, COLUMNS.items(), strict=True):
        searched = [name for part in scanned.split("; ") for name in part.split(": ")[1].split(", ")]
        assert sorted(searched + rest.split(", ")) == sorted(columns)
        if table in ROLES:
            assert set(searched) == ROLES[table].keys()


def test_each_project_shows_its_own_policy(site: Site, open_tab: OpenTab) -> None:
    tab = open_tab(site).open("/system/redaction")
    assert "order number" not in tab.text("#w-kinds")
    tab.page.locator("#w-projects tbody tr", has_text="shop").locator("a").click()
    tab.shown("/system/redaction?project=shop")
    assert "ORD-[0-9]{6}" in row_of(tab, "kinds", "order number")
    assert "[EMAIL:token]" in row_of(tab, "kinds", "e-mail address")
    assert "hashed: name" in row_of(tab, "columns", "Spans")


def test_a_visitor_of_one_project_sees_its_policy_and_no_other(site: Site) -> None:
    own = site.world.services.of(replace(OPEN, project="shop"))
    assert list(own.redactions.projects()) == ["shop"]
    with pytest.raises(BadRequest, match="default"):
        own.redactions.coverage("default")


def test_the_log_records_of_a_trace_stand_below_it(open_site: OpenSite, open_tab: OpenTab) -> None:
    site = open_site(lambda made: seed(made, hours=0.2, calls_per_hour=60, changed_hours=0))
    call = next(call for call in site.world.calls if call.service == "support")
    common = {"trace_id": call.trace_id, "time_ns": call.start_ns}
    rows = [
        {"log_id": "a", "severity": "ERROR", "body": "<b>no</b> stock", "span_id": call.span_id, **common},
        {"log_id": "b", "event_name": "cache.miss", **common},
        {"log_id": "c", "body": "of another", "time_ns": call.start_ns, "trace_id": "f" * 32},
    ]
    site.world.store.write([batch_of_logs(rows)])
    tab = open_tab(site).open(f"/traces/{call.trace_id}")
    logs = tab.page.locator("#w-logs tbody tr")
    assert logs.count() == 2
    assert "<b>no</b> stock" in row_of(tab, "logs", "ERROR")
    assert "cache.miss" in logs.nth(1).inner_text()
    logs.first.locator("a").first.click()
    tab.page.wait_for_url(f"**span={call.span_id}*")
