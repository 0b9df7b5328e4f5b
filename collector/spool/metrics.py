"""What the spool tells of itself, in Prometheus terms."""

from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, Counter
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from collector.spool.status import SpoolStatus


class SpoolMetrics:
    """Counters of one spool, and what it holds at the moment it is asked."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def counter(name: str, text: str) -> Counter:
            return Counter(f"watchkeeper_spool_{name}", text, registry=registry)

        self._registry = registry
        self.taken_spans = counter("taken_spans", "Spans written to the spool")
        self.drained_spans = counter("drained_spans", "Spans that went from the spool to the store")
        self.drained_bytes = counter("drained_bytes", "Bytes that went from the spool to the store, packed")
        self.failed_writes = counter("failed_writes", "Writes from the spool to the store that are tried again")
        self.rejected_entries = counter("rejected_entries", "Writes that the store did not take, set aside")
        self.rejected_spans = counter("rejected_spans", "Spans in them")
        self.forgotten_spans = counter("forgotten_spans", "Spans of writes set aside that made room for later ones")

    def watch(self, status: Callable[[], SpoolStatus]) -> None:
        """From now on the registry tells what `status` says, too."""
        self._registry.register(_Gauges(status))


class _Gauges(Collector):
    def __init__(self, status: Callable[[], SpoolStatus]) -> None:
        self._status = status

    def collect(self) -> Iterator[Metric]:
        now = self._status()
        for name, text, value in (
            ("entries", "Writes that wait for the store", now.held.n_entries),
            ("spans", "Spans that wait for the store", now.held.n_spans),
            ("bytes", "Bytes of what waits for the store, packed", now.held.n_bytes),
            ("oldest_age_seconds", "How long the oldest write has waited for the store", now.oldest_age_s),
            ("file_bytes", "Size on disk, with the log and with space that is free again", now.file_bytes),
            ("max_bytes", "Largest size of the file", now.max_bytes),
            ("set_aside_entries", "Writes that the store does not take, kept on disk", now.rejected.n_entries),
        ):
            yield GaugeMetricFamily(f"watchkeeper_spool_{name}", text, value)
