"""What the evaluation finds and people answer: alerts, drift monitors, the review queue. All of it is in the databases,
so that any process shows it."""

import time
from dataclasses import dataclass

from evaluators.alerts import AlertBook, AlertsConfig
from evaluators.config import EvaluatorsConfig
from evaluators.drift.monitors.monitors import Monitors
from evaluators.drift.monitors.table import DRIFT
from evaluators.review import ReviewQueue
from evaluators.runner import duty_of
from watchkeeper.base import Base


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    alerts: AlertBook
    monitors: Monitors
    review: ReviewQueue


def findings_of(base: Base, *, ticks: bool) -> Findings:
    """`ticks`: the monitors are to be run here."""
    config = base.config.evaluators
    alerts = alerts_config(config, base.url)
    names = tuple(receiver.name for receiver in alerts.receivers)
    duty = base.duties.duty(duty_of(DRIFT)) if ticks else None
    return Findings(
        alerts=AlertBook(base.engine, receivers=names, base_url=alerts.base_url),
        monitors=Monitors(base.engine, base.store, time.time_ns, config.drift, duty=duty),
        review=ReviewQueue(base.engine, base.store, time.time_ns, config.review),
    )


def alerts_config(config: EvaluatorsConfig, ui_url: str) -> AlertsConfig:
    """With links that lead to `ui_url`, unless others are set."""
    if "base_url" in config.alerts.model_fields_set:
        return config.alerts
    return config.alerts.model_copy(update={"base_url": ui_url})
