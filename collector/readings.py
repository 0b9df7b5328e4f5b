"""What counters and histograms say at one moment, and what that means over a stretch of time."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from prometheus_client.core import Metric

Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Reading:
    """By the name of a sample, as /metrics has it, and its labels, sorted."""

    time_ns: int
    values: Mapping[str, Mapping[Labels, float]]

    def total(self, name: str) -> float:
        return sum(self.values.get(name, {}).values())


def reading_of(metrics: Iterable[Metric], time_ns: int) -> Reading:
    values: dict[str, dict[Labels, float]] = {}
    for metric in metrics:
        for sample in metric.samples:
            values.setdefault(sample.name, {})[tuple(sorted(sample.labels.items()))] = float(sample.value)
    return Reading(time_ns, values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How many there were since the start, and how many of late."""

    labels: Mapping[str, str]
    total: int
    recent: int


def tallies(name: str, before: Reading, now: Reading, labels: Mapping[str, str] | None = None) -> list[Tally]:
    """One for each counter of the sample `name` that ever counted, most of late first. `labels` join its own."""
    earlier = before.values.get(name, {})
    found = [
        Tally(labels={**(labels or {}), **dict(key)}, total=int(value), recent=int(value - earlier.get(key, 0.0)))
        for key, value in now.values.get(name, {}).items()
        if value
    ]
    return sorted(found, key=lambda tally: (-tally.recent, -tally.total, *tally.labels.values()))


def tally(name: str, before: Reading, now: Reading) -> Tally:
    """All counters of the sample `name` together."""
    return Tally(labels={}, total=int(now.total(name)), recent=int(now.total(name) - before.total(name)))


def per_second(name: str, readings: Sequence[Reading]) -> list[float]:
    """How fast the counter grew from each reading to the next."""
    return [
        (after.total(name) - before.total(name)) / max((after.time_ns - before.time_ns) / 1e9, 1e-3)
        for before, after in pairwise(readings)
    ]


def quantile(name: str, share: float, before: Reading, now: Reading) -> float | None:
    """The value below which `share` of what a histogram saw between the readings lies; None: it saw nothing.

    Linear within a bucket, and the bound of the last one for what lies beyond, as Prometheus does it.
    """
    earlier = before.values.get(f"{name}_bucket", {})
    counts: dict[float, float] = {}
    for labels, value in now.values.get(f"{name}_bucket", {}).items():
        bound = float(dict(labels)["le"])
        counts[bound] = counts.get(bound, 0.0) + value - earlier.get(labels, 0.0)
    bounds = sorted(counts)
    if not bounds or counts[bounds[-1]] <= 0:
        return None
    rank = share * counts[bounds[-1]]
    low, below = 0.0, 0.0
    for bound in bounds:
        if counts[bound] >= rank and counts[bound] > below:
            return low if math.isinf(bound) else low + (bound - low) * (rank - below) / (counts[bound] - below)
        low, below = bound, counts[bound]
    return low
