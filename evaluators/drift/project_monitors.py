"""What one project sees of the drift monitors of the installation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from collector.errors import BadRequest
from collector.query import Filters
from collector.store.base import TelemetryReader
from collector.verdict import Verdict

if TYPE_CHECKING:
    from evaluators.drift.monitor import Monitors
    from evaluators.drift.monitor_state import MonitorState

_EVER = Filters(since_ns=0, until_ns=2**62)


class ProjectMonitors:
    """`Monitors` of one project. `reader` sees that project alone; what it does not see is not there."""

    def __init__(self, monitors: Monitors, reader: TelemetryReader, project: str) -> None:
        self._monitors = monitors
        self._reader = reader
        self._project = project

    def of_project(self, project: str) -> ProjectMonitors:
        return self._monitors.of_project(project)

    def states(self) -> Sequence[MonitorState]:
        return [state for state in self._monitors.states() if state.project == self._project]

    def accept(self, verdict: Verdict, author: str) -> None:
        self._check(verdict.verdict_id)
        self._monitors.accept(verdict, author)

    def report_false(self, verdict_id: str, author: str) -> None:
        self._check(verdict_id)
        self._monitors.report_false(verdict_id, author)

    def feedback(self, verdict_ids: Sequence[str]) -> dict[str, str]:
        """Of verdicts that came from `reader`: pages ask for no other, and what was said does not say whose it is."""
        return self._monitors.feedback(verdict_ids)

    def _check(self, verdict_id: str) -> None:
        """
        Raises:
            BadRequest: if the project has no such verdict.
        """
        cursor: str | None = None
        while True:
            page = self._reader.verdicts(_EVER, limit=1000, cursor=cursor)
            if any(verdict.verdict_id == verdict_id for verdict in page.items):
                return
            cursor = page.next_cursor
            if cursor is None:
                raise BadRequest(f"there is no verdict {verdict_id[:80]!r}; reload the page and try again")
