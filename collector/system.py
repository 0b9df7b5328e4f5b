"""How the collector fares, as one value: for the pages and for REST."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from collector.readings import Reading, Tally, per_second, quantile, tallies, tally
from collector.spool.status import SpoolStatus
from collector.store.base import Footprint
from collector.times import NS_PER_S, format_rfc3339


@dataclass(frozen=True, slots=True, kw_only=True)
class Lag:
    """What an evaluator has not done yet, and how long the oldest of it has waited."""

    evaluator: str
    n_calls: int
    wait_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Trends:
    """One value for each stretch between two looks, oldest first; None: nothing to tell."""

    accepted_per_s: Sequence[float]
    refused_per_s: Sequence[float]
    stored_per_s: Sequence[float]
    queue_bytes: Sequence[float]
    commit_p99_s: Sequence[float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemFigures:
    """Counts are since the start, which was at `started_ns`, and over the last `window_s`; quantiles over the latter.

    None: it cannot be told now, or there was nothing to measure. `problems` are the checks of /readyz.
    """

    time_ns: int
    started_ns: int
    window_s: float
    problems: Mapping[str, str | None]
    accepted: Sequence[Tally]
    """By signal and transport; a call posted over REST is one of the traces."""
    rejected: Sequence[Tally]
    """Records of requests that were taken otherwise, by signal and reason."""
    refused: Sequence[Tally]
    """Requests of which nothing was taken, by transport and reason."""
    adapted: Sequence[Tally]
    redactions: Sequence[Tally]
    stored_spans: Tally
    stored_calls: Tally
    duplicate_spans: Tally
    sampled_out_spans: Tally
    overridden_project_spans: Tally
    unpriced_calls: Tally
    commits: Tally
    commit_p50_s: float | None
    commit_p99_s: float | None
    queue_bytes: int
    max_queue_bytes: int
    load: float
    """Share of the last seconds in which requests waited for the disk."""
    footprint: Footprint | None
    lags: Sequence[Lag] | None
    spool: SpoolStatus | None
    """What waits for the store; None: nothing is taken here."""
    trends: Trends

    def to_json(self) -> dict[str, Any]:
        """The public shape (docs/api.md)."""
        lists = ("accepted", "rejected", "refused", "adapted", "redactions")
        counts = (
            "stored_spans", "stored_calls", "duplicate_spans", "sampled_out_spans", "overridden_project_spans",
            "unpriced_calls", "commits",
        )  # fmt: skip
        plain = ("window_s", "commit_p50_s", "commit_p99_s", "queue_bytes", "max_queue_bytes", "load")
        return {
            "time": format_rfc3339(self.time_ns),
            "started_time": format_rfc3339(self.started_ns),
            "problems": dict(self.problems),
            **{name: getattr(self, name) for name in plain},
            **{name: [_json(tally) for tally in getattr(self, name)] for name in lists},
            **{name: _json(getattr(self, name)) for name in counts},
            "disk": None if self.footprint is None else self.footprint.to_json(),
            "spool": None if self.spool is None else self.spool.to_json(),
            "lags": None
            if self.lags is None
            else [{"evaluator": lag.evaluator, "calls": lag.n_calls, "wait_s": lag.wait_s} for lag in self.lags],
        }


def figures_of(
    readings: Sequence[Reading],
    *,
    started_ns: int,
    problems: Mapping[str, str | None],
    max_queue_bytes: int,
    load: float,
    footprint: Footprint | None,
    lags: Sequence[Lag] | None,
    spool: SpoolStatus | None,
) -> SystemFigures:
    """`readings`: the last minutes, oldest first, the last one of now."""
    before, now = readings[0], readings[-1]

    def of_signals(traces: str, others: str) -> list[Tally]:
        found = [*tallies(traces, before, now, {"signal": "traces"}), *tallies(others, before, now)]
        return sorted(found, key=lambda tally: -tally.recent)

    accepted = [_sum(pair) for pair in zip(per_second(_SPANS, readings), per_second(_RECORDS, readings), strict=True)]
    return SystemFigures(
        time_ns=now.time_ns,
        started_ns=started_ns,
        window_s=(now.time_ns - before.time_ns) / NS_PER_S,
        problems=problems,
        accepted=of_signals(_SPANS, _RECORDS),
        rejected=of_signals(*_REJECTED),
        refused=tallies(_REFUSED, before, now),
        adapted=tallies("watchkeeper_adapted_total", before, now),
        redactions=tallies("watchkeeper_redactions_total", before, now),
        stored_spans=tally(_STORED, before, now),
        stored_calls=tally("watchkeeper_stored_calls_total", before, now),
        duplicate_spans=tally("watchkeeper_duplicate_spans_total", before, now),
        sampled_out_spans=tally("watchkeeper_sampled_out_spans_total", before, now),
        overridden_project_spans=tally("watchkeeper_overridden_project_spans_total", before, now),
        unpriced_calls=tally("watchkeeper_unpriced_calls_total", before, now),
        commits=tally(f"{_COMMIT}_count", before, now),
        commit_p50_s=quantile(_COMMIT, 0.5, before, now),
        commit_p99_s=quantile(_COMMIT, 0.99, before, now),
        queue_bytes=int(now.total(_QUEUE)),
        max_queue_bytes=max_queue_bytes,
        load=load,
        footprint=footprint,
        lags=lags,
        spool=spool,
        trends=Trends(
            accepted_per_s=accepted,
            refused_per_s=per_second(_REFUSED, readings),
            stored_per_s=per_second(_STORED, readings),
            queue_bytes=[reading.total(_QUEUE) for reading in readings],
            commit_p99_s=[quantile(_COMMIT, 0.99, a, b) for a, b in pairwise(readings)],
        ),
    )


def refused_between(before: Reading, now: Reading) -> int:
    """Requests and records that are not in the store and will not be unless they are sent again."""
    return sum(tally(name, before, now).recent for name in (_REFUSED, *_REJECTED))


_REJECTED = ("watchkeeper_rejected_spans_total", "watchkeeper_rejected_records_total")
_SPANS, _RECORDS = "watchkeeper_accepted_spans_total", "watchkeeper_accepted_records_total"
_REFUSED = "watchkeeper_rejected_requests_total"
_STORED = "watchkeeper_stored_spans_total"
_COMMIT = "watchkeeper_commit_seconds"
_QUEUE = "watchkeeper_ingest_queue_bytes"


def _sum(pair: tuple[float, float]) -> float:
    return pair[0] + pair[1]


def _json(tally: Tally) -> dict[str, Any]:
    return {**tally.labels, "total": tally.total, "recent": tally.recent}
