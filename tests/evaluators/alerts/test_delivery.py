"""From a transition in the store to the receiver, over real sockets, with everything that goes wrong on the way."""

import json
import logging
import random
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, text

from collector.store.base import TelemetryStore
from collector.times import NS_PER_S
from evaluators.alerts import Alert, AlertBook, AlertsConfig, AlertService, MetricRule, Outbox, ReceiverConfig, verify
from evaluators.alerts.alert import Change
from evaluators.alerts.deliver import deliver, open_client
from evaluators.alerts.evaluate import evaluate
from evaluators.alerts.retry import MAX_DELAY_S, Failure, retry_delay_s
from evaluators.alerts.step import Phase

SECRET = "a secret of this test"
RULE = MetricRule(rule_id="errors", name="Test calls fail", metric="error_rate", comparison="above", threshold=0.05)

WriteCalls = Callable[..., None]
Eventually = Callable[..., Any]
Scripted = Callable[..., Any]


class Clock:
    def __init__(self, now_ns: int) -> None:
        self.now_ns = now_ns

    def __call__(self) -> int:
        return self.now_ns

    def advance(self, seconds: float) -> None:
        self.now_ns += round(seconds * NS_PER_S)


class Sender:
    """Delivers to real sockets, at times that the test sets."""

    def __init__(self, engine: Engine, now_ns: int, **urls: str) -> None:
        self.clock = Clock(now_ns)
        self.outbox = Outbox(engine)
        self.receivers = {
            name: ReceiverConfig.model_validate({"name": name, "url": url, "secret": SECRET})
            for name, url in urls.items()
        }

    def deliver(self, *, give_up_after_s: float = 86_400, timeout_s: float = 0.3) -> None:
        with open_client(timeout_s) as client:
            deliver(
                self.outbox,
                self.receivers,
                client,
                give_up_after_s=give_up_after_s,
                clock=self.clock,
                rng=random.Random(7),
            )

    def one(self, alert: Alert) -> dict[str, Any]:
        (delivery,) = self.outbox.of_alerts([alert.alert_id])[alert.alert_id]
        return delivery.to_json()


@pytest.fixture
def fire(store: TelemetryStore, engine: Engine, write_calls: WriteCalls, now_ns: int) -> Callable[..., Alert]:
    """`fire(*receivers)`: an alert that the evaluation of failing calls has just raised."""

    def make(*receivers: str, **labels: str) -> Alert:
        write_calls(store, now_ns - 60 * NS_PER_S, n=100, n_errors=20, **labels)
        book = AlertBook(engine, receivers=receivers or ("oncall",))
        (change,) = (c for c in evaluate([RULE], store, book, now_ns) if c.notifies)
        return change.alert

    return make


def resolve(engine: Engine, alert: Alert, now_ns: int) -> None:
    resolved = replace(alert, state=Phase.RESOLVED, resolved_ns=now_ns)
    AlertBook(engine, receivers=("oncall",)).commit([Change(before=alert.state, alert=resolved)], now_ns)


@pytest.fixture
def refused_url() -> Iterator[str]:
    with socket.socket() as unheard:  # bound and not listening: connections to it are refused
        unheard.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{unheard.getsockname()[1]}/hook"


def test_a_notification_arrives_signed(engine: Engine, scripted: Scripted, fire: Any, now_ns: int) -> None:
    receiver, alert = scripted(204), fire()
    sender = Sender(engine, now_ns, oncall=receiver.url)
    sender.deliver()
    (request,) = receiver.requests
    verify(SECRET, request.headers, request.body, now_ns / 1e9)
    assert json.loads(request.body)["alerts"][0]["alert_id"] == alert.alert_id
    assert sender.one(alert)["state"] == "delivered"
    sender.deliver()
    assert len(receiver.requests) == 1


@pytest.mark.parametrize("status", [500, 503, 429, 408, 404, 301])
def test_a_failed_attempt_is_repeated_with_the_same_id_and_a_new_signature(
    engine: Engine, scripted: Scripted, fire: Any, now_ns: int, status: int
) -> None:
    receiver, alert = scripted(status), fire()
    sender = Sender(engine, now_ns, oncall=receiver.url)
    sender.deliver()
    assert sender.one(alert) | {"time": None} == {
        "delivery_id": f"{alert.alert_id}-firing-oncall",
        "receiver": "oncall",
        "state": "waiting",
        "time": None,
        "n_attempts": 1,
        "last_error": f"answered {status}",
    }
    sender.deliver()
    assert len(receiver.requests) == 1, "not before the delay is over"
    sender.clock.advance(1)
    sender.deliver()
    first, second = receiver.requests
    assert first.headers["X-Watchkeeper-Delivery"] == second.headers["X-Watchkeeper-Delivery"]
    assert first.body == second.body
    verify(SECRET, second.headers, second.body, sender.clock() / 1e9, tolerance_s=0.5)
    assert sender.one(alert)["state"] == "delivered"


