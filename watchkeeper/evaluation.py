"""The evaluating half of the process: scores, drift, review, alerts, and how they fare."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import Engine

from collector.store.base import TelemetryStore
from collector.system import Lag
from evaluators.alerts import AlertService
from evaluators.config import EvaluatorsConfig
from evaluators.drift.monitor import Monitors
from evaluators.judge import open_judge
from evaluators.review import ReviewQueue
from evaluators.service import EvaluationService


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    service: EvaluationService
    alerts: AlertService
    monitors: Monitors
    review: ReviewQueue

    def problem(self) -> str | None:
        """Which thread has ended that should not; None when all run."""
        wanted = {f"evaluate-{consumer.name}" for consumer in self.service.status().consumers}
        missing = (wanted | {"evaluate-drift", "alerts"}) - {thread.name for thread in threading.enumerate()}
        return f"ended: {', '.join(sorted(missing))}" if missing else None

    def lags(self) -> list[Lag]:
        """What the evaluators have not done yet."""
        return [
            Lag(evaluator=consumer.name, n_calls=consumer.lag_calls, wait_s=consumer.lag_s)
            for consumer in self.service.status().consumers
        ]


def start_evaluation(
    store: TelemetryStore,
    engine: Engine,
    config: EvaluatorsConfig,
    *,
    ui_url: str,
    ingest_load: Callable[[], float],
    parts: ExitStack,
) -> Evaluation:
    """Start evaluation and alerting, and leave to `parts` how to stop them. `ui_url`: where links lead by default."""
    monitors = Monitors(engine, store, time.time_ns, config.drift)
    review = ReviewQueue(engine, store, time.time_ns, config.review)
    judge = open_judge(config.judge, engine)
    service = EvaluationService(
        store, engine, config, monitors=monitors, judge=judge, after=review.fill, ingest_load=ingest_load
    )
    alerts_config = config.alerts
    if "base_url" not in alerts_config.model_fields_set:
        alerts_config = alerts_config.model_copy(update={"base_url": ui_url})
    alerts = AlertService(engine, store, alerts_config)
    parts.callback(service.close)
    service.start()
    parts.callback(alerts.close)
    alerts.start()
    return Evaluation(service=service, alerts=alerts, monitors=monitors, review=review)


_JUDGE_OUTCOMES = ("answered", "cached", "unparsable", "failed", "given_up", "over_budget", "too_long")


class EvaluationMetrics(Collector):
    """Read when Prometheus asks, so that they are never older than the answer."""

    def __init__(self, evaluation: Evaluation) -> None:
        self._evaluation = evaluation

    def collect(self) -> Iterable[Metric]:
        status = self._evaluation.service.status()
        families: dict[str, GaugeMetricFamily | CounterMetricFamily] = {
            "lag_calls": GaugeMetricFamily(
                "watchkeeper_evaluator_lag_calls", "Calls stored and not evaluated yet", labels=["evaluator"]
            ),
            "lag_s": GaugeMetricFamily(
                "watchkeeper_evaluator_lag_seconds", "Wait of the oldest of them", labels=["evaluator"]
            ),
            "n_evaluated": CounterMetricFamily(
                "watchkeeper_evaluator_calls", "Calls evaluated since the start", labels=["evaluator"]
            ),
            "n_scores": CounterMetricFamily(
                "watchkeeper_evaluator_scores", "Scores written since the start", labels=["evaluator"]
            ),
            "n_failed": CounterMetricFamily(
                "watchkeeper_evaluator_failed_calls", "Calls that could not be evaluated", labels=["evaluator"]
            ),
            "n_left_out": CounterMetricFamily(
                "watchkeeper_evaluator_left_out_calls", "Calls left out because of the backlog", labels=["evaluator"]
            ),
        }
        for consumer in status.consumers:
            for field, family in families.items():
                family.add_metric([consumer.name], getattr(consumer, field))
        families["lag_calls"].add_metric(["drift"], status.drift_lag_calls)
        yield from families.values()
        restarts = CounterMetricFamily(
            "watchkeeper_evaluator_restarts", "Times the child process of the evaluators was started again"
        )
        restarts.add_metric([], status.n_worker_restarts)
        yield restarts
        open_alerts = GaugeMetricFamily("watchkeeper_alerts", "Open alerts", labels=["state"])
        by_state = Counter(str(alert.state) for alert in self._evaluation.alerts.book.open_alerts())
        for state in ("pending", "firing"):
            open_alerts.add_metric([state], by_state[state])
        yield open_alerts
        if status.judge is not None:
            spent = CounterMetricFamily("watchkeeper_judge_cost_usd", "What the judge has cost since the start")
            spent.add_metric([], status.judge.cost_usd)
            yield spent
            verdicts = CounterMetricFamily(
                "watchkeeper_judge_verdicts", "Verdicts of the judge since the start, and why others are missing",
                labels=["outcome"],
            )  # fmt: skip
            for outcome in _JUDGE_OUTCOMES:
                verdicts.add_metric([outcome], getattr(status.judge, outcome))
            yield verdicts
