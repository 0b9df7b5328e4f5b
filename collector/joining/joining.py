"""New spans and parts -> what changes among the stored calls."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from collector.batch import CALL_SCHEMA, PART_SCHEMA
from collector.joining.merge import Part, Row, calls_of, key_of, merged
from collector.joining.relations import Family, Relations

Fetch = Callable[[Mapping[str, int]], Sequence[Row]]
"""Stored parts by their ids; the values are the starts of the parts, which say in which day each is stored."""

JOINED_PART_SCHEMA = PART_SCHEMA.set(0, PART_SCHEMA.field("call_id").with_nullable(True))
"""Of the parts of joined calls; `call_id` is null for a part that belongs to no call (yet)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """`calls` are new or take the place of those in `removed`, as do `parts` of the parts with their ids.

    `removed` are (project, `call_id_of` trace and span) of parts that may have led a call, with their starts.
    """

    calls: pa.Table
    removed: Mapping[tuple[str, str], int]
    parts: pa.Table


class Joining:
    """Remembers what came lately, and finds what belongs together. For one writer at a time.

    Raises nothing of its own; after a write that failed, `relations` must be made anew from what is stored.
    """

    def __init__(self, relations: Relations) -> None:
        self._relations = relations

    def join(self, spans: pa.Table, parts: pa.Table, fetch: Fetch) -> Changes:
        """What `spans` and `parts`, none of which was stored before, make of the stored calls."""
        families = self._relations.add(spans, parts)
        if not families:
            return Changes(calls=parts.select(CALL_SCHEMA.names), removed={}, parts=JOINED_PART_SCHEMA.empty_table())
        in_families = pa.array([part_id for family in families for part_id in family.parts], pa.string())
        is_related = pc.is_in(parts["part_id"], value_set=in_families)
        fresh = {row["part_id"]: row for row in parts.filter(is_related).to_pylist()}
        wanted = {
            part_id: start_ns
            for family in families
            for part_id, start_ns in family.parts.items()
            if part_id not in fresh
        }
        known = fresh | {row["part_id"]: row for row in (fetch(wanted) if wanted else ())}
        joined: list[Row] = []
        calls = [merged(group) for family in families for group in self._groups(family, known, joined)]
        return Changes(
            calls=pa.concat_tables(
                [parts.filter(pc.invert(is_related)).select(CALL_SCHEMA.names), _table(calls, CALL_SCHEMA)]
            ),
            removed=_starts(row for part_id, row in known.items() if part_id not in fresh),
            parts=_table(joined, JOINED_PART_SCHEMA),
        )

    def _groups(self, family: Family, known: Mapping[str, Row], joined: list[Row]) -> list[list[Part]]:
        """The parts of each call of `family`; all its parts, with the call of each, are added to `joined`."""
        parts = [known[part_id] for part_id in family.parts if part_id in known]
        groups = calls_of(parts, self._relations.parent_of, family.wrappers)
        call_of = {part["part_id"]: group[0]["call_id"] for group in groups for part in group}
        joined += [part | {"call_id": call_of.get(part["part_id"])} for part in parts]
        return groups


_LEADERS = ("message", "event", "wrapper", "span")


def _starts(rows: Iterable[Row]) -> dict[tuple[str, str], int]:
    """The keys of `rows`, each with the start of the part that led its call: that of a span, not of its log records."""
    ordered = sorted(rows, key=lambda row: _LEADERS.index(row["part_kind"]))
    return {(row["project"], key_of(row)): row["start_ns"] for row in ordered}


def joined(changes: Iterable[Changes]) -> Changes:
    """The changes of several projects."""
    found = list(changes)
    return Changes(
        calls=pa.concat_tables([CALL_SCHEMA.empty_table(), *(change.calls for change in found)]),
        removed={key: start_ns for change in found for key, start_ns in change.removed.items()},
        parts=pa.concat_tables([JOINED_PART_SCHEMA.empty_table(), *(change.parts for change in found)]),
    )


def _table(rows: Iterable[Row], schema: pa.Schema) -> pa.Table:
    return pa.Table.from_pylist([{name: row.get(name) for name in schema.names} for row in rows], schema=schema)


def is_new(parts: pa.Table, new_spans: pa.Table, new_log_ids: pa.ChunkedArray) -> pa.ChunkedArray:
    """Which parts stand on a span or log record that is new."""
    keys = pc.binary_join_element_wise(pc.utf8_slice_codeunits(new_spans["trace_id"], 16), new_spans["span_id"], "")
    known = pa.concat_arrays([*keys.chunks, *new_log_ids.chunks]) if len(keys) + len(new_log_ids) else keys
    return pc.is_in(parts["part_id"], value_set=known)
