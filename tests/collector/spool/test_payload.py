"""What an entry of the spool says is what was put into it."""

from dataclasses import fields

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.batch import Batch
from collector.packed import PackedBatch, unpacked_batch
from collector.score import Score
from collector.spool.payload import packed_scores, unpacked_scores

VALUES = {
    pa.string(): st.text(st.characters(exclude_categories=["Cs"])),
    pa.int64(): st.integers(-(2**63), 2**63 - 1),
    pa.float64(): st.floats(allow_nan=False),
    pa.bool_(): st.booleans(),
    pa.list_(pa.string()): st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=3),
}


def tables(schema: pa.Schema) -> st.SearchStrategy[pa.Table]:
    """Up to three rows, in one chunk or two."""
    row = st.fixed_dictionaries(
        {f.name: VALUES[f.type] if not f.nullable else st.none() | VALUES[f.type] for f in schema}
    )
    made = st.lists(row, max_size=3).map(lambda rows: pa.Table.from_pylist(rows, schema=schema))
    return st.tuples(made, st.booleans()).map(lambda pair: pa.concat_tables([pair[0]] * (1 + pair[1])))


BATCHES = st.builds(Batch, **{f.name: tables(getattr(Batch(), f.name).schema) for f in fields(Batch)})
SCORES = st.builds(
    Score,
    value=st.none() | st.floats(0, 1),
    explanation=st.none() | st.text(),
    marks=st.lists(
        st.fixed_dictionaries({"start": st.integers(0, 9), "end": st.integers(0, 9), "kind": st.text()}), max_size=2
    ).map(tuple),
    cost_usd=st.none() | st.floats(allow_nan=False),
)


@given(BATCHES)
def test_a_batch_comes_back_as_it_was(batch: Batch) -> None:
    back = PackedBatch.of(batch).unpacked()
    for field in fields(Batch):
        table = getattr(back, field.name)
        assert table.equals(getattr(batch, field.name))
        assert table.schema.equals(getattr(batch, field.name).schema, check_metadata=True)


@given(st.lists(SCORES, max_size=3))
def test_scores_come_back_as_they_were(scores: list[Score]) -> None:
    assert unpacked_scores(*packed_scores(scores)) == scores


def test_a_batch_of_an_earlier_version_has_nothing_in_the_columns_it_did_not_know(a_call, a_batch) -> None:
    batch = a_batch([a_call(tenant="acme")])
    older = Batch(spans=batch.spans.drop_columns(["documents"]), parts=batch.parts.drop_columns(["tenant"]))
    back = PackedBatch.of(older).unpacked()
    assert back.parts["tenant"].to_pylist() == [None]
    assert back.parts.drop_columns(["tenant"]).equals(older.parts)
    assert back.spans.schema.equals(batch.spans.schema)


@given(st.binary(max_size=200), st.integers(1, 1000))
def test_other_bytes_are_refused(payload: bytes, n_bytes: int) -> None:
    with pytest.raises((ValueError, OSError, KeyError, TypeError)):
        unpacked_batch(payload, n_bytes)
