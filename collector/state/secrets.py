"""Secrets that an installation makes for itself and keeps."""

import secrets

from sqlalchemy import Connection, Engine, insert, select

from collector.state.tables import meta


def kept_secret(engine: Engine, name: str) -> bytes:
    """32 random bytes, made on first use; the same for every process and after a restart."""

    def read(connection: Connection) -> str | None:
        value: str | None = connection.scalar(select(meta.c.value).where(meta.c.key == name))
        return value

    with engine.connect() as connection:
        value = read(connection)
    if value is None:
        with engine.begin() as connection:
            if engine.dialect.name == "sqlite":  # one of two processes makes it, the other reads it
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            value = read(connection)
            if value is None:
                value = secrets.token_hex(32)
                connection.execute(insert(meta).values(key=name, value=value))
    return bytes.fromhex(value)
