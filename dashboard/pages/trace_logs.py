"""The log records of a trace, each beside the span it was written in."""

from collections.abc import Sequence

from dash import html

from collector.logrecord import LogRecord
from collector.query import Filters, Trace
from collector.times import NS_PER_S
from dashboard import parts, words
from dashboard.pages.base import View
from dashboard.table import Cell, Column, Row, Table, Tone
from dashboard.waterfall import Waterfall

N_RECORDS = 200
_MARGIN_NS = 3600 * NS_PER_S
"""Clocks of the hosts of one trace differ, and some records come after the last span has ended."""

_COLUMNS = (
    Column(title="After", numeric=True, width="92px", hint="Since the trace began"),
    Column(title="Severity", width="92px"),
    Column(title="Span", width="22%"),
    Column(title="Event", width="20%"),
    Column(title="Body"),
)


def log_card(view: View, trace: Trace, drawn: Waterfall) -> list[html.Section]:
    """Nothing where the trace has no log records."""
    end_ns = drawn.start_ns + round(drawn.duration_s * NS_PER_S)
    around = Filters(
        since_ns=max(0, drawn.start_ns - _MARGIN_NS), until_ns=end_ns + _MARGIN_NS, trace_id=trace.trace_id
    )
    found = view.services.store.logs(around, limit=N_RECORDS)
    if not found.items:
        return []
    records = sorted(found.items, key=lambda record: (record.time_ns, record.log_id))
    note = f"the newest {N_RECORDS}" if found.next_cursor else f"{len(records):,}, oldest first"
    table = Table(label="Log records of this trace", columns=_COLUMNS, rows=_rows(view, records, drawn))
    return [parts.card("Log records", parts.table("logs", table), note=note)]


def _rows(view: View, records: Sequence[LogRecord], drawn: Waterfall) -> list[Row]:
    names = {row.span.span_id: row.name for row in drawn.rows}
    rows = []
    for record in records:
        is_here = record.span_id in names
        after_s = (record.time_ns - drawn.start_ns) / NS_PER_S
        body = record.body or words.NONE
        cells = [
            Cell(text=("−" if after_s < 0 else "+") + str(words.seconds(abs(after_s))),
                 hint=words.absolute(record.time_ns)),
            Cell(text=record.severity or words.NONE, tone=_tone(record.severity)),
            Cell(text=names[record.span_id or ""] if is_here else words.short_id(record.span_id or words.NONE)),
            Cell(text=record.event_name or words.NONE),
            Cell(text=words.first_line(body, 300), hint=words.first_line(body, 2000)),
        ]  # fmt: skip
        rows.append(
            Row(
                cells=cells,
                href=view.here(span=record.span_id, tab=None) if is_here else None,
                selected=is_here and record.span_id == view.filters.span,
            )
        )
    return rows


def _tone(severity: str | None) -> Tone | None:
    word = (severity or "").upper()
    return "crit" if word.startswith(("ERR", "FATAL", "CRIT")) else "warn" if word.startswith("WARN") else None