def test_a_receiver_that_asks_for_time_gets_it(engine: Engine, scripted: Scripted, fire: Any, now_ns: int) -> None:
    receiver = scripted((429, {"Retry-After": "60"}))
    fire()
    sender = Sender(engine, now_ns, oncall=receiver.url)
    sender.deliver()
    sender.clock.advance(59)
    sender.deliver()
    assert len(receiver.requests) == 1
    sender.clock.advance(1)
    sender.deliver()
    assert len(receiver.requests) == 2


def test_a_receiver_that_hangs_is_left_after_the_timeout(
    engine: Engine, scripted: Scripted, fire: Any, now_ns: int
) -> None:
    receiver, alert = scripted("hang"), fire()
    sender = Sender(engine, now_ns, oncall=receiver.url)
    sender.deliver(timeout_s=0.2)
    assert sender.one(alert)["last_error"] == "no answer within 0.2 s"
    sender.clock.advance(1)
    sender.deliver()
    assert sender.one(alert)["state"] == "delivered"


def test_a_refused_connection_is_tried_again(
    engine: Engine, scripted: Scripted, fire: Any, now_ns: int, refused_url: str
) -> None:
    alert = fire()
    sender = Sender(engine, now_ns, oncall=refused_url)
    sender.deliver()
    assert "cannot be reached: " in sender.one(alert)["last_error"]
    receiver = scripted()
    back = Sender(engine, now_ns + NS_PER_S, oncall=receiver.url)
    back.deliver()
    assert back.one(alert)["state"] == "delivered"


def test_a_dead_receiver_is_asked_once_in_a_round_and_holds_up_nobody_else(
    engine: Engine, scripted: Scripted, fire: Any, now_ns: int
) -> None:
    dead, alive = scripted(*["hang"] * 9), scripted()
    for service in ("shop", "search", "mail"):
        fire("dead", "alive", service=service)
    sender = Sender(engine, now_ns, dead=dead.url, alive=alive.url)
    sender.deliver(timeout_s=0.2)
    sender.deliver(timeout_s=0.2)
    assert len(dead.requests) == 1
    assert len(alive.requests) == 3


def test_a_receiver_hears_of_the_end_only_after_the_beginning(
    engine: Engine, scripted: Scripted, fire: Any, now_ns: int
) -> None:
    receiver, alert = scripted(404, 404), fire()
    sender = Sender(engine, now_ns, oncall=receiver.url)
    sender.deliver()
    resolve(engine, alert, now_ns - 60 * NS_PER_S)  # the clock was set back meanwhile
    due_ns = sender.outbox.next_due_ns()
    assert due_ns is not None
    assert due_ns > sender.clock(), "the end that waits for its beginning is not due"
    for _ in range(6):
        sender.clock.advance(1)
        sender.deliver()
    statuses = [json.loads(request.body)["status"] for request in receiver.requests]
    assert statuses == ["firing", "firing", "firing", "resolved"]


@pytest.mark.parametrize(("status", "limit_s"), [(500, 86_400), (404, 3600), (302, 3600)])
def test_it_gives_up_after_the_stated_time_and_shows_it(
    engine: Engine,
    scripted: Scripted,
    fire: Any,
    now_ns: int,
    caplog: pytest.LogCaptureFixture,
    status: int,
    limit_s: float,
) -> None:
    receiver, alert = scripted(*[status] * 99), fire()
    sender = Sender(engine, now_ns, oncall=receiver.url)
    sender.deliver()
    sender.clock.advance(limit_s - 1)
    sender.deliver()
    assert sender.one(alert)["state"] == "waiting"
    sender.clock.advance(MAX_DELAY_S)
    with caplog.at_level(logging.ERROR):
        sender.deliver()
    assert sender.one(alert)["state"] == "gave_up"
    assert f"gave up on {alert.alert_id}-firing-oncall after 3 attempts: answered {status}" in caplog.text
    sender.clock.advance(MAX_DELAY_S)
    sender.deliver()
    assert len(receiver.requests) == 3


