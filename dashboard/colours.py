"""A service or model keeps its colour on every page and through every filter."""

from collections.abc import Mapping, Sequence

from sqlalchemy import Engine, insert, select
from sqlalchemy.exc import IntegrityError

from collector.state.tables import series_colours as table

N_SERIES = 5
"""Colours of named series; s6 is for the rest and for references."""

_MAX_NAMES = 500
"""A sender that makes up names must not fill the table; what comes later shares colours by its name."""


class SeriesColours:
    """Places of names, in the order in which they were first drawn, kept in the state database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def places(self, dimension: str, names: Sequence[str]) -> Mapping[str, int]:
        known = self._read(dimension)
        missing = [name for name in dict.fromkeys(names) if name not in known][: max(0, _MAX_NAMES - len(known))]
        if missing:
            start = max(known.values(), default=-1) + 1
            try:
                with self._engine.begin() as connection:
                    rows = [{"dimension": dimension, "name": n, "place": start + i} for i, n in enumerate(missing)]
                    connection.execute(insert(table), rows)
            except IntegrityError:
                pass  # another page was first, and its places stand
            known = self._read(dimension)
        return {name: known.get(name, sum(name.encode())) for name in names}

    def _read(self, dimension: str) -> dict[str, int]:
        query = select(table.c.name, table.c.place).where(table.c.dimension == dimension)
        with self._engine.connect() as connection:
            return {row.name: row.place for row in connection.execute(query)}


def colour(place: int) -> str:
    """The CSS variable of a place."""
    return f"s{place % N_SERIES + 1}"
