"""What a verdict rule makes of new drift verdicts and of people's answers to them, purely.

A changed model is an event, not a level: a quiet window after it is no proof that it went away, as a small window
often misses a change that is there. So an alert stays until a person accepts the change or calls it false, or until a
verdict against a newer reference finds no change. A verdict that is held back (there were too many alarms today, or
one of the same change) raises none.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from collector.verdict import Verdict
from evaluators.alerts.alert import Alert, Change, alert_id_of, fingerprint_of, project_label
from evaluators.alerts.links import verdict_link
from evaluators.alerts.rule import VerdictRule
from evaluators.alerts.step import Phase
from evaluators.alerts.wording import places_in_words


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a person said of a verdict: `accepted` or `false_alarm`. The windows are those of that verdict."""

    feedback: str
    answered_ns: int
    reference_start_ns: int
    current_end_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """The newest alert of one series of verdicts, the newest verdict it stands on, and the newest answer to it."""

    alert: Alert
    decided_ns: int
    reference_start_ns: int
    answer: Answer | None = None


def verdict_changes(
    rule: VerdictRule,
    verdicts: Sequence[Verdict],
    pasts: Mapping[str, Past],
    answers: Mapping[str, Answer],
    now_ns: int,
) -> list[Change]:
    """The changes of `rule`'s alerts, in order. Verdicts that an earlier evaluation saw may be among `verdicts`.

    Args:
        verdicts: oldest first.
        pasts: by fingerprint.
        answers: to these verdicts, by verdict id.
    """
    series: dict[str, list[Verdict]] = {fingerprint: [] for fingerprint in pasts}
    for verdict in verdicts:
        series.setdefault(fingerprint_of(rule, _labels(verdict)), []).append(verdict)
    return [
        change
        for fingerprint, of_series in series.items()
        for change in _series_changes(rule, of_series, pasts.get(fingerprint), answers, now_ns)
    ]


def _series_changes(
    rule: VerdictRule, verdicts: Sequence[Verdict], past: Past | None, answers: Mapping[str, Answer], now_ns: int
) -> list[Change]:
    changes: list[Change] = []
    given = [answers[v.verdict_id] for v in verdicts if v.verdict_id in answers]
    if past is not None and past.answer is not None:
        given.append(past.answer)
    answer = max(given, key=lambda a: a.answered_ns, default=None)
    alert = past.alert if past is not None and past.alert.state is Phase.FIRING else None
    seen_ns = past.decided_ns if past is not None else -1
    reference_start_ns = past.reference_start_ns if past is not None else -1
    handled_ns = (past.alert.resolved_ns or -1) if past is not None else -1

    if answer is not None:
        handled_ns = max(handled_ns, answer.answered_ns)
        if alert is not None and answer.answered_ns >= alert.since_ns:
            changes.append(_resolved(alert, answer.answered_ns))
            alert = None
    for verdict in verdicts:
        if verdict.decided_ns <= max(seen_ns, handled_ns):
            continue
        if verdict.outcome == rule.outcome:
            if alert is None and verdict.held_back is not None:
                continue
            if alert is None and answer is not None and not _is_news(verdict, answer):
                continue
            change = _fired(rule, verdict, now_ns) if alert is None else _confirmed(rule, alert, verdict)
            changes.append(change)
            alert, seen_ns, reference_start_ns = change.alert, verdict.decided_ns, verdict.reference_start_ns
        elif verdict.outcome == "no_change" and alert is not None and verdict.reference_start_ns > reference_start_ns:
            changes.append(_resolved(alert, verdict.decided_ns))
            alert, handled_ns = None, verdict.decided_ns
    return changes


def _is_news(verdict: Verdict, answer: Answer) -> bool:
    """Whether `verdict` rests on calls that the answered one had not seen and, once that was accepted, on a new
    reference: the same calls are no second alarm."""
    # By the middle of its window: calls that run side by side let the next window begin a little before this one ends.
    fresh = (verdict.current_start_ns + verdict.current_end_ns) // 2 >= answer.current_end_ns
    return fresh and (answer.feedback != "accepted" or verdict.reference_start_ns > answer.reference_start_ns)


def _fired(rule: VerdictRule, verdict: Verdict, now_ns: int) -> Change:
    fingerprint = fingerprint_of(rule, _labels(verdict))
    alert = Alert(
        alert_id=alert_id_of(fingerprint, verdict.decided_ns),
        rule_id=rule.rule_id,
        rule_name=rule.name,
        fingerprint=fingerprint,
        labels=_labels(verdict),
        state=Phase.FIRING,
        severity=rule.severity,
        value=verdict.p_value,
        summary=_summary(rule, verdict),
        links={"verdict": verdict_link(verdict.verdict_id)},
        since_ns=verdict.decided_ns,
        fired_ns=now_ns,
    )
    return Change(before=Phase.OK, alert=alert, verdicts=(verdict,))


def _confirmed(rule: VerdictRule, alert: Alert, verdict: Verdict) -> Change:
    """A later verdict of the same change: the alert shows it, and nobody is paged again."""
    newest = replace(
        alert,
        rule_name=rule.name,
        severity=rule.severity,
        value=verdict.p_value,
        summary=_summary(rule, verdict),
        links={"verdict": verdict_link(verdict.verdict_id)},
    )
    return Change(before=Phase.FIRING, alert=newest, verdicts=(verdict,))


def _resolved(alert: Alert, at_ns: int) -> Change:
    ended_ns = max(at_ns, alert.fired_ns or at_ns)  # a late alerting process fires after the answer was given
    return Change(before=alert.state, alert=replace(alert, state=Phase.RESOLVED, resolved_ns=ended_ns))


def _labels(verdict: Verdict) -> dict[str, str]:
    labels = {"service": verdict.service, "request_model": verdict.request_model, "monitor": verdict.monitor_name}
    return {name: label for name, label in labels.items() if label is not None} | project_label(verdict.project)


def _summary(rule: VerdictRule, verdict: Verdict) -> str:
    places = places_in_words(_labels(verdict), ("service", "request_model"))
    return rule.summary.format(
        service=places["service"],
        request_model=places["request_model"],
        outcome=verdict.outcome.replace("_", " "),
        p_value="none" if verdict.p_value is None else f"{verdict.p_value:.2g}",
        n=f"{verdict.n_current:,}",
        explanation=verdict.explanation,
    )
