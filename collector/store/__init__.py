"""Where telemetry is kept. `base` says what every store owes, `duckdb` is the embedded one."""

from pathlib import Path

from collector.store.base import TelemetryStore
from collector.store.duckdb.store import DuckDBStore


def open_store(data_dir: Path, *, after_seq: int = 0, memory_limit_mb: int = 384) -> TelemetryStore:
    """The embedded store in `data_dir`/telemetry, made if it is not there. One process owns it until `close`.

    Args:
        after_seq: new calls get higher numbers than this, even where the files that held it are gone.
    Raises:
        StoreUnavailable: if another process owns it, a file is broken, or a newer version wrote it.
    """
    return DuckDBStore(data_dir / "telemetry", after_seq=after_seq, memory_limit_mb=memory_limit_mb)
