"""Rules over metrics and drift verdicts, the alerts they raise, and the webhooks that tell of them."""

from evaluators.alerts.alert import Alert
from evaluators.alerts.book import AlertBook
from evaluators.alerts.config import AlertsConfig, ReceiverConfig
from evaluators.alerts.outbox import Delivery, Outbox
from evaluators.alerts.receiver import WebhookReceiver, lines_of
from evaluators.alerts.rule import MetricRule, Rule, VerdictRule
from evaluators.alerts.service import AlertService
from evaluators.alerts.webhook import BadSignature, verify

__all__ = [
    "Alert",
    "AlertBook",
    "AlertService",
    "AlertsConfig",
    "BadSignature",
    "Delivery",
    "MetricRule",
    "Outbox",
    "ReceiverConfig",
    "Rule",
    "VerdictRule",
    "WebhookReceiver",
    "lines_of",
    "verify",
]
