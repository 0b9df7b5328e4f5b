"""What a metric rule makes of one evaluation: from readings to changes of alerts, purely."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from collector.times import NS_PER_S
from evaluators.alerts.alert import Alert, Change, alert_id_of, fingerprint_of
from evaluators.alerts.links import calls_link
from evaluators.alerts.rule import MetricRule
from evaluators.alerts.step import Phase, step
from evaluators.alerts.wording import duration_in_words, metric_in_words, places_in_words


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """The metric of a rule at one set of labels, over the rule's window, computed from `n` calls or scores.

    None: nothing to compute it from. The labels are those the rule filters by and those it tells apart.
    """

    labels: Mapping[str, str]
    value: float | None
    n: int


def metric_changes(
    rule: MetricRule, readings: Sequence[Reading], open_alerts: Mapping[str, Alert], now_ns: int
) -> list[Change]:
    """The changes of `rule`'s alerts at this evaluation, those without news left out.

    Args:
        open_alerts: its pending and firing alerts, by fingerprint.
    """
    known = {
        fingerprint_of(rule, reading.labels): (reading, reading.value)
        for reading in readings
        if reading.value is not None and reading.n >= rule.min_samples
    }
    changes = [
        _change(
            rule, open_alerts.get(fingerprint) or _begun(rule, fingerprint, reading, now_ns), reading, value, now_ns
        )
        for fingerprint, (reading, value) in known.items()
    ]
    # Without data an open alert stays as it is, and says so by a value of None.
    changes += [
        Change(before=alert.state, alert=replace(alert, value=None))
        for fingerprint, alert in open_alerts.items()
        if fingerprint not in known and alert.value is not None
    ]
    return [change for change in changes if change.alert.state is not Phase.OK or change.before is not Phase.OK]


def _begun(rule: MetricRule, fingerprint: str, reading: Reading, now_ns: int) -> Alert:
    return Alert(
        alert_id=alert_id_of(fingerprint, now_ns),
        rule_id=rule.rule_id,
        rule_name=rule.name,
        fingerprint=fingerprint,
        labels=reading.labels,
        state=Phase.OK,
        severity=rule.severity,
        value=None,
        summary="",
        links={},
        since_ns=now_ns,
    )


def _change(rule: MetricRule, alert: Alert, reading: Reading, value: float, now_ns: int) -> Change:
    breached = rule.breached(value)
    hold_ns = round(rule.for_s * NS_PER_S)
    after = step(alert.state, breached=breached, held_ns=now_ns - alert.since_ns, hold_ns=hold_ns)
    moved = replace(alert, state=after, rule_name=rule.name, severity=rule.severity, value=value)
    if breached:  # one that clears keeps saying what was wrong
        first_call_ns = alert.since_ns - round(rule.window_s * NS_PER_S)
        links = {"calls": calls_link(reading.labels, first_call_ns, now_ns)}
        moved = replace(moved, summary=_summary(rule, reading, value), links=links)
    if after is Phase.FIRING and alert.fired_ns is None:
        moved = replace(moved, fired_ns=now_ns)
    if after is Phase.RESOLVED:
        moved = replace(moved, resolved_ns=now_ns)
    return Change(before=alert.state, alert=moved)


def _summary(rule: MetricRule, reading: Reading, value: float) -> str:
    return rule.summary.format(
        metric=rule.metric,
        value=metric_in_words(rule.metric, value),
        comparison=rule.comparison,
        threshold=metric_in_words(rule.metric, rule.threshold),
        window=duration_in_words(rule.window_s),
        n=f"{reading.n:,}",
        **places_in_words(reading.labels, rule.by),
    )
