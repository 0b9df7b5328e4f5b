"""Telemetry that was acknowledged and is not in the store yet: on this machine's disk, in order, until it is."""

from pathlib import Path

from collector.metrics import CollectorMetrics
from collector.spool.config import SpoolConfig
from collector.spool.file import SpoolFile
from collector.spool.metrics import SpoolMetrics
from collector.spool.spool import Spool
from collector.store.base import TelemetrySink

FILE_NAME = "spool.sqlite"


def spooled(
    store: TelemetrySink,
    folder: Path,
    *,
    metrics: CollectorMetrics,
    spool_metrics: SpoolMetrics,
    config: SpoolConfig | None = None,
) -> Spool:
    """A writer before `store` that keeps what it takes in `folder`, and begins to drain what an earlier process left.

    One process holds `folder` until `close`.

    Raises:
        StoreUnavailable: if another process holds it, the disk is full or the file is damaged.
        WatchkeeperError: if a newer version wrote it.
    """
    file = SpoolFile(folder / FILE_NAME, max_bytes=(config or SpoolConfig()).max_bytes)
    spool = Spool(file, store, metrics, spool_metrics)
    spool_metrics.watch(spool.status)
    return spool
