"""What SQLite and PostgreSQL say in different words."""

import zlib
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Table, text
from sqlalchemy.dialects import postgresql, sqlite


def insert_into(connection: Connection, table: Table) -> Any:
    """An INSERT that can be given `on_conflict_do_nothing` and `on_conflict_do_update`."""
    return (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(table)


def upsert(connection: Connection, table: Table, values: Mapping[str, Any]) -> None:
    """Insert one row, or change the one with its primary key."""
    key = [column.name for column in table.primary_key]
    rest = {name: value for name, value in values.items() if name not in key}
    insert = insert_into(connection, table).values(values)
    connection.execute(insert.on_conflict_do_update(index_elements=key, set_=rest))


def take_turns(connection: Connection, what: str) -> None:
    """Wait until no other transaction is at `what`, and keep others from it to the end of this one.

    First in a transaction: what it reads afterwards is what the one before it left.
    """
    if connection.dialect.name == "sqlite":  # has one writer at a time anyway, and it becomes one now
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    else:
        key = zlib.crc32(f"watchkeeper:{what}".encode())
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": key})
