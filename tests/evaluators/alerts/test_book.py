"""Rules and alerts in a real database."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from sqlalchemy import Engine, event, text

from collector.errors import BadRequest, StoreUnavailable
from evaluators.alerts import Alert, AlertBook, VerdictRule
from evaluators.alerts.alert import Change
from evaluators.alerts.defaults import DEFAULT_RULES
from evaluators.alerts.step import Phase


@pytest.fixture
def an_alert() -> Callable[..., Alert]:
    def make(place: int, **given: object) -> Alert:
        fields: dict[str, object] = {
            "alert_id": f"{place:032x}",
            "rule_id": "errors",
            "rule_name": "Calls fail",
            "fingerprint": f"{place:032x}",
            "labels": {"service": "shop"},
            "state": Phase.FIRING,
            "severity": "critical",
            "value": 0.2,
            "summary": "20 % failed",
            "links": {},
            "since_ns": 1000 + place,
            "fired_ns": 1000 + place,
        }
        return Alert(**fields | given)  # type: ignore[arg-type]

    return make


def store_alerts(book: AlertBook, *alerts: Alert) -> None:
    book.commit([Change(before=Phase.OK, alert=alert) for alert in alerts], now_ns=5000)


def test_the_first_rules_are_written_once(book: AlertBook) -> None:
    book.save_first_rules(DEFAULT_RULES, now_ns=1)
    off = DEFAULT_RULES[0].model_copy(update={"enabled": False})
    book.save_rule(off, now_ns=2)
    book.save_first_rules(DEFAULT_RULES, now_ns=3)
    assert list(book.rules()) == [off, *DEFAULT_RULES[1:]]


def test_a_rule_replaces_the_one_with_its_id(book: AlertBook) -> None:
    rule = VerdictRule(rule_id="changed", name="Changed")
    book.save_rule(rule, now_ns=1)
    book.save_rule(rule.model_copy(update={"severity": "info"}), now_ns=2)
    assert [rule.severity for rule in book.rules()] == ["info"]


def test_two_rules_with_one_name_are_refused(book: AlertBook) -> None:
    book.save_rule(VerdictRule(rule_id="a", name="Changed"), now_ns=1)
    with pytest.raises(BadRequest, match="rule 'a' is called 'Changed' already"):
        book.save_rule(VerdictRule(rule_id="b", name="Changed"), now_ns=2)


def test_alerts_come_back_as_they_were_stored(book: AlertBook, an_alert: Callable[..., Alert]) -> None:
    stored = an_alert(1, value=None, links={"calls": "/traces?service=shop"})
    store_alerts(book, stored)
    assert book.alert(stored.alert_id) == stored
    assert list(book.open_alerts()) == [stored]


def test_pages_hold_every_alert_once_also_while_new_ones_begin(book: AlertBook, an_alert: Callable[..., Alert]) -> None:
    store_alerts(book, *(an_alert(i, since_ns=1000 + i // 3) for i in range(10)))
    seen: list[Alert] = []
    cursor = None
    while True:
        page = book.alerts(since_ns=0, until_ns=9999, limit=3, cursor=cursor)
        seen += page.items
        cursor = page.next_cursor
        if cursor is None:
            break
        store_alerts(book, an_alert(100 + len(seen), since_ns=5000))
    assert len({alert.alert_id for alert in seen}) == len(seen) == 10
    assert [alert.since_ns for alert in seen] == sorted((alert.since_ns for alert in seen), reverse=True)


def test_a_range_holds_what_was_open_in_it(book: AlertBook, an_alert: Callable[..., Alert]) -> None:
    old = an_alert(1, since_ns=100, state=Phase.RESOLVED, resolved_ns=200)
    long = an_alert(2, since_ns=100)
    recent = an_alert(3, since_ns=500, state=Phase.PENDING, fired_ns=None)
    future = an_alert(4, since_ns=900)
    store_alerts(book, old, long, recent, future)
    assert list(book.alerts(since_ns=300, until_ns=900).items) == [recent, long]
    assert list(book.alerts(since_ns=0, until_ns=9999, state="resolved").items) == [old]


def test_a_state_or_cursor_that_cannot_be_is_refused(book: AlertBook) -> None:
    with pytest.raises(BadRequest, match="state must be one of pending, firing, resolved, got 'open'"):
        book.alerts(since_ns=0, until_ns=1, state="open")
    with pytest.raises(BadRequest, match="not a cursor"):
        book.alerts(since_ns=0, until_ns=1, cursor="x")


def test_the_first_acknowledgement_is_kept(book: AlertBook, an_alert: Callable[..., Alert]) -> None:
    alert = an_alert(1)
    store_alerts(book, alert)
    seen = replace(alert, acknowledged_ns=7, acknowledged_by="ada")
    assert book.acknowledge(alert.alert_id, " ada ", now_ns=7) == seen
    assert book.acknowledge(alert.alert_id, "bob", now_ns=8) == seen


@pytest.mark.parametrize(("alert_id", "author"), [("0" * 32, "ada"), (f"{1:032x}", "  ")])
def test_nobody_acknowledges_and_nothing_is_acknowledged(
    book: AlertBook, an_alert: Callable[..., Alert], alert_id: str, author: str
) -> None:
    store_alerts(book, an_alert(1))
    with pytest.raises(BadRequest):
        book.acknowledge(alert_id, author, now_ns=7)


def test_what_is_in_the_book_survives_a_restart(
    engine: Engine, book: AlertBook, an_alert: Callable[..., Alert], reopen_state: Callable[[], Engine]
) -> None:
    store_alerts(book, an_alert(1))
    engine.dispose()
    reopened = AlertBook(reopen_state())
    assert list(reopened.open_alerts()) == [an_alert(1)]


def test_a_locked_database_is_an_error_that_a_retry_can_help(
    engine: Engine, reopen_state: Callable[[], Engine], an_alert: Callable[..., Alert]
) -> None:
    is_sqlite = engine.dialect.name == "sqlite"
    impatient = reopen_state()
    waits = "PRAGMA busy_timeout = 50" if is_sqlite else "SET LOCAL lock_timeout = '50ms'"
    event.listen(impatient, "begin", lambda connection: connection.exec_driver_sql(waits))
    with engine.connect() as holder:
        holder.execute(text("BEGIN EXCLUSIVE" if is_sqlite else "LOCK TABLE alerts"))
        with pytest.raises(StoreUnavailable, match="does not answer"):
            store_alerts(AlertBook(impatient), an_alert(1))
