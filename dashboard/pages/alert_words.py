"""Rules, alarms and their notifications in words."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from collector.times import NS_PER_S
from dashboard import words
from dashboard.words import Quantity

if TYPE_CHECKING:
    from dashboard.parts import Tone
    from evaluators.alerts import Alert, Delivery, Rule

TONES: Mapping[str, Tone] = {"critical": "crit", "warning": "warn", "info": "quiet"}

_IN_SHORT: Mapping[Tone, str] = {"crit": "▲ gave up", "warn": "▲ waiting", "quiet": "waiting", "good": "✓ told"}
_METRICS = {
    "requests": "Calls", "errors": "Failed calls", "error_rate": "Error rate",
    "latency_p50_s": "Latency p50", "latency_p95_s": "Latency p95", "latency_p99_s": "Latency p99",
    "ttft_p50_s": "Time to first token p50", "ttft_p95_s": "Time to first token p95",
    "input_tokens": "Input tokens", "output_tokens": "Output tokens", "cost_usd": "Cost",
    "unpriced": "Calls without a price",
}  # fmt: skip
_SCORE = re.compile(r"score:(.+?):(label:.+|mean|n)")
_PLACES = {"service": "service", "request_model": "model", "environment": "environment", "monitor": "monitor"}


def metric(name: str) -> str:
    """Error rate; Mean groundedness; Share of refusal that is refused"""
    match = _SCORE.fullmatch(name)
    if match is None:
        return _METRICS.get(name, name)
    evaluator, reading = match.groups()
    if reading.startswith("label:"):
        return f"Share of {evaluator} that is {reading.removeprefix('label:')}"
    return f"Mean {evaluator}" if reading == "mean" else f"Scores of {evaluator}"


def quantity(name: str, value: float | None) -> Quantity:
    """A value of the metric `name` with its unit."""
    if name == "error_rate" or ":label:" in name:
        return words.percent(value)
    if name.startswith("score:") and name.endswith(":mean"):
        return words.score(value)
    if name.endswith("_s") and not name.startswith("score:"):
        return words.seconds(value)
    return words.usd(value) if name == "cost_usd" else words.count(value)


def _limit(name: str, value: float) -> Quantity:
    """As a person would write it: 5 %, 30 s."""
    number, unit = quantity(name, value)
    return Quantity(number.rstrip("0").rstrip(".") if "." in number else number, unit)


def rule_in_words(rule: Rule) -> str:
    """Error rate above 5 % for 2 min, over 5 min, at least 20 calls, by service and model"""
    where = [f" of {name}" for name in (rule.service, rule.request_model) if name is not None]
    if rule.project is not None:
        where.append(f" in project {rule.project}")
    if rule.kind == "verdict":
        return f"A drift verdict says {rule.outcome.replace('_', ' ')}{''.join(where)}, by service and model"
    if rule.environment is not None:
        where.append(f" in {rule.environment}")
    hold = f" for {words.span_s(rule.for_s)}" if rule.for_s else ""
    told = [
        f"{metric(rule.metric)}{''.join(where)} {rule.comparison} {_limit(rule.metric, rule.threshold)}{hold}",
        f"over {words.span_s(rule.window_s)}",
        f"at least {words.plural(rule.min_samples, 'score' if _SCORE.fullmatch(rule.metric) else 'call')}",
    ]
    if rule.by:
        told.append(f"by {' and '.join(_PLACES[name] for name in rule.by)}")
    return ", ".join(told)


def value_in_words(rule: Rule | None, alert: Alert) -> str:
    """7.21 % now, limit 5 %; for a verdict its p-value."""
    if rule is None or rule.kind == "verdict":
        return "" if alert.value is None else words.p_value(alert.value)
    if alert.value is None:
        return "no data now"
    return f"{quantity(rule.metric, alert.value)}, limit {_limit(rule.metric, rule.threshold)}"


def fires_at_ns(rule: Rule | None, alert: Alert) -> int | None:
    """When a pending alarm fires, if what it watches stays beyond its limit."""
    if alert.state != "pending" or rule is None or rule.kind != "metric":
        return None
    return alert.since_ns + round(rule.for_s * NS_PER_S)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """How one notification stands. `reason` is what the receiver answered last."""

    tone: Tone
    text: str
    time_ns: int
    reason: str | None = None


def told(delivery: Delivery) -> Told:
    ended = json.loads(delivery.body).get("status") == "resolved"
    what = " that it is over" if ended else ""
    to, tries = delivery.receiver, words.plural(delivery.n_attempts, "try", "tries")
    if delivery.delivered_ns is not None:
        return Told(tone="good", text=f"{to} was told{what}", time_ns=delivery.delivered_ns)
    if delivery.gave_up_ns is not None:
        text = f"{to} was not told{what}: gave up after {tries}"
        return Told(tone="crit", text=text, time_ns=delivery.gave_up_ns, reason=delivery.last_error)
    if not delivery.n_attempts:
        return Told(tone="quiet", text=f"waiting to tell {to}{what}", time_ns=delivery.created_ns)
    text = f"waiting to tell {to}{what}, {tries} so far"
    return Told(tone="warn", text=text, time_ns=delivery.created_ns, reason=delivery.last_error)


def told_in_short(deliveries: Sequence[Delivery]) -> tuple[str, Tone]:
    """The worst of them in a word."""
    tones = {told(delivery).tone for delivery in deliveries}
    return next(((text, tone) for tone, text in _IN_SHORT.items() if tone in tones), ("nobody", "quiet"))


def place(alert: Alert) -> str:
    """support · gpt-4"""
    return " · ".join(alert.labels[name] for name in _PLACES if name in alert.labels)
