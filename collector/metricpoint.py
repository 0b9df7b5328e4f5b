"""One data point of an OTLP metric as it was sent."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from collector.times import format_rfc3339


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricPoint:
    """Times are Unix nanoseconds; a point covers start_ns <= time <= time_ns where it has a start.

    `kind` is gauge, sum, histogram, exponential_histogram or summary, `temporality` delta or cumulative, None where the
    kind has none. Gauges and sums have a `value`, the others a `distribution`: count, sum, and buckets or quantiles.
    """

    point_id: str
    time_ns: int
    start_ns: int | None
    project: str
    service: str | None
    environment: str | None
    scope: str | None
    name: str
    unit: str | None
    kind: str | None
    temporality: str | None
    value: float | None
    distribution: Mapping[str, Any] | None
    attributes: Mapping[str, Any] = field(default_factory=dict)
    resource: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The public shape (docs/api.md)."""
        values = {f.name: getattr(self, f.name) for f in fields(self) if not f.name.endswith("_ns")}
        start_time = None if self.start_ns is None else format_rfc3339(self.start_ns)
        return values | {"time": format_rfc3339(self.time_ns), "start_time": start_time}
