"""One alert, and one change of it."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from collector.call import DEFAULT_PROJECT
from collector.times import format_rfc3339
from collector.verdict import Verdict
from evaluators.alerts.rule import MetricRule, Rule, Severity
from evaluators.alerts.step import Phase


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """What one rule says about one set of labels, from pending to resolved. Times are Unix ns.

    `value` is the metric (for a drift verdict its p-value) at the last evaluation; None: there was no data then.
    `links` are paths of the UI by what they show.
    """

    alert_id: str
    rule_id: str
    rule_name: str
    fingerprint: str
    labels: Mapping[str, str]
    state: Phase
    severity: Severity
    value: float | None
    summary: str
    links: Mapping[str, str]
    since_ns: int
    fired_ns: int | None = None
    resolved_ns: int | None = None
    acknowledged_ns: int | None = None
    acknowledged_by: str | None = None

    @property
    def project(self) -> str:
        """Whose calls it is about: an alert never mixes those of two projects."""
        return self.labels.get("project", DEFAULT_PROJECT)

    def to_json(self) -> dict[str, Any]:
        """The public shape: `x_ns` is the RFC 3339 text `x_time`."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        times = {k: v for k, v in values.items() if k.endswith("_ns")}
        shown = {k.removesuffix("_ns") + "_time": None if v is None else format_rfc3339(v) for k, v in times.items()}
        return {k: v for k, v in values.items() if k not in times} | {"labels": dict(self.labels)} | shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """An alert as one evaluation left it. `verdicts` are those that it stands on since.

    In state OK it is no alert any more: a pending one that cleared is forgotten.
    """

    before: Phase
    alert: Alert
    verdicts: Sequence[Verdict] = field(default=())

    @property
    def notifies(self) -> bool:
        """Receivers hear of firing and of resolved, each once."""
        return self.alert.state is not self.before and self.alert.state in (Phase.FIRING, Phase.RESOLVED)


def project_label(project: str) -> dict[str, str]:
    """What says on an alert whose it is. Most installations have one project, and need not read its name."""
    return {} if project == DEFAULT_PROJECT else {"project": project}


def fingerprint_of(rule: Rule, labels: Mapping[str, str]) -> str:
    """Key of "the same alert": what the rule looks at, and where. A new threshold or name keeps it."""
    looks_at: list[object] = [rule.rule_id, rule.service, rule.request_model]
    if rule.project is not None:
        looks_at.append({"project": rule.project})
    if isinstance(rule, MetricRule):
        looks_at += [rule.environment, rule.metric, *rule.by]
    elif rule.outcome != "model_changed":
        looks_at.append(rule.outcome)
    return _digest([*looks_at, sorted(labels.items())])


def alert_id_of(fingerprint: str, since_ns: int) -> str:
    return _digest([fingerprint, since_ns])


def _digest(parts: Sequence[object]) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]
