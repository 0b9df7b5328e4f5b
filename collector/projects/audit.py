"""Who did what to whom: written in the transaction of the deed, and never changed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, insert, select

from collector.state.tables import audit_log
from collector.times import format_rfc3339


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """`actor` is who asked, `target` what it was done to; `details` holds no secret and no content of calls."""

    entry_id: int
    time_ns: int
    actor: str
    action: str
    target: str
    details: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        return {
            "entry_id": self.entry_id,
            "time": format_rfc3339(self.time_ns),
            "actor": self.actor,
            "action": self.action,
            "target": self.target,
            "details": dict(self.details),
        }


def write_entry(
    connection: Connection, *, time_ns: int, actor: str, action: str, target: str, details: Mapping[str, Any]
) -> int:
    """Add one entry to the open transaction; gives its number, which is the receipt."""
    values = {"time_ns": time_ns, "actor": actor, "action": action, "target": target, "details": dict(details)}
    key = connection.execute(insert(audit_log).values(values)).inserted_primary_key
    return int(key[0]) if key is not None else 0


def read_entries(engine: Engine, *, limit: int = 100, target: str | None = None) -> Sequence[AuditEntry]:
    """The newest `limit` entries, the newest first."""
    query = select(audit_log).order_by(audit_log.c.entry_id.desc()).limit(limit)
    if target is not None:
        query = query.where(audit_log.c.target == target)
    with engine.connect() as connection:
        return [AuditEntry(**row._mapping) for row in connection.execute(query)]
