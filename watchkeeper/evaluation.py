"""The evaluating half of the process: scores, drift, review, alerts, and how they fare."""

import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from collector.errors import StoreUnavailable
from collector.system import Lag
from evaluators.alerts import AlertService
from evaluators.alerts.service import DUTY as ALERTING
from evaluators.checkpoints import consumer_places
from evaluators.judge import open_judge
from evaluators.quiet import Quiet
from evaluators.service import EvaluationService
from watchkeeper.base import Base
from watchkeeper.findings import Findings, alerts_config

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    service: EvaluationService
    alerts: AlertService

    def problem(self) -> str | None:
        """Which thread has ended that should not; None when all run."""
        wanted = {f"evaluate-{name}" for name in self.service.consumers}
        missing = (wanted | {"evaluate-drift", "alerts"}) - {thread.name for thread in threading.enumerate()}
        return f"ended: {', '.join(sorted(missing))}" if missing else None


def start_evaluation(base: Base, findings: Findings) -> Evaluation:
    """Start evaluation and alerting; what others do already waits for its turn."""
    config, duties = base.config.evaluators, base.duties
    service = EvaluationService(
        base.store,
        base.engine,
        config,
        monitors=findings.monitors,
        judge=open_judge(config.judge, base.engine),
        after=findings.review.fill,
        ingest_load=(lambda: 0.0) if base.storage is None else partial(getattr, base.storage.ingest, "load"),
        duties=duties,
    )
    alerts = AlertService(base.engine, base.store, alerts_config(config, base.url), duty=duties.duty(ALERTING))
    base.stack.callback(service.close)
    service.start()
    base.stack.callback(alerts.close)
    alerts.start()
    evaluation = Evaluation(service=service, alerts=alerts)
    base.checks["evaluation"] = evaluation.problem
    base.registry.register(EvaluationMetrics(evaluation))
    return evaluation


def lags_of(base: Base) -> Callable[[], list[Lag]]:
    """How far the evaluators are, whichever process they run in."""
    quiet = Quiet(base.store.last_seq)

    def lags() -> list[Lag]:
        places, newest = consumer_places(base.engine), base.store.last_seq()
        return [
            Lag(evaluator=name, n_calls=max(0, newest - seq), wait_s=quiet.lag_s(seq)) for name, seq in places.items()
        ]

    return lags


_JUDGE_OUTCOMES = ("answered", "cached", "unparsable", "failed", "given_up", "over_budget", "too_long")


class EvaluationMetrics(Collector):
    """Read when Prometheus asks, so that they are never older than the answer."""

    def __init__(self, evaluation: Evaluation) -> None:
        self._evaluation = evaluation

    def collect(self) -> Iterable[Metric]:
        try:
            yield from self._families()
        except StoreUnavailable as error:  # the metrics of the rest of the process are wanted all the more
            log.warning("the metrics of the evaluation are left out: %s", error)

    def _families(self) -> Iterator[Metric]:
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
