"""The queue's SQL. What two reviewers could race for is decided inside one statement, never between two."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Delete, Select, Update, delete, func, or_, select, true, update

from collector.state.statements import insert_into
from collector.state.tables import review_items as items


def insert_missing(connection: Connection, rows: Sequence[dict[str, Any]]) -> Any:
    """Insert the rows whose item or call is not there yet, and return the ids of those."""
    return insert_into(connection, items).values(list(rows)).on_conflict_do_nothing().returning(items.c.item_id)


def trim(n_excess: int, now_ns: int) -> Delete:
    """Drop `n_excess` open items that nobody is looking at: the doubtful first, of each the oldest first."""
    doomed = (
        select(items.c.item_id)
        .where(_free(now_ns))
        .order_by(items.c.stratum == "random", items.c.created_ns, items.c.call_start_ns, items.c.place)
        .limit(n_excess)
    )
    return delete(items).where(items.c.item_id.in_(doomed), _free(now_ns))


def count_open() -> Select[int]:
    return select(func.count()).select_from(items).where(items.c.state == "open")


def within(project: str | None) -> ColumnElement[bool]:
    """The items of one project; None: of all."""
    return true() if project is None else items.c.project == project


def renew_own(reviewer: str, until_ns: int, project: str | None = None) -> Update:
    """Hold on to the item that this reviewer had last and nobody took since."""
    own = (items.c.state == "open", items.c.reviewer == reviewer, within(project))
    last = select(items.c.item_id).where(*own).order_by(items.c.reserved_until_ns.desc(), items.c.place).limit(1)
    return _reserve(last, until_ns, reviewer).where(*own)


def take_free(reviewer: str, now_ns: int, until_ns: int, project: str | None = None) -> Update:
    """Reserve the first item that nobody holds."""
    first = select(items.c.item_id).where(_free(now_ns), within(project)).order_by(items.c.place).limit(1)
    # On PostgreSQL a second reviewer passes over the row that the first is taking; SQLite has one writer at a time.
    return _reserve(first.with_for_update(skip_locked=True), until_ns, reviewer).where(_free(now_ns))


def hold(item_id: str, reviewer: str, until_ns: int) -> Update:
    """Renew one reservation, if it is still this reviewer's."""
    return update(items).where(*_held(item_id, reviewer)).values(reserved_until_ns=until_ns)


def close(item_id: str, reviewer: str, **values: Any) -> Update:
    return update(items).where(*_held(item_id, reviewer)).values(reserved_until_ns=None, **values)


def reopen(item_id: str, reviewer: str, closed_ns: int, until_ns: int) -> Update:
    """Open what this reviewer closed at `closed_ns`, reserved for the same reviewer."""
    return (
        update(items)
        .where(items.c.item_id == item_id, items.c.reviewer == reviewer, items.c.closed_ns == closed_ns)
        .values(state="open", reserved_until_ns=until_ns, closed_ns=None, seconds=None, skip_reason=None)
    )


def last_closed(reviewer: str, project: str | None = None) -> Select[Any]:
    return (
        select(items)
        .where(items.c.reviewer == reviewer, items.c.closed_ns.is_not(None), within(project))
        .order_by(items.c.closed_ns.desc(), items.c.place)
        .limit(1)
    )


def count_by_state(today_ns: int, project: str | None = None) -> Select[Any]:
    since_midnight = func.coalesce(items.c.closed_ns, 0) >= today_ns
    keys = (items.c.stratum, items.c.state, items.c.reviewer)
    n_today = func.count().filter(since_midnight).label("n_today")
    return select(*keys, func.count().label("n"), n_today).where(within(project)).group_by(*keys)


def _free(now_ns: int) -> ColumnElement[bool]:
    expired = or_(items.c.reserved_until_ns.is_(None), items.c.reserved_until_ns <= now_ns)
    return (items.c.state == "open") & expired


def _held(item_id: str, reviewer: str) -> tuple[ColumnElement[bool], ...]:
    """An expired reservation that nobody else took is still good."""
    return items.c.item_id == item_id, items.c.state == "open", items.c.reviewer == reviewer


def _reserve(chosen: Select[Any], until_ns: int, reviewer: str) -> Update:
    return (
        update(items)
        .where(items.c.item_id == chosen.scalar_subquery())
        .values(reviewer=reviewer, reserved_until_ns=until_ns)
        .returning(items.c.item_id, items.c.call_id, items.c.project, items.c.reserved_until_ns)
    )
