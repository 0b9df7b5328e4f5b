"""What was said by telemetry becomes a score when its call is known, whichever came first."""

from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from collector.batch import OPINION_SCHEMA, Batch
from collector.opinions import resolve
from collector.query import Filters
from collector.store import open_store

EVERYTHING = Filters(since_ns=0, until_ns=2**62)


def opinion_of(call: Any, **fields: Any) -> Batch:
    row = dict.fromkeys(OPINION_SCHEMA.names) | {
        "opinion_id": "o1", "time_ns": call.start_ns + 10**9, "project": "default", "target_kind": "call",
        "trace_id": call.trace_id, "span_id": call.span_id, "name": "helpful", "value": 0.5, "source": "user",
    }  # fmt: skip
    return Batch(opinions=pa.Table.from_pylist([row | fields], schema=OPINION_SCHEMA))


def test_an_opinion_waits_for_its_call_and_becomes_one_score(tmp_path: Path, a_call: Any, a_batch: Any) -> None:
    call = a_call()
    with closing(open_store(tmp_path)) as store:
        store.write([opinion_of(call)])
        assert resolve(store, now_ns=call.start_ns) == 0
        store.write([a_batch([call])])
        assert resolve(store, now_ns=call.start_ns) == 1
        assert resolve(store, now_ns=call.start_ns) == 0
        (score,) = store.scores(EVERYTHING).items
        assert (score.target_id, score.evaluator, score.value, score.source) == (
            call.call_id, "otel:helpful", 0.5, "user",
        )  # fmt: skip
        store.write([opinion_of(call)])  # sent again
        assert resolve(store, now_ns=call.start_ns) == 1
        assert len(store.scores(EVERYTHING).items) == 1


@pytest.mark.parametrize(
    ("target_kind", "named"), [("call", "response_id"), ("session", "session_id"), ("trace", "trace_id")]
)
def test_an_opinion_without_a_span_finds_its_target_by_what_it_names(
    tmp_path: Path, a_call: Any, a_batch: Any, target_kind: str, named: str
) -> None:
    call = a_call(response_id="chatcmpl-1", session_id="s1")
    nowhere = {"trace_id": None, "span_id": None}
    with closing(open_store(tmp_path)) as store:
        store.write([a_batch([call])])
        store.write([opinion_of(call, **nowhere | {"target_kind": target_kind, named: getattr(call, named)})])
        assert resolve(store, now_ns=call.start_ns) == 1
        (score,) = store.scores(EVERYTHING).items
        assert score.target_id == {"call": call.call_id, "session": "s1", "trace": call.trace_id}[target_kind]


def test_an_opinion_of_another_project_finds_nothing(tmp_path: Path, a_call: Any, a_batch: Any) -> None:
    call = a_call()
    with closing(open_store(tmp_path)) as store:
        store.write([a_batch([replace(call, project="other")])])
        store.write([opinion_of(call)])
        assert resolve(store, now_ns=call.start_ns) == 0
