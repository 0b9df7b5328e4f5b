"""The collector's own health, in Prometheus terms."""

from collections.abc import Iterator, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import Metric

from collector.otlp.signal import Signal

_COMMIT_SECONDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)


class CollectorMetrics:
    """Counters of one collector; a registry of its own, so that two collectors in one process stay apart."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.accepted_spans = Counter(
            "watchkeeper_accepted_spans", "Spans acknowledged to their sender", ["transport"], registry=registry
        )
        self.rejected_spans = Counter(
            "watchkeeper_rejected_spans",
            "Spans of readable requests that could not be kept",
            ["reason"],
            registry=registry,
        )
        self.accepted_records = Counter(
            "watchkeeper_accepted_records",
            "Log records and data points of metrics acknowledged to their sender",
            ["signal", "transport"],
            registry=registry,
        )
        self.rejected_records = Counter(
            "watchkeeper_rejected_records",
            "Log records and data points of readable requests that could not be kept",
            ["signal", "reason"],
            registry=registry,
        )
        self.adapted = Counter(
            "watchkeeper_adapted",
            "What was taken otherwise than sent, such as values cut to their limit and times ahead of the clock",
            ["signal", "what"],
            registry=registry,
        )
        self.rejected_requests = Counter(
            "watchkeeper_rejected_requests", "Requests refused, by reason", ["transport", "reason"], registry=registry
        )
        self.sampled_out_spans = Counter(
            "watchkeeper_sampled_out_spans",
            "Spans acknowledged and not kept, as the sampling rate of their key says",
            registry=registry,
        )
        self.overridden_project_spans = Counter(
            "watchkeeper_overridden_project_spans",
            "Spans that named another project than the one they were stored in",
            registry=registry,
        )
        self.stored_spans = Counter("watchkeeper_stored_spans", "Spans written to the store", registry=registry)
        self.stored_calls = Counter("watchkeeper_stored_calls", "Model calls written to the store", registry=registry)
        self.duplicate_spans = Counter(
            "watchkeeper_duplicate_spans", "Spans that were in the store already", registry=registry
        )
        self.redactions = Counter(
            "watchkeeper_redactions", "Values masked or dropped before they were stored", ["kind"], registry=registry
        )
        self.unpriced_calls = Counter(
            "watchkeeper_unpriced_calls", "Model calls that name a model without a known price", registry=registry
        )
        self.commit_seconds = Histogram(
            "watchkeeper_commit_seconds", "Time of one commit", buckets=_COMMIT_SECONDS, registry=registry
        )
        self.queue_bytes = Gauge(
            "watchkeeper_ingest_queue_bytes", "Decoded bytes waiting for a commit", registry=registry
        )

    def collect(self) -> Iterator[Metric]:
        """All of them as they stand now, without what others have in the registry."""
        for metric in vars(self).values():
            yield from metric.collect()

    def understood(self, counts: Mapping[str, int]) -> None:
        """Count what `collector.understanding` tells."""
        for what, n in counts.items():
            if what == "unpriced":
                self.unpriced_calls.inc(n)
            else:
                self.redactions.labels(what).inc(n)

    def took(
        self, signal: Signal, transport: str, n_kept: int, *, rejected: Mapping[str, int], noted: Mapping[str, int]
    ) -> None:
        """Count one acknowledged export: what was kept, what was not by reason, what was changed."""
        is_traces = signal == "traces"
        accepted = (
            self.accepted_spans.labels(transport) if is_traces else self.accepted_records.labels(signal, transport)
        )
        accepted.inc(n_kept)
        for reason, n in rejected.items():
            (self.rejected_spans.labels(reason) if is_traces else self.rejected_records.labels(signal, reason)).inc(n)
        for what, n in noted.items():
            if what == "sampled_out":
                self.sampled_out_spans.inc(n)
            elif what == "other_project" and is_traces:
                self.overridden_project_spans.inc(n)
            else:
                self.adapted.labels(signal, what).inc(n)
