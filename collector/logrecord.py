"""One OTLP log record as it was sent."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from collector.times import format_rfc3339


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRecord:
    """Ids are lower-case hex, `time_ns` is Unix nanoseconds. `severity` is the sender's own word, else that of OTLP.

    `body` is a text as it came; of a body with a structure it is the JSON.
    """

    log_id: str
    time_ns: int
    trace_id: str | None
    span_id: str | None
    project: str
    service: str | None
    environment: str | None
    scope: str | None
    event_name: str | None
    severity: str | None
    body: str | None
    attributes: Mapping[str, Any] = field(default_factory=dict)
    resource: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The public shape (docs/api.md)."""
        values = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "time_ns"}
        return values | {"time": format_rfc3339(self.time_ns)}
