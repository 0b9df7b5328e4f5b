"""One evaluation of all rules: read, decide, commit."""

import logging
from collections.abc import Sequence
from dataclasses import replace

from collector.errors import BadRequest
from collector.query import Aggregation, Dimension, Filters
from collector.state.leases import Lease
from collector.store.base import TelemetryReader
from collector.times import NS_PER_S
from collector.verdict import Verdict
from evaluators.alerts.alert import Alert, Change, fingerprint_of, project_label
from evaluators.alerts.book import AlertBook
from evaluators.alerts.metric_alerts import Reading, metric_changes
from evaluators.alerts.rule import MetricRule, Rule, VerdictRule
from evaluators.alerts.step import Phase
from evaluators.alerts.verdict_alerts import verdict_changes

FIRST_LOOK_BACK_NS = 24 * 3600 * NS_PER_S
"""How far back a rule reads verdicts the first time."""

LATE_NS = 600 * NS_PER_S
"""How long after its decision a verdict may still arrive in the store."""

_log = logging.getLogger(__name__)


def evaluate(
    rules: Sequence[Rule], store: TelemetryReader, book: AlertBook, now_ns: int, *, lease: Lease | None = None
) -> Sequence[Change]:
    """Bring the alerts up to date with the store and return what changed, after it was committed.

    A rule that the store refuses is logged and skipped, so that it cannot silence the others.

    Raises:
        StoreUnavailable: the next evaluation does what this one could not.
        LeaseLost: another process evaluates now.
    """
    open_alerts = book.open_alerts()
    changes = orphan_changes(rules, open_alerts, now_ns)
    if changes:
        book.commit(changes, now_ns, lease=lease)
    for rule in rules:
        if not rule.enabled:
            continue
        of_rule = {alert.fingerprint: alert for alert in open_alerts if _belongs(rule, alert)}
        try:
            match rule:
                case MetricRule():
                    changes += _evaluate_metric(rule, of_rule, store, book, now_ns, lease)
                case VerdictRule():
                    changes += _evaluate_verdicts(rule, store, book, now_ns, lease)
        except BadRequest as error:
            _log.error("rule %s cannot be evaluated: %s", rule.rule_id, error)
    for change in changes:
        if change.notifies:
            _log.info("alert %s %s: %s", change.alert.alert_id, change.alert.state, change.alert.summary)
    return changes


def orphan_changes(rules: Sequence[Rule], open_alerts: Sequence[Alert], now_ns: int) -> list[Change]:
    """Ends the open alerts that no rule speaks for any more: it was switched off, or looks at something else now."""
    enabled = [rule for rule in rules if rule.enabled]
    return [
        Change(before=alert.state, alert=_ended(alert, now_ns))
        for alert in open_alerts
        if not any(_belongs(rule, alert) for rule in enabled)
    ]


def _ended(alert: Alert, now_ns: int) -> Alert:
    if alert.state is Phase.PENDING:
        return replace(alert, state=Phase.OK)
    summary = f"{alert.summary} (Ended because its rule was switched off or changed.)"
    return replace(alert, state=Phase.RESOLVED, resolved_ns=now_ns, summary=summary)


def _belongs(rule: Rule, alert: Alert) -> bool:
    return alert.rule_id == rule.rule_id and alert.fingerprint == fingerprint_of(rule, alert.labels)


def _evaluate_metric(
    rule: MetricRule,
    open_alerts: dict[str, Alert],
    store: TelemetryReader,
    book: AlertBook,
    now_ns: int,
    lease: Lease | None,
) -> list[Change]:
    changes = metric_changes(rule, read_metric(rule, store, now_ns), open_alerts, now_ns)
    if changes:
        book.commit(changes, now_ns, lease=lease)
    return changes


def read_metric(rule: MetricRule, store: TelemetryReader, now_ns: int) -> list[Reading]:
    filters = Filters(
        since_ns=now_ns - round(rule.window_s * NS_PER_S),
        until_ns=now_ns,
        project=rule.project,
        environment=rule.environment,
        service=rule.service,
        request_model=rule.request_model,
    )
    fixed = {"environment": rule.environment, "service": rule.service, "request_model": rule.request_model}
    by: tuple[Dimension, ...] = ("project", *rule.by)
    metrics = tuple(dict.fromkeys((rule.metric, rule.samples_metric)))
    columns = store.aggregate(Aggregation(filters=filters, metrics=metrics, by=by))
    readings = []
    for row in range(len(columns[rule.metric])):
        labels = fixed | {name: columns[name][row] for name in rule.by} | project_label(columns["project"][row])
        readings.append(
            Reading(
                labels={name: label for name, label in labels.items() if label is not None},
                value=columns[rule.metric][row],
                n=columns[rule.samples_metric][row] or 0,
            )
        )
    return readings


def _evaluate_verdicts(
    rule: VerdictRule, store: TelemetryReader, book: AlertBook, now_ns: int, lease: Lease | None
) -> list[Change]:
    seen_ns = book.seen_until_ns(rule.rule_id)
    since_ns = now_ns - FIRST_LOOK_BACK_NS if seen_ns is None else seen_ns - LATE_NS
    verdicts = _read_verdicts(rule, store, since_ns, now_ns)
    changes = verdict_changes(rule, verdicts, book.pasts(rule.rule_id), book.answers(verdicts), now_ns)
    newest_ns = max((verdict.decided_ns for verdict in verdicts), default=seen_ns)
    if changes or newest_ns != seen_ns:
        seen_until_ns = {} if newest_ns is None else {rule.rule_id: newest_ns}
        book.commit(changes, now_ns, seen_until_ns=seen_until_ns, lease=lease)
    return changes


def _read_verdicts(rule: VerdictRule, store: TelemetryReader, since_ns: int, now_ns: int) -> list[Verdict]:
    """Oldest first."""
    filters = Filters(
        since_ns=min(since_ns, now_ns),
        until_ns=now_ns + 1,
        project=rule.project,
        service=rule.service,
        request_model=rule.request_model,
    )
    page = store.verdicts(filters)
    verdicts = list(page.items)
    while page.next_cursor is not None:
        page = store.verdicts(filters, cursor=page.next_cursor)
        verdicts += page.items
    return sorted(verdicts, key=lambda verdict: verdict.decided_ns)