def test_a_receiver_that_is_not_configured_any_more_is_given_up(engine: Engine, fire: Any, now_ns: int) -> None:
    alert = fire()
    sender = Sender(engine, now_ns)
    sender.deliver()
    assert sender.one(alert)["state"] == "gave_up"
    assert sender.one(alert)["last_error"] == "receiver 'oncall' is not configured any more"


def test_neither_secret_nor_url_is_logged(
    engine: Engine, scripted: Scripted, fire: Any, now_ns: int, caplog: pytest.LogCaptureFixture, refused_url: str
) -> None:
    receiver = scripted(500, 404)
    fire("a", "b")
    with caplog.at_level(logging.INFO):
        Sender(engine, now_ns, a=f"{receiver.url}/token", b=f"{refused_url}/token").deliver()
    text = "\n".join(record.getMessage() for record in caplog.records)
    assert "is tried again" in text
    assert SECRET not in text
    assert "token" not in text


@given(st.integers(1, 2000), st.floats(0, 1e9) | st.none(), st.integers())
def test_delays_grow_and_stay_within_bounds(n_attempts: int, retry_after_s: float | None, seed: int) -> None:
    failure = Failure(error="answered 503", status=503, retry_after_s=retry_after_s)
    delay_s = retry_delay_s(n_attempts, failure, random.Random(seed))
    assert min(2.0 ** min(n_attempts - 1, 9), MAX_DELAY_S) / 2 <= delay_s <= MAX_DELAY_S
    assert delay_s >= min(retry_after_s or 0, MAX_DELAY_S)


@pytest.fixture
def run_service(engine: Engine, store: TelemetryStore) -> Iterator[Callable[..., AlertService]]:
    with ExitStack() as running:

        def start(url: str, **settings: Any) -> AlertService:
            receiver = {"name": "oncall", "url": url, "secret": SECRET}
            config = AlertsConfig.model_validate({"interval_s": 0.1, "receivers": [receiver], **settings})
            service = AlertService(engine, store, config)
            service.start()
            running.callback(service.close)
            return service

        yield start


def test_the_service_evaluates_and_delivers_by_itself(
    store: TelemetryStore,
    run_service: Callable[..., AlertService],
    scripted: Scripted,
    write_calls: WriteCalls,
    eventually: Eventually,
) -> None:
    receiver = scripted(500, "hang")
    service = run_service(receiver.url, timeout_s=0.3)
    assert len(service.book.rules()) > 1, "a new installation has rules"
    service.book.save_rule(RULE, time.time_ns())
    write_calls(store, time.time_ns() - 10 * NS_PER_S, n=100, n_errors=50)
    eventually(lambda: len(receiver.requests) == 3)
    service.book.save_rule(RULE.model_copy(update={"enabled": False}), time.time_ns())
    eventually(lambda: len(receiver.requests) == 4)
    assert [json.loads(request.body)["status"] for request in receiver.requests] == ["firing"] * 3 + ["resolved"]


def test_an_error_is_logged_and_the_thread_goes_on(
    engine: Engine,
    store: TelemetryStore,
    run_service: Callable[..., AlertService],
    scripted: Scripted,
    write_calls: WriteCalls,
    eventually: Eventually,
    caplog: pytest.LogCaptureFixture,
) -> None:
    receiver = scripted()
    service = run_service(receiver.url)
    with caplog.at_level(logging.WARNING):
        with engine.begin() as connection:
            connection.execute(text("ALTER TABLE alerts RENAME TO lost"))
        missing = "no such table: alerts" if engine.dialect.name == "sqlite" else 'relation "alerts" does not exist'
        eventually(lambda: missing in caplog.text)
        with engine.begin() as connection:
            connection.execute(text("ALTER TABLE lost RENAME TO alerts"))
    service.book.save_rule(RULE, time.time_ns())
    write_calls(store, time.time_ns() - 10 * NS_PER_S, n=100, n_errors=50)
    eventually(lambda: receiver.requests)


def test_a_row_that_cannot_be_read_does_not_end_the_thread(
    engine: Engine,
    run_service: Callable[..., AlertService],
    scripted: Scripted,
    eventually: Eventually,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with engine.begin() as connection:
        columns = "rule_id, name, spec, enabled, created_ns"
        connection.execute(text(f"INSERT INTO rules ({columns}) VALUES ('r', 'of a kind to come', '{{}}', true, 1)"))
    with caplog.at_level(logging.WARNING):
        run_service(scripted().url)
        eventually(lambda: caplog.text.count("an unexpected error") >= 2)
    assert "alerts" in {thread.name for thread in threading.enumerate()}
