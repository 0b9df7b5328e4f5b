"""Reading and understanding: the same in this process and in one of its own, whatever that one meets."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from prometheus_client import CollectorRegistry

from collector.errors import BadRequest, StoreUnavailable
from collector.ingest import Ingest
from collector.intake.process import ProcessIntake
from collector.intake.sent import Sent
from collector.intake.settings import IntakeSettings
from collector.metrics import CollectorMetrics
from collector.otlp.limits import Limits
from collector.packed import unpacked
from collector.prices.config import PricesConfig
from collector.projects.access import Access
from collector.query import Filters
from collector.redaction.config import RedactionConfig
from collector.retention import Keep, Retention
from collector.score import Score
from collector.store import open_store

SETTINGS = IntakeSettings(
    redaction=RedactionConfig(kinds=("all",)), prices=PricesConfig(), installation_key=b"0123456789abcdef"
)
MAIL = "mia@example.com"
NOW_NS = 1_795_262_400_000_000_000


def an_export(*names: str, start_ns: int = NOW_NS, first_id: int = 1) -> bytes:
    request = ExportTraceServiceRequest()
    spans = request.resource_spans.add().scope_spans.add().spans
    for n, name in enumerate(names, start=first_id):
        span = spans.add(name=name, trace_id=n.to_bytes(16), span_id=n.to_bytes(8))
        span.start_time_unix_nano = span.end_time_unix_nano = start_ns
    return request.SerializeToString()


def traces(*names: str, **fields: Any) -> Sent:
    return Sent(signal="traces", body=an_export(*names), now_ns=NOW_NS, **fields)


@pytest.fixture(scope="module")
def process() -> Iterator[ProcessIntake]:
    intake = ProcessIntake(SETTINGS)
    yield intake
    intake.close()


@pytest.fixture(params=["here", "in a process"])
def intake(request: pytest.FixtureRequest) -> Any:
    return SETTINGS.intake() if request.param == "here" else request.getfixturevalue("process")


def names_of(batches: Any) -> list[str]:
    return [name for batch in unpacked(batches) for name in batch.spans["name"].to_pylist()]


def test_each_item_has_its_outcome_and_one_that_cannot_be_read_spoils_no_other(intake: Any, a_call, a_batch) -> None:
    found = intake.understand(
        [
            traces("a", f"mail {MAIL}"),
            Sent(signal="traces", body=b"not protobuf"),
            a_batch([a_call(user_id=MAIL)]),
            traces("b", limits=Limits(max_records=1)),
            traces("c", "d", limits=Limits(max_records=1)),
            Sent(signal="traces", body=b"{", is_json=True),
        ]
    )
    assert [outcome.n_kept for outcome in found.outcomes] == [2, 0, 2, 1, 0, 0]
    assert all(isinstance(found.outcomes[place].error, BadRequest) for place in (1, 4, 5))
    assert sorted(names_of(found.batches)) == ["a", "b", "chat gpt-4o", "mail [EMAIL]"]
    assert found.counts["email"] == 2


def test_what_the_sender_may_do_and_how_long_it_is_kept_goes_with_it(intake: Any) -> None:
    access = Access(project="shop", scopes=frozenset({"ingest"}), sample_rate=0.0)
    late = Retention(default=Keep(telemetry_days=1))
    sampled, early = traces("a", access=access), traces("b", retention=late)
    old = Sent(
        signal="traces", body=an_export("c", start_ns=NOW_NS - 3 * 86_400 * 10**9), retention=late, now_ns=NOW_NS
    )
    outcomes = intake.understand([sampled, early, old]).outcomes
    assert [dict(outcome.noted) for outcome in outcomes] == [{"sampled_out": 1}, {}, {"before_retention": 1}]
    assert [outcome.n_kept for outcome in outcomes] == [0, 1, 1]


def test_scores_are_redacted_too(intake: Any) -> None:
    score = Score(
        evaluator="u", version="1", source="user", explanation=f"ask {MAIL}", target_id="a", target_start_ns=1,
        created_ns=1,
    )  # fmt: skip
    ([done], counts) = intake.scores([score])
    assert done.explanation == "ask [EMAIL]"
    assert counts == {"email": 1}


def test_a_process_that_is_killed_is_replaced_and_goes_by_the_same_settings(process: ProcessIntake) -> None:
    process.start()
    before = process.pid
    assert before is not None
    os.kill(before, signal.SIGKILL)
    found = process.understand([traces(f"mail {MAIL}")])
    assert names_of(found.batches) == ["mail [EMAIL]"]
    assert process.pid != before


def test_a_request_that_hangs_the_process_is_refused_and_the_others_are_stored(monkeypatch: Any) -> None:
    intake = ProcessIntake(SETTINGS, unit_timeout_s=1.0)
    monkeypatch.setattr("collector.worker._SLACK_S", 0.2)
    intake.start()
    assert intake.pid is not None
    os.kill(intake.pid, signal.SIGSTOP)  # as one that never ends: the first group finds it so
    found = intake.understand([traces("a"), traces("b")])
    assert names_of(found.batches) == ["a", "b"]
    intake.close()
    with pytest.raises(StoreUnavailable, match="send again"):
        intake.understand([traces("a")])


def test_acknowledged_is_stored_while_the_process_is_killed_again_and_again(tmp_path: Path) -> None:
    store, process = open_store(tmp_path), ProcessIntake(SETTINGS)
    process.start()
    ingest = Ingest(store, CollectorMetrics(CollectorRegistry()), intake=process)
    bodies = [an_export(*map(str, range(200)), first_id=1 + 200 * n) for n in range(30)]
    futures = []
    for n, body in enumerate(bodies):
        futures.append(ingest.submit(Sent(signal="traces", body=body)))
        if n % 6 == 3 and process.pid is not None:
            os.kill(process.pid, signal.SIGKILL)
            time.sleep(0.05)
    n_kept = n_refused = 0
    for body, future in zip(bodies, futures, strict=True):
        try:
            n_kept += future.result(60).outcome.n_kept
        except StoreUnavailable:  # killed while it was starting
            n_refused += 1
            n_kept += ingest.submit(Sent(signal="traces", body=body)).result(60).outcome.n_kept
    ingest.close()
    process.close()
    n_stored = len(store.spans(Filters(since_ns=0, until_ns=2**62), limit=10_000).items)
    store.close()
    assert n_kept == n_stored == 6_000
    assert n_refused < 30
