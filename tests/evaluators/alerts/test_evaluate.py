"""One evaluation over the real store: metrics of calls and scores become alerts with their notifications."""

import json
import logging
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Engine, insert, select
from sqlalchemy.exc import IntegrityError

from collector.score import Score
from collector.state.tables import alerts, outbox
from collector.store.base import TelemetryStore
from collector.times import NS_PER_S
from evaluators.alerts import AlertBook, MetricRule
from evaluators.alerts.evaluate import evaluate
from evaluators.alerts.step import Phase

RULE = MetricRule(
    rule_id="errors", name="Calls fail", metric="error_rate", comparison="above", threshold=0.05, severity="critical"
)

WriteCalls = Callable[..., None]


def outgoing(engine: Engine) -> list[dict[str, object]]:
    with engine.connect() as connection:
        return [json.loads(body) for body in connection.scalars(select(outbox.c.body).order_by(outbox.c.created_ns))]


def test_failing_calls_fire_and_healthy_ones_resolve(
    store: TelemetryStore, book: AlertBook, engine: Engine, write_calls: WriteCalls, now_ns: int
) -> None:
    write_calls(store, now_ns - 60 * NS_PER_S, n=100, n_errors=20)
    evaluate([RULE], store, book, now_ns)
    (alert,) = book.open_alerts()
    assert (alert.state, alert.value) == (Phase.FIRING, 0.2)
    assert alert.labels == {"service": "shop", "request_model": "gpt-4"}

    evaluate([RULE], store, book, now_ns + 15 * NS_PER_S)
    write_calls(store, now_ns + 400 * NS_PER_S, n=100)
    evaluate([RULE], store, book, now_ns + 420 * NS_PER_S)
    assert book.open_alerts() == []
    assert [body["status"] for body in outgoing(engine)] == ["firing", "resolved"]


def test_the_notification_has_alertmanagers_form(
    store: TelemetryStore, book: AlertBook, engine: Engine, write_calls: WriteCalls, now_ns: int
) -> None:
    write_calls(store, now_ns - 60 * NS_PER_S, n=100, n_errors=20)
    (change,) = evaluate([RULE], store, book, now_ns)
    (body,) = outgoing(engine)
    labels = {"alertname": "Calls fail", "severity": "critical", "service": "shop", "request_model": "gpt-4"}
    assert body["version"] == "4"
    assert (body["status"], body["receiver"], body["externalURL"]) == ("firing", "oncall", "https://watch.example")
    assert body["commonLabels"] == labels
    link = f"https://watch.example/alerts?alert={change.alert.alert_id}"
    calls = (
        "https://watch.example/traces?service=shop&request_model=gpt-4"
        "&since=2026-11-21T11%3A55%3A00Z&until=2026-11-21T12%3A00%3A00Z"
    )
    assert body["alerts"] == [
        {
            "status": "firing",
            "labels": labels,
            "annotations": {"summary": "error_rate of gpt-4 in shop is 20 %, above 5 % (5 min, n = 100)."},
            "startsAt": "2026-11-21T12:00:00Z",
            "endsAt": "0001-01-01T00:00:00Z",
            "generatorURL": link,
            "fingerprint": change.alert.fingerprint[:16],
            "alert_id": change.alert.alert_id,
            "value": 0.2,
            "links": {"calls": calls, "alert": link},
        }
    ]


def test_scores_are_watched_like_calls(store: TelemetryStore, book: AlertBook, now_ns: int) -> None:
    store.write_scores(
        [
            Score(
                target_id=f"{i:032x}",
                target_start_ns=now_ns - 60 * NS_PER_S,
                evaluator="groundedness",
                version="1",
                source="model",
                value=0.5,
                created_ns=now_ns,
                service="shop",
                request_model="gpt-4",
            )
            for i in range(20)
        ]
    )
    rule = MetricRule(
        rule_id="ungrounded",
        name="Ungrounded",
        metric="score:groundedness:mean",
        comparison="below",
        threshold=0.6,
    )
    evaluate([rule], store, book, now_ns)
    assert [(alert.state, alert.value) for alert in book.open_alerts()] == [(Phase.FIRING, 0.5)]


@pytest.mark.parametrize(
    ("where", "fires"),
    [
        ({"service": "shop"}, True),
        ({"service": "search"}, False),
        ({"request_model": "gpt-4"}, True),
        ({"request_model": "gpt-5"}, False),
        ({"environment": "prod"}, True),
        ({"environment": "test"}, False),
    ],
)
def test_a_rule_looks_only_where_it_says(
    store: TelemetryStore,
    book: AlertBook,
    write_calls: WriteCalls,
    now_ns: int,
    where: dict[str, str],
    fires: bool,
) -> None:
    write_calls(store, now_ns - 60 * NS_PER_S, n=100, n_errors=20, environment="prod")
    evaluate([RULE.model_copy(update={**where, "by": ()})], store, book, now_ns)
    assert [alert.labels for alert in book.open_alerts()] == ([where] if fires else [])


