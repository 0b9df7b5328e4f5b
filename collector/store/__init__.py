"""Where telemetry is kept. `base` says what every store owes, `duckdb` is the embedded one, `elasticsearch` the one
that several machines share."""

from pathlib import Path

from collector.store.base import TelemetryStore
from collector.store.duckdb.store import DuckDBStore
from collector.store.elasticsearch.config import ElasticsearchConfig
from collector.store.elasticsearch.store import ElasticsearchStore


def open_store(data_dir: Path, *, after_seq: int = 0, memory_limit_mb: int = 384) -> TelemetryStore:
    """The embedded store in `data_dir`/telemetry, made if it is not there. One process owns it until `close`.

    Args:
        after_seq: new calls get higher numbers than this, even where the files that held it are gone.
    Raises:
        StoreUnavailable: if another process owns it, a file is broken, or a newer version wrote it.
    """
    return DuckDBStore(data_dir / "telemetry", after_seq=after_seq, memory_limit_mb=memory_limit_mb)


def open_elasticsearch(config: ElasticsearchConfig, *, after_seq: int = 0) -> TelemetryStore:
    """The store in the cluster of `config`, its index templates installed. Any number of processes may open it.

    Raises:
        StoreMisconfigured: if somebody must change something first: the address, a password, a privilege, a version.
        StoreUnavailable: if the cluster is away. `ElasticsearchStore(config)` does not wait for it: it is ready when
            the cluster is.
    """
    store = ElasticsearchStore(config, after_seq=after_seq)
    try:
        store.prepare()
    except BaseException:
        store.close()
        raise
    return store
