"""What the pages need from the rest, as narrow as they use it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from collector.projects.access import Access
from collector.projects.reader import reader_of
from collector.query import Page
from collector.redaction import Coverage, Policy
from collector.score import Score
from collector.store.base import TelemetryReader
from collector.system import SystemFigures
from collector.verdict import Verdict

if TYPE_CHECKING:  # the pages read these values; they need no code of the evaluators
    from evaluators.alerts import Alert, Delivery, Rule
    from evaluators.drift.monitors.definition import Monitor
    from evaluators.drift.monitors.replayed import Replay
    from evaluators.drift.monitors.state import Evidence, MonitorState
    from evaluators.review import Label, ReviewCounts, ReviewItem


class Alerts(Protocol):
    """See evaluators.alerts.AlertBook."""

    def of(self, access: Access) -> Alerts: ...
    def alerts(
        self, *, since_ns: int, until_ns: int, state: str | None = None, limit: int = 100, cursor: str | None = None
    ) -> Page[Alert]: ...
    def alert(self, alert_id: str) -> Alert | None: ...
    def open_alerts(self) -> Sequence[Alert]: ...
    def acknowledge(self, alert_id: str, author: str, now_ns: int) -> Alert: ...
    def rules(self) -> Sequence[Rule]: ...
    def save_rule(self, rule: Rule, now_ns: int) -> None: ...
    def deliveries(self, alert_ids: Sequence[str]) -> Mapping[str, Sequence[Delivery]]: ...


class Review(Protocol):
    """See evaluators.review.ReviewQueue."""

    def of_project(self, project: str) -> Review: ...
    def next(self, reviewer: str) -> ReviewItem | None: ...
    def label(
        self, item_id: str, *, reviewer: str, label: Label, comment: str | None = None, seconds: float | None = None
    ) -> Score: ...
    def skip(self, item_id: str, *, reviewer: str, reason: str | None = None) -> None: ...
    def undo(self, reviewer: str) -> ReviewItem | None: ...
    def revealed(self, item_id: str) -> Sequence[Score]: ...
    def counts(self) -> ReviewCounts: ...


class Monitors(Protocol):
    """See evaluators.drift.monitors.monitors.Monitors."""

    def of_project(self, project: str) -> Monitors: ...
    def states(self) -> Sequence[MonitorState]: ...
    def state(self, monitor_id: str) -> MonitorState | None: ...
    def newest(self) -> Hashable: ...
    def evidence(self, monitor_id: str) -> Sequence[Evidence]: ...
    def create(self, monitor: Monitor, author: str) -> MonitorState: ...
    def edit(self, monitor: Monitor, author: str) -> MonitorState: ...
    def delete(self, monitor_id: str, author: str) -> None: ...
    def replay(self, monitor: Monitor, *, since_ns: int, until_ns: int) -> Replay: ...
    def accept(self, verdict: Verdict, author: str) -> None: ...
    def report_false(self, verdict: Verdict, author: str) -> None: ...
    def feedback(self, verdict_ids: Sequence[str]) -> dict[str, str]: ...


class Colours(Protocol):
    """See dashboard.colours.SeriesColours."""

    def places(self, dimension: str, names: Sequence[str]) -> Mapping[str, int]:
        """The place of each name in the row of colours, the same for ever."""


class Health(Protocol):
    """See collector.health.Health."""

    def figures(self) -> SystemFigures: ...
    def n_refused(self) -> int: ...


class Redactions(Protocol):
    """See collector.redactions.Redactions."""

    def of_project(self, project: str) -> Redactions: ...
    def projects(self) -> Sequence[str]: ...
    def policy(self, project: str) -> Policy: ...
    def coverage(self, project: str) -> Coverage: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """`clock` gives Unix nanoseconds. `otlp_url` is where applications send their spans, for the page that says so."""

    store: TelemetryReader
    alerts: Alerts
    review: Review
    monitors: Monitors
    colours: Colours
    health: Health
    redactions: Redactions
    clock: Callable[[], int]
    otlp_url: str = "http://127.0.0.1:4318"
    is_signed_in: bool = False
    project: str | None = None
    """The only one that is seen; None: all."""
    may_administer: bool = True

    def of(self, access: Access) -> Services:
        """What the holder of `access` sees of them; pages and commands are given nothing else."""
        project = access.project
        return replace(
            self,
            store=reader_of(self.store, project),
            alerts=self.alerts.of(access),
            review=self.review if project is None else self.review.of_project(project),
            monitors=self.monitors if project is None else self.monitors.of_project(project),
            redactions=self.redactions if project is None else self.redactions.of_project(project),
            is_signed_in=access.key_id is not None,
            project=project,
            may_administer=access.may("admin"),
        )