@pytest.mark.parametrize("edit", [{"enabled": False}, {"metric": "errors", "threshold": 1e9}, {"by": ("service",)}])
def test_an_alert_that_no_rule_speaks_for_any_more_ends(
    store: TelemetryStore, book: AlertBook, write_calls: WriteCalls, now_ns: int, edit: dict[str, object]
) -> None:
    write_calls(store, now_ns - 60 * NS_PER_S, n=100, n_errors=20)
    evaluate([RULE], store, book, now_ns)
    (old,) = book.open_alerts()
    evaluate([RULE.model_copy(update=edit)], store, book, now_ns + NS_PER_S)
    ended = book.alert(old.alert_id)
    assert ended is not None
    assert ended.state is Phase.RESOLVED
    assert "switched off or changed" in ended.summary


def test_a_new_threshold_or_name_keeps_the_alert(
    store: TelemetryStore, book: AlertBook, write_calls: WriteCalls, now_ns: int
) -> None:
    write_calls(store, now_ns - 60 * NS_PER_S, n=100, n_errors=20)
    evaluate([RULE], store, book, now_ns)
    (old,) = book.open_alerts()
    changed = RULE.model_copy(update={"threshold": 0.1, "name": "Too many fail"})
    assert not any(change.notifies for change in evaluate([changed], store, book, now_ns + NS_PER_S))
    (new,) = book.open_alerts()
    assert (new.alert_id, new.rule_name) == (old.alert_id, "Too many fail")


def test_an_acknowledgement_survives_the_next_evaluation(
    store: TelemetryStore, book: AlertBook, write_calls: WriteCalls, now_ns: int
) -> None:
    write_calls(store, now_ns - 60 * NS_PER_S, n=100, n_errors=20)
    evaluate([RULE], store, book, now_ns)
    book.acknowledge(book.open_alerts()[0].alert_id, "ada", now_ns + 1)
    write_calls(store, now_ns, n=100, n_errors=50)
    evaluate([RULE], store, book, now_ns + 15 * NS_PER_S)
    (alert,) = book.open_alerts()
    assert (alert.value, alert.acknowledged_by) == (0.35, "ada")


def test_a_rule_that_the_store_refuses_does_not_silence_the_others(
    store: TelemetryStore,
    book: AlertBook,
    write_calls: WriteCalls,
    now_ns: int,
    caplog: pytest.LogCaptureFixture,
) -> None:
    write_calls(store, now_ns - 60 * NS_PER_S, n=100, n_errors=20)
    refused = RULE.model_copy(update={"rule_id": "odd", "metric": "no_such_metric"})
    with caplog.at_level(logging.ERROR):
        evaluate([refused, RULE], store, book, now_ns)
    assert [alert.rule_id for alert in book.open_alerts()] == ["errors"]
    assert "rule odd cannot be evaluated" in caplog.text


def test_an_alert_and_its_notification_are_stored_together_or_not_at_all(
    store: TelemetryStore, book: AlertBook, engine: Engine, write_calls: WriteCalls, now_ns: int, tmp_path: Path
) -> None:
    write_calls(store, now_ns - 60 * NS_PER_S, n=100, n_errors=20)
    (change,) = evaluate([RULE], store, AlertBook(engine), now_ns)
    with engine.begin() as connection:
        connection.execute(alerts.delete())
        connection.execute(  # takes the place of the notification that the same transition is about to write
            insert(outbox).values(
                delivery_id=f"{change.alert.alert_id}-firing-oncall",
                alert_id="x",
                receiver="x",
                body="{}",
                created_ns=0,
                n_attempts=0,
                next_attempt_ns=0,
            )
        )
    with pytest.raises(IntegrityError):
        evaluate([RULE], store, book, now_ns)
    assert book.open_alerts() == []


def test_a_firing_that_somebody_else_resolved_meanwhile_is_not_told_twice(
    store: TelemetryStore, book: AlertBook, engine: Engine, write_calls: WriteCalls, now_ns: int
) -> None:
    write_calls(store, now_ns - 60 * NS_PER_S, n=100, n_errors=20)
    evaluate([RULE], store, book, now_ns)
    off = RULE.model_copy(update={"enabled": False})
    stale = book.open_alerts()
    evaluate([off], store, book, now_ns + NS_PER_S)

    class Stale(AlertBook):
        def open_alerts(self) -> list[object]:  # type: ignore[override]
            return list(stale)

    evaluate([off], store, Stale(engine, receivers=("oncall",)), now_ns + 2 * NS_PER_S)
    assert [body["status"] for body in outgoing(engine)] == ["firing", "resolved"]
