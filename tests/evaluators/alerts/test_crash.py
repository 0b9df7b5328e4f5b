"""A killed process loses no notification and tells of no transition twice, but for the one whose answer it missed."""

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, Row, select

from collector.state.tables import outbox
from collector.store import open_store
from collector.times import NS_PER_S
from evaluators.alerts import AlertBook, MetricRule, WebhookReceiver

SECRET = "a secret of this test"
RULE = MetricRule(
    rule_id="errors",
    name="Test calls fail",
    metric="error_rate",
    comparison="above",
    threshold=0.05,
    window_s=3600,
)

Eventually = Callable[..., Any]


@pytest.fixture
def run(
    tmp_path: Path, state_database: str, engine: Engine, write_calls: Callable[..., None]
) -> Iterator[Callable[[str], Any]]:
    """`run(url)`: a process that alerts to `url` on a store in which calls are failing."""
    AlertBook(engine).save_rule(RULE, time.time_ns())
    store = open_store(tmp_path)
    write_calls(store, time.time_ns() - 10 * NS_PER_S, n=100, n_errors=50)
    store.close()
    with ExitStack() as running:

        def start(url: str) -> subprocess.Popen[bytes]:
            script = Path(__file__).with_name("alerting_process.py")
            process = subprocess.Popen([sys.executable, str(script), state_database, str(tmp_path), url, SECRET])
            running.callback(process.wait)
            running.callback(process.kill)
            return process

        yield start


def kill(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL


def in_outbox(engine: Engine) -> list[Row[Any]]:
    with engine.connect() as connection:
        return list(connection.execute(select(outbox)))


def test_what_was_committed_before_a_kill_is_delivered_once_after_it(
    run: Callable[[str], Any], engine: Engine, eventually: Eventually
) -> None:
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))
        port = unheard.getsockname()[1]
        process = run(f"http://127.0.0.1:{port}/alerts")
        eventually(lambda: in_outbox(engine))
        kill(process)
    (waiting,) = in_outbox(engine)
    assert waiting.delivered_ns is None

    taken: list[Any] = []
    with WebhookReceiver(SECRET, taken.append, port=port) as receiver:
        run(receiver.url)
        eventually(lambda: in_outbox(engine)[0].delivered_ns)
        time.sleep(1)  # several evaluations later
    assert taken == [json.loads(waiting.body)]
    assert [row.delivery_id for row in in_outbox(engine)] == [waiting.delivery_id]
    assert taken[0]["alerts"][0]["alert_id"] == waiting.alert_id
    assert len(AlertBook(engine).open_alerts()) == 1


def test_an_answer_that_was_missed_repeats_the_delivery_id(
    run: Callable[[str], Any], engine: Engine, eventually: Eventually, scripted: Callable[..., Any]
) -> None:
    receiver = scripted("hang")
    process = run(receiver.url)
    eventually(lambda: receiver.requests)
    kill(process)
    run(receiver.url)
    eventually(lambda: in_outbox(engine)[0].delivered_ns)
    first, second = receiver.requests
    assert first.headers["X-Watchkeeper-Delivery"] == second.headers["X-Watchkeeper-Delivery"]
    assert first.body == second.body
