"""How a spool fares, as one value: for metrics, the page System and REST."""

from dataclasses import dataclass
from typing import Any

from collector.spool.entry import Held


@dataclass(frozen=True, slots=True, kw_only=True)
class SpoolStatus:
    """How much waits for the store, since when, and what is the matter; None: nothing is."""

    held: Held
    rejected: Held
    """What the store does not take, kept aside."""
    file_bytes: int
    max_bytes: int
    oldest_age_s: float
    """0 when empty."""
    store_problem: str | None
    """Why the last write to the store failed, while it is tried again."""
    problem: str | None
    """Why nothing can be taken."""

    def to_json(self) -> dict[str, Any]:
        """The public shape (docs/api.md)."""
        return {
            "entries": self.held.n_entries,
            "spans": self.held.n_spans,
            "bytes": self.held.n_bytes,
            "file_bytes": self.file_bytes,
            "max_bytes": self.max_bytes,
            "oldest_age_s": self.oldest_age_s,
            "set_aside_spans": self.rejected.n_spans,
            "store_problem": self.store_problem,
            "problem": self.problem,
        }
