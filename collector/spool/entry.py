"""One write that waits, as the file holds it, and how much there is of them."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from typing import Literal

Kind = Literal["batch", "scores"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """`n_bytes` is the length of the payload once it is unpacked; `id`, which grows, is given by the file."""

    id: int = 0
    kind: Kind
    taken_ns: int
    n_spans: int
    n_bytes: int
    payload: bytes


COLUMNS = tuple(field.name for field in fields(Entry))
"""Of its table, too."""


@dataclass(frozen=True, slots=True)
class Held:
    """`n_bytes` are those of the payloads, packed."""

    n_entries: int = 0
    n_spans: int = 0
    n_bytes: int = 0

    def plus(self, entries: Sequence[Entry]) -> "Held":
        own = (len(entries), sum(entry.n_spans for entry in entries), sum(len(entry.payload) for entry in entries))
        return Held(*(a + b for a, b in zip(astuple(self), own, strict=True)))

    def minus(self, entries: Sequence[Entry]) -> "Held":
        gone = Held().plus(entries)
        return Held(self.n_entries - gone.n_entries, self.n_spans - gone.n_spans, self.n_bytes - gone.n_bytes)
