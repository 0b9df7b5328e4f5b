"""The state database: SQLite beside the telemetry by default, PostgreSQL by its URL."""

import time
from pathlib import Path

from sqlalchemy import URL, Engine, ExceptionContext, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, InternalError, OperationalError

from collector.errors import BadRequest, StoreUnavailable, WatchkeeperError
from collector.state.migrations import bring_up_to_date, schema_version
from collector.state.postgresql import advice_on, check_encoding, is_postgresql, place_of, postgresql_engine
from collector.state.sqlite import sqlite_engine
from collector.state.statements import take_turns
from collector.state.tables import SCHEMA_VERSION

STATE_FILE = "state.sqlite"


def open_state(url: str) -> Engine:
    """Open the state database at `url`; on first use its tables are made, an older one is upgraded.

    Whatever is done with the engine afterwards raises StoreUnavailable while the database cannot answer.

    Args:
        url: sqlite:///PATH or postgresql://USER:PASSWORD@HOST:PORT/DATABASE.
    Raises:
        BadRequest: if it is no such URL.
        StoreUnavailable: if it cannot be opened.
        WatchkeeperError: if a newer Watchkeeper wrote it.
    """
    parsed = parse_url(url)
    engine = postgresql_engine(parsed) if is_postgresql(parsed) else sqlite_engine(parsed)
    try:
        _bring_up_to_date(engine)
    except DBAPIError as error:
        engine.dispose()
        said = advice_on(error) if is_postgresql(parsed) else str(error.orig)
        raise StoreUnavailable(f"{place_of(parsed)}: the state database cannot be opened: {said}") from error
    except WatchkeeperError as error:
        engine.dispose()
        raise type(error)(f"{place_of(parsed)}: {error}") from error
    event.listen(engine, "handle_error", _unavailable)
    return engine


def parse_url(url: str) -> URL:
    """
    Raises:
        BadRequest: if it is no URL of a database that can be used. It never holds the URL, which has a password in it.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        parsed = None
    if parsed is None or not (is_postgresql(parsed) or parsed.drivername == "sqlite") or not parsed.database:
        raise BadRequest("must be like postgresql://user:password@host:5432/database, or sqlite:///path")
    return parsed


def state_url(data_dir: Path) -> str:
    """Where the state of a data directory is by default."""
    return f"sqlite:///{data_dir / STATE_FILE}"


def _bring_up_to_date(engine: Engine) -> None:
    with engine.connect() as connection:
        if schema_version(connection) == SCHEMA_VERSION:
            return
        if engine.dialect.name == "postgresql":
            check_encoding(connection)
    with engine.begin() as connection:
        take_turns(connection, "schema")  # of two that open it, one upgrades
        bring_up_to_date(connection, now_ns=time.time_ns())


def _unavailable(context: ExceptionContext) -> Exception | None:
    """In place of errors of which the next attempt may know nothing: one that all callers understand."""
    error = context.sqlalchemy_exception
    if isinstance(error, OperationalError | InterfaceError | InternalError):
        return StoreUnavailable(f"the state database does not answer: {' '.join(str(error.orig).split())}; try again")
    return None
