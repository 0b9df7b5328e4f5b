"""Decoded requests -> what is stored: calls recognised in the spans, prices, redaction. Many requests at once.

A column costs some microseconds however short it is: the spans of requests that wait together are understood together.
"""

from collections.abc import Sequence

from collector.batch import Batch
from collector.dialects.opinions import opinions_of_spans
from collector.normalise import normalise
from collector.otlp.table import SpanTable, joined

Load = SpanTable | Batch
"""What one request brought, decoded: spans, or what needs no understanding any more."""


def understood(loads: Sequence[Load]) -> list[Batch]:
    """Batches with all that `loads` brought."""
    spans = [load for load in loads if isinstance(load, SpanTable)]
    batches = [load for load in loads if isinstance(load, Batch)]
    return [*([_of_spans(joined(spans))] if spans else ()), *batches]


def _of_spans(table: SpanTable) -> Batch:
    batch = normalise(table)
    return Batch(spans=batch.spans, parts=batch.parts, opinions=opinions_of_spans(table))
