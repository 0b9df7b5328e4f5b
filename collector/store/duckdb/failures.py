"""DuckDB's errors in the words of the store."""

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from collector.errors import StoreUnavailable


@contextmanager
def unavailable(what: str) -> Iterator[None]:
    """Turn what DuckDB or the disk could not do into StoreUnavailable, beginning with `what`.

    A mistake in our own SQL (ProgrammingError) stays what it is.
    """
    try:
        yield
    except (duckdb.OperationalError, duckdb.FatalException, duckdb.InternalError, duckdb.InterruptException) as error:
        raise StoreUnavailable(f"{what}: {str(error).strip().splitlines()[0]}") from error
    except OSError as error:
        raise StoreUnavailable(f"{what}: {error}") from error
