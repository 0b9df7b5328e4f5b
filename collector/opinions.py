"""Opinions that came as telemetry find the call they speak of, which may come later than they did."""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

from collector.batch import call_id_of
from collector.errors import StoreUnavailable
from collector.feedback import score_of, scores_of
from collector.query import Filters
from collector.score import Score
from collector.state.duties import Duty
from collector.store.base import TelemetryStore
from collector.times import NS_PER_S

log = logging.getLogger(__name__)

INTERVAL_S = 2.0
PATIENCE_NS = 2 * 86_400 * NS_PER_S
"""So long an opinion waits for its call, and so much older than it the call may be."""
MAX_WAITING = 500


def resolve(store: TelemetryStore, *, now_ns: int) -> int:
    """Write the scores of the opinions whose calls are known by now; how many that were."""
    resolved = []
    scores: list[Score] = []
    for opinion in store.waiting_opinions(since_ns=now_ns - PATIENCE_NS, limit=MAX_WAITING):
        if found := _scores(store, opinion):
            scores += found
            resolved.append(opinion)
    if scores:
        store.write_scores(scores)
        store.drop_opinions(resolved)
    return len(resolved)


def _scores(store: TelemetryStore, opinion: Mapping[str, Any]) -> list[Score]:
    project = opinion["project"]
    if opinion["target_kind"] == "call" and opinion["trace_id"] and opinion["span_id"]:
        # By its span, which may have become part of a call that bears another's id.
        call = store.call(call_id_of(opinion["trace_id"], opinion["span_id"]), project=project)
        if call is not None:
            return [score_of(opinion, call)]
    since_ns, until_ns = opinion["time_ns"] - PATIENCE_NS, opinion["time_ns"] + PATIENCE_NS
    filters = Filters(since_ns=max(0, since_ns), until_ns=until_ns, project=project)
    for name in ("response_id", "session_id", "trace_id"):
        if opinion[name]:
            return scores_of([opinion], store.calls(replace(filters, **{name: opinion[name]}), limit=1000).items)
    return []


class Resolving:
    """`resolve` every few seconds in a thread of its own, until `close`; one process does it, who has `duty`."""

    def __init__(
        self, store: TelemetryStore, clock: Callable[[], int] = time.time_ns, *, duty: Duty | None = None
    ) -> None:
        self._duty = duty
        self._store = store
        self._clock = clock
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="opinions", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.wait(INTERVAL_S):
            try:
                with self._duty.turn() if self._duty is not None else nullcontext(True) as is_mine:
                    if is_mine:
                        resolve(self._store, now_ns=self._clock())
            except StoreUnavailable as error:
                log.warning("opinions wait for their calls: %s", error)

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
