"""One export from its bytes to columns."""

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa

from collector.batch import Batch
from collector.dialects.events import event_parts
from collector.dialects.opinions import opinions_of_logs
from collector.otlp.jsonform import protobuf_of_json
from collector.otlp.limits import Limits
from collector.otlp.logs import read_logs
from collector.otlp.metrics import read_metrics
from collector.otlp.signal import Signal
from collector.otlp.table import SpanTable, read_export
from collector.projects.access import OPEN, Access
from collector.understanding import Load


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """One decoded export: what to store, the records that were left out and those that were changed, by reason."""

    signal: Signal
    load: Load
    n_kept: int
    rejected: Mapping[str, int]
    noted: Mapping[str, int]

    @property
    def places(self) -> tuple[pa.Array, pa.Array]:
        """The projects and the times (ns) of the records."""
        if isinstance(self.load, SpanTable):
            return self.load.project, self.load.start_ns
        table = self.load.logs if self.signal == "logs" else self.load.points
        return table["project"], table["time_ns"]


def prepared(
    signal: Signal,
    body: bytes,
    *,
    is_json: bool = False,
    limits: Limits | None = None,
    access: Access = OPEN,
    now_ns: int | None = None,
) -> Prepared:
    """Decode one export. Spans are understood later, those of several requests at once (`collector.understanding`).

    Raises:
        BadRequest: if the body cannot be decoded, or is over a limit.
    """
    protobuf = protobuf_of_json(body, signal) if is_json else body
    if signal == "traces":
        spans = read_export(protobuf, limits, access=access, now_ns=now_ns)
        return Prepared(signal=signal, load=spans, n_kept=len(spans), rejected=spans.rejected, noted=spans.noted)
    if signal == "logs":
        logs = read_logs(protobuf, limits, access=access, now_ns=now_ns)
        batch = Batch(logs=logs.table, parts=event_parts(logs.table), opinions=opinions_of_logs(logs.table))
        n_kept = logs.table.num_rows
        return Prepared(signal=signal, load=batch, n_kept=n_kept, rejected=logs.rejected, noted=logs.noted)
    points = read_metrics(protobuf, limits, access=access, now_ns=now_ns)
    batch, n_kept = Batch(points=points.table), points.table.num_rows
    return Prepared(signal=signal, load=batch, n_kept=n_kept, rejected=points.rejected, noted=points.noted)
