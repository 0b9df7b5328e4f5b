"""Batches into the cluster: each span once, its calls with their numbers, nothing lost between two steps."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

import pyarrow as pa

from collector.batch import Batch, call_id_of, of_project, projects_of
from collector.errors import StoreUnavailable
from collector.joining.joining import Changes, Joining, is_new, joined
from collector.store.base import WriteResult
from collector.store.elasticsearch.bulk import Action, Outcome, send
from collector.store.elasticsearch.cluster import Cluster
from collector.store.elasticsearch.documents import Row, document_id, document_of, encoded, id_of
from collector.store.elasticsearch.joining import recalled, stored, stored_parts
from collector.store.elasticsearch.kinds import CALLS, LOGS, OPINIONS, PARTS, POINTS, SPANS, Kind
from collector.store.elasticsearch.sequence import Block
from collector.store.elasticsearch.sequence import Sequence as Numbers

log = logging.getLogger(__name__)

N_NUMBERINGS = 3

# What is stored as it comes, each row once. Spans come last: what is not marked as stored is done again as a whole.
_ONCE: dict[Kind, Callable[[Batch], pa.Table]] = {
    LOGS: lambda batch: batch.logs,
    POINTS: lambda batch: batch.points,
    OPINIONS: lambda batch: batch.opinions,
    SPANS: lambda batch: batch.spans,
}


class Writing:
    """Writes batches; one at a time. `refused` counts documents that can never be stored."""

    def __init__(self, cluster: Cluster, numbers: Numbers) -> None:
        self._cluster = cluster
        self._numbers = numbers
        self._joining: dict[str, Joining] = {}  # by project: what belongs to two of them never belongs together
        self.n_refused = 0

    def forget(self) -> None:
        """After a failure: joining may know of more than was stored; what is stored counts."""
        self._joining = {}

    def write(self, batches: Sequence[Batch]) -> WriteResult:
        tables = {kind: pa.concat_tables([of(batch) for batch in batches]) for kind, of in _ONCE.items()}
        new = tables | {kind: self._new_rows(kind, tables[kind]) for kind in (SPANS, LOGS)}
        parts = pa.concat_tables([batch.parts for batch in batches])
        changes = joined(
            self._join(project, new[SPANS], new[LOGS], parts) for project in projects_of(new[SPANS], parts)
        )
        self._write_changes(changes)
        outcomes = {kind: self._send(kind, self._actions(kind, "create", rows)) for kind, rows in new.items()}
        return WriteResult(n_spans=outcomes[SPANS].done, n_calls=changes.calls.num_rows)

    def _new_rows(self, kind: Kind, rows: pa.Table) -> pa.Table:
        """The rows that are not stored yet, each once."""
        if not rows.num_rows:
            return rows
        columns = [rows[name].to_pylist() for name in ("project", *_KEY[kind], kind.time)]
        places = [(self._cluster.index_of(kind, time_ns), id_of(*key)) for *key, time_ns in zip(*columns, strict=True)]
        distinct = list(dict.fromkeys(places))
        with self._cluster.errors():
            found = stored(self._cluster, distinct, fields=False)
        first_of: dict[tuple[str, str], int] = {}
        for number, place in enumerate(places):
            first_of.setdefault(place, number)
        fresh = [first_of[place] for place, source in zip(distinct, found, strict=True) if source is None]
        return rows if len(fresh) == rows.num_rows else rows.take(pa.array(fresh, pa.int64()))

    def _join(self, project: str, spans: pa.Table, logs: pa.Table, parts: pa.Table) -> Changes:
        """What the new spans and log records of `project` make of its calls."""
        if project not in self._joining:
            with self._cluster.errors():
                self._joining[project] = Joining(recalled(self._cluster, project))
        spans, logs, parts = (of_project(table, project) for table in (spans, logs, parts))
        parts = _first_of_each(parts.filter(is_new(parts, spans, logs["log_id"])))
        return self._joining[project].join(spans, parts, partial(stored_parts, self._cluster, project))

    def _write_changes(self, changes: Changes) -> None:
        if not changes.calls.num_rows and not changes.removed:
            self._send(PARTS, self._actions(PARTS, "index", changes.parts))
            return
        for _ in range(N_NUMBERINGS):
            block = self._numbers.take(max(1, changes.calls.num_rows))
            self._send(CALLS, self._numbered(changes.calls, block))
            self._send(PARTS, self._actions(PARTS, "index", changes.parts))
            # After the new ones: a crash in between leaves a call twice until the retry, and none is ever missing.
            self._send(CALLS, self._removals(changes, block))
            # After a failure the block stays out for its time: what was sent may still be carried out.
            if self._numbers.give_back(block):
                return
        raise StoreUnavailable(
            f"{self._cluster.config.url} takes minutes for one write; make writes smaller or the cluster faster"
        )

    def _numbered(self, calls: pa.Table, block: Block) -> Iterator[Action]:
        numbers = range(block.first, block.first + calls.num_rows)
        rows = calls.append_column("seq", pa.array(numbers, pa.int64()))
        for number, action in zip(numbers, self._actions(CALLS, "index", rows), strict=True):
            action.number = number
            yield action

    def _removals(self, changes: Changes, block: Block) -> Iterator[Action]:
        if not changes.removed:
            return
        columns = [changes.calls[name].to_pylist() for name in ("project", "trace_id", "span_id", "start_ns")]
        kept = {
            (self._cluster.index_of(CALLS, start_ns), id_of(project, call_id_of(trace_id, span_id)))
            for project, trace_id, span_id, start_ns in zip(*columns, strict=True)
        }
        for (project, key), start_ns in changes.removed.items():
            place = (self._cluster.index_of(CALLS, start_ns), id_of(project, key))
            if place not in kept:
                yield Action("delete", *place, number=block.first)

    def _actions(self, kind: Kind, what: str, rows: pa.Table) -> Iterator[Action]:
        return actions(self._cluster, kind, what, rows.to_pylist())

    def _send(self, kind: Kind, found: Iterator[Action]) -> Outcome:
        outcome = send(self._cluster, kind, found)
        self.n_refused += outcome.refused.total()
        return outcome


_KEY: Mapping[Kind, tuple[str, ...]] = {SPANS: ("trace_id", "span_id"), LOGS: ("log_id",)}


def actions(cluster: Cluster, kind: Kind, what: str, rows: Sequence[Row]) -> Iterator[Action]:
    """One action for each row, in the index of its day."""
    for row in rows:
        document = encoded(document_of(kind, row))
        yield Action(what, cluster.index_of(kind, row[kind.time]), document_id(kind, row), document)


def _first_of_each(parts: pa.Table) -> pa.Table:
    """The first part of every id."""
    ids = parts["part_id"].to_pylist()
    first_of: dict[str, int] = {}
    for number, part_id in enumerate(ids):
        first_of.setdefault(part_id, number)
    return parts if len(first_of) == len(ids) else parts.take(pa.array(list(first_of.values()), pa.int64()))
