"""Decoded requests -> what is stored: calls recognised in the spans, prices, redaction. Many requests at once.

A column costs some microseconds however short it is: the spans of requests that wait together are understood together.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import pyarrow as pa
import pyarrow.compute as pc

from collector.batch import Batch
from collector.dialects.opinions import opinions_of_spans
from collector.normalise import normalise
from collector.otlp.table import SpanTable, joined
from collector.prices import NO_PRICES, PriceList, price_calls
from collector.redacting import Policies, redacted, redacted_scores
from collector.redaction import Mode, Policy
from collector.score import Score

Load = SpanTable | Batch
"""What one request brought, decoded: spans, or what needs no understanding any more."""


def _nothing(_: Mapping[str, int]) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Understanding:
    """Call it with loads; it gives batches with all that they brought, ready to be stored.

    Args:
        prices: the operator's own.
        policies: of redaction, by project.
        count: gets how much was redacted by kind and, as `unpriced`, how many calls with a model have no known price.
    """

    prices: PriceList = NO_PRICES
    policies: Policies = field(default=lambda _: Policy(mode=Mode.OFF))
    count: Callable[[Mapping[str, int]], None] = _nothing

    def __call__(self, loads: Sequence[Load]) -> list[Batch]:
        spans = [load for load in loads if isinstance(load, SpanTable)]
        batches = [self._of_spans(joined(spans))] if spans else []
        batches += [self._priced(load, keep_given=True) for load in loads if isinstance(load, Batch)]
        return [self._redacted(batch) for batch in batches]

    def scores(self, scores: Sequence[Score]) -> list[Score]:
        """What people said, as it may be stored."""
        done, counts = redacted_scores(scores, self.policies)
        self.count(counts)
        return done

    def _of_spans(self, table: SpanTable) -> Batch:
        batch = normalise(table)
        batch = Batch(spans=batch.spans, parts=batch.parts, opinions=opinions_of_spans(table))
        return self._priced(batch, keep_given=False)

    def _priced(self, batch: Batch, *, keep_given: bool) -> Batch:
        """With the cost of each call: by the operator's prices, else what people gave or the public lists say.

        What a library reports of its own accord counts only where no price is known.
        """
        parts = batch.parts
        if not parts.num_rows:
            return batch
        columns = {name: _array(parts[name]) for name in _PRICED}
        given = _array(parts["cost_usd"])
        priced = price_calls(columns if keep_given else columns | {"reported_cost_usd": given}, self.prices)
        cost_usd = priced.cost_usd
        if keep_given:
            is_own = pc.fill_null(pc.equal(priced.price_source, "operator"), False)
            cost_usd = pc.if_else(is_own, cost_usd, pc.coalesce(given, cost_usd))
        has_model = pc.is_valid(pc.coalesce(columns["request_model"], columns["response_model"]))
        n_unpriced = pc.sum(pc.and_(pc.is_null(cost_usd), has_model)).as_py() or 0
        self.count({"unpriced": n_unpriced})
        place = parts.schema.get_field_index("cost_usd")
        return replace(batch, parts=parts.set_column(place, parts.schema.field(place), cost_usd))

    def _redacted(self, batch: Batch) -> Batch:
        done, counts = redacted(batch, self.policies)
        self.count(counts)
        return done


_PRICED = (
    "provider", "request_model", "response_model", "start_ns", "input_tokens", "output_tokens", "cache_read_tokens",
    "cache_write_tokens", "reasoning_tokens",
)  # fmt: skip


def _array(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks == 1 else pa.concat_arrays(column.chunks)


understood = Understanding()
"""With the public prices and without redaction."""
