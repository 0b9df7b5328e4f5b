"""Transactions on the state database."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import OperationalError

from collector.errors import StoreUnavailable


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """All of it is stored, or nothing.

    Raises:
        StoreUnavailable: the database cannot take or answer it now.
    """
    try:
        with engine.begin() as connection:
            yield connection
    except OperationalError as error:
        raise StoreUnavailable(f"the state database does not answer: {error.orig}; try again") from error
