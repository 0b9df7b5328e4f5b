"""Opinions that wait for the call they speak of."""

from collections.abc import Mapping, Sequence
from typing import Any

from collector.store.duckdb.days import NS_PER_DAY, Days
from collector.store.duckdb.paging import rows


def waiting_opinions(days: Days, *, since_ns: int, limit: int) -> list[dict[str, Any]]:
    """Rows of OPINION_SCHEMA, newest first."""
    found: list[dict[str, Any]] = []
    for day in reversed(days.between(since_ns, 2**63 - 1)):
        with days.cursor([day]) as cursor:
            sql = f"SELECT * FROM {day.name}.opinions WHERE time_ns >= $since ORDER BY time_ns DESC LIMIT $limit"
            found += rows(cursor, sql, {"since": since_ns, "limit": limit})
    return sorted(found, key=lambda row: -row["time_ns"])[:limit]


def drop_opinions(days: Days, opinions: Sequence[Mapping[str, Any]], written_s: float) -> None:
    """Delete opinions that became scores."""
    by_day: dict[int, list[str]] = {}
    for opinion in opinions:
        by_day.setdefault(opinion["time_ns"] // NS_PER_DAY, []).append(opinion["opinion_id"])
    for number, ids in by_day.items():
        for day in days.lanes(number):
            with days.cursor([day]) as cursor:
                sql = f"DELETE FROM {day.name}.opinions WHERE opinion_id IN (SELECT unnest($ids))"
                cursor.execute(sql, {"ids": ids})
                day.written_s = written_s
