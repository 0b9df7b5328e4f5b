"""Secrets that an installation makes for itself and keeps."""

import secrets

from sqlalchemy import Connection, Engine, select

from collector.state.statements import insert_into
from collector.state.tables import meta


def kept_secret(engine: Engine, name: str) -> bytes:
    """32 random bytes, made on first use; the same for every process and after a restart."""
    with engine.connect() as connection:
        value = _read(connection, name)
    if value is None:
        with engine.begin() as connection:
            made = insert_into(connection, meta).values(key=name, value=secrets.token_hex(32))
            connection.execute(made.on_conflict_do_nothing())  # of two processes, one makes it
            value = _read(connection, name)
    return bytes.fromhex(value or "")


def _read(connection: Connection, name: str) -> str | None:
    value: str | None = connection.scalar(select(meta.c.value).where(meta.c.key == name))
    return value
