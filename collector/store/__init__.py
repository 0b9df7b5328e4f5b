"""Where telemetry is kept. `base` says what every store owes, `duckdb` is the embedded one."""

from pathlib import Path

from collector.store.base import TelemetryStore
from collector.store.duckdb.store import DuckDBStore


def open_store(data_dir: Path, *, memory_limit_mb: int = 1024) -> TelemetryStore:
    """The embedded store in `data_dir`/telemetry, made if it is not there. One process owns it until `close`.

    Raises:
        StoreUnavailable: if another process owns it, a file is broken, or a newer version wrote it.
    """
    return DuckDBStore(data_dir / "telemetry", memory_limit_mb=memory_limit_mb)
