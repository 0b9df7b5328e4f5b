"""What one project sees of the drift monitors of the installation."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING

from collector.errors import BadRequest, Forbidden
from collector.query import Filters
from collector.store.base import TelemetryReader
from collector.verdict import Verdict

if TYPE_CHECKING:
    from evaluators.drift.monitors.definition import Monitor
    from evaluators.drift.monitors.monitors import Monitors
    from evaluators.drift.monitors.replayed import Replay
    from evaluators.drift.monitors.state import Evidence, MonitorState

_EVER = Filters(since_ns=0, until_ns=2**62)


class ProjectMonitors:
    """`Monitors` of one project. `reader` sees that project alone; what it does not see is not there."""

    def __init__(self, monitors: Monitors, reader: TelemetryReader, project: str) -> None:
        self._monitors = monitors
        self._reader = reader
        self.project = project

    def of_project(self, project: str) -> ProjectMonitors:
        return self._monitors.of_project(project)

    def states(self) -> Sequence[MonitorState]:
        return [state for state in self._monitors.states() if state.project == self.project]

    def state(self, monitor_id: str) -> MonitorState | None:
        found = self._monitors.state(monitor_id)
        return found if found is not None and found.project == self.project else None

    def newest(self) -> Hashable:
        """That of all projects: it tells that something changed, not what."""
        return self._monitors.newest()

    def evidence(self, monitor_id: str) -> Sequence[Evidence]:
        return self._monitors.evidence(monitor_id) if self.state(monitor_id) is not None else ()

    def create(self, monitor: Monitor, author: str) -> MonitorState:
        return self._monitors.create(self._own(monitor), author)

    def edit(self, monitor: Monitor, author: str) -> MonitorState:
        self._check_monitor(monitor.monitor_id)
        return self._monitors.edit(self._own(monitor), author)

    def delete(self, monitor_id: str, author: str) -> None:
        self._check_monitor(monitor_id)
        self._monitors.delete(monitor_id, author)

    def replay(self, monitor: Monitor, *, since_ns: int, until_ns: int) -> Replay:
        return self._monitors.replay(self._own(monitor), since_ns=since_ns, until_ns=until_ns)

    def accept(self, verdict: Verdict, author: str) -> None:
        self._monitors.accept(self._own_verdict(verdict), author)

    def report_false(self, verdict: Verdict, author: str) -> None:
        self._monitors.report_false(self._own_verdict(verdict), author)

    def feedback(self, verdict_ids: Sequence[str]) -> dict[str, str]:
        """Of verdicts that came from `reader`: pages ask for no other, and what was said does not say whose it is."""
        return self._monitors.feedback(verdict_ids)

    def _own(self, monitor: Monitor) -> Monitor:
        if monitor.project != self.project:
            raise Forbidden(f"project: this is {self.project!r}, the monitor is for {monitor.project[:80]!r}")
        return monitor

    def _check_monitor(self, monitor_id: str) -> None:
        """
        Raises:
            BadRequest: if the project has no such monitor.
        """
        if self.state(monitor_id) is None:
            raise BadRequest(f"there is no monitor {monitor_id[:80]!r}; GET /api/v1/monitors lists them")

    def _own_verdict(self, verdict: Verdict) -> Verdict:
        """
        Raises:
            BadRequest: if the project has no such verdict.
        """
        cursor: str | None = None
        while True:
            page = self._reader.verdicts(_EVER, limit=1000, cursor=cursor)
            found = next((known for known in page.items if known.verdict_id == verdict.verdict_id), None)
            if found is not None:
                return found
            cursor = page.next_cursor
            if cursor is None:
                raise BadRequest(f"there is no verdict {verdict.verdict_id[:80]!r}; reload the page and try again")
