"""PostgreSQL as state database: how it is reached, and what is said when it is not."""

from typing import Any

import psycopg
from psycopg.types.string import StrDumper
from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError

from collector.errors import StoreUnavailable

CONNECT_TIMEOUT_S = 10
LOCK_TIMEOUT_S = 30
IDLE_TIMEOUT_S = 10
"""A transaction of ours takes milliseconds. One that says nothing for so long belongs to a process that stands still;
it is rolled back, so that nobody waits for its locks."""

_SCHEMES = ("postgresql", "postgres", "postgresql+psycopg")
_ADVICE = (
    ("password authentication failed", "correct the user and password in server.state_url"),
    ("no password supplied", "add the password to server.state_url"),
    ("does not exist", "create it (`createuser`, `createdb`), or correct server.state_url"),
    ("permission denied for schema", "make the user of server.state_url the owner of the database (ALTER DATABASE)"),
    ("permission denied for database", "let the user of server.state_url connect to it (GRANT CONNECT)"),
    ("no pg_hba.conf entry", "let this host and user in with a line in the server's pg_hba.conf"),
    ("resolve host", "correct the host in server.state_url"),
    ("Connection refused", "start PostgreSQL there, or correct host and port in server.state_url"),
    ("No such file or directory", "start PostgreSQL there, or correct the socket folder in server.state_url"),
    ("timeout", f"nothing answered for {CONNECT_TIMEOUT_S} s: correct the host in server.state_url, or its firewall"),
    ("too many clients", "raise max_connections of the server; each process of Watchkeeper takes up to 15"),
)


def is_postgresql(url: URL) -> bool:
    return url.drivername in _SCHEMES


def postgresql_engine(url: URL) -> Engine:
    """An engine that waits for nothing without end, and notices when the server was started anew."""
    options = f"-c lock_timeout={LOCK_TIMEOUT_S}s -c idle_in_transaction_session_timeout={IDLE_TIMEOUT_S}s"
    given: dict[str, Any] = dict(url.query)
    engine = create_engine(
        url.set(drivername="postgresql+psycopg"),
        pool_pre_ping=True,
        connect_args={
            "connect_timeout": CONNECT_TIMEOUT_S,
            "application_name": "watchkeeper",
            "client_encoding": "utf8",
            # A peer that vanished without a word is noticed within half a minute.
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            "keepalives_count": 4,
        }
        | given
        | {"options": f"{options} {given.get('options', '')}".strip()},
    )
    event.listen(engine, "connect", _hold_no_nul)
    return engine


def place_of(url: URL) -> str:
    """The URL as it may be shown: without the password, and without the options, which may hold another."""
    return url.set(query={}).render_as_string(hide_password=True)


def advice_on(error: DBAPIError) -> str:
    """What was wrong and what to do, in one sentence without a secret."""
    # A server that was reached says it in one line; libpq names each address that it tried on a line of its own.
    by_server = error.orig.diag.message_primary if isinstance(error.orig, psycopg.Error) else None
    said = by_server or " ".join(str(error.orig).split())
    return f"{said}; {next((advice for words, advice in _ADVICE if words in said), 'correct server.state_url')}"


def check_encoding(connection: Connection) -> None:
    """
    Raises:
        StoreUnavailable: if the database could not hold every text.
    """
    encoding = connection.exec_driver_sql("SHOW server_encoding").scalar()
    if encoding != "UTF8":
        raise StoreUnavailable(f"its encoding is {encoding}; make one with `createdb --encoding UTF8 -T template0`")


def _hold_no_nul(connection: Any, _record: object) -> None:
    """PostgreSQL has no NUL in its texts. Senders choose names, and one such name must not fail every write of it."""
    connection.adapters.register_dumper(str, _WithoutNul)


class _WithoutNul(StrDumper):
    def dump(self, obj: str) -> Any:
        return super().dump(obj.replace("\0", "\ufffd"))
