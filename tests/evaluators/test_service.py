"""Everything that evaluates, running together on calls as they arrive."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence

import pytest
from sqlalchemy import Engine

from collector.call import Call
from collector.query import Filters
from collector.score import Score
from collector.store.base import TelemetryStore
from evaluators import embed, features
from evaluators.config import EmbedConfig, EvaluatorsConfig
from evaluators.drift.config import DriftConfig
from evaluators.drift.monitors.monitors import Monitors
from evaluators.service import EvaluationService
from evaluators.vectors import OUTPUT_EMBEDDING, OUTPUT_FEATURES, PROMPT_EMBEDDING

EVERYTHING = Filters(since_ns=0, until_ns=2**62)
CONFIG = EvaluatorsConfig(
    quiet_s=0.1,
    embed=EmbedConfig(core_share=1.0),
    drift=DriftConfig(n_reference=40, n_window=20, interval_s=0.1),
)


@pytest.fixture
def a_service(store: TelemetryStore, engine: Engine) -> Iterator[Callable[..., EvaluationService]]:
    made: list[EvaluationService] = []

    def make(config: EvaluatorsConfig = CONFIG, **given: object) -> EvaluationService:
        monitors = Monitors(engine, store, time.time_ns, config.drift)
        made.append(EvaluationService(store, engine, config, monitors=monitors, **given))
        return made[-1]

    yield make
    for service in made:
        service.close()


def wait_until(condition: Callable[[], bool], timeout_s: float = 90.0) -> None:
    deadline_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline_s, f"not within {timeout_s} s"
        time.sleep(0.05)


def is_caught_up(service: EvaluationService) -> bool:
    status = service.status()
    return status.drift_lag_calls == 0 and all(consumer.lag_calls == 0 for consumer in status.consumers)


def children() -> list[int]:
    """Scoring processes of this process."""
    listed = subprocess.run(
        ["ps", "--ppid", str(os.getpid()), "-o", "pid=,args="], capture_output=True, text=True, check=True
    ).stdout
    return [int(line.split()[0]) for line in listed.splitlines() if "evaluators.child" in line]


def test_calls_that_arrive_are_scored_embedded_and_watched(
    a_service, store: TelemetryStore, arrive, recorded, an_answer
) -> None:
    handed_on: list[tuple[Sequence[Call], Sequence[Score]]] = []
    service = a_service(after=lambda calls, scores: handed_on.append((calls, scores)))
    service.start()
    march, june = (recorded["prime_full", model] for model in ("gpt-4-0314", "gpt-4-0613"))
    calls = [an_answer(*row) for row in (*march[:40], *june[40:60])]
    arrive(calls[:25])
    arrive(calls[25:])
    wait_until(lambda: is_caught_up(service))
    ids = [call.call_id for call in calls]
    with_answer = {call.call_id for call in calls if call.output_text.strip()}
    for kind, version in ((OUTPUT_FEATURES, features.VERSION), (OUTPUT_EMBEDDING, embed.VERSION)):
        assert store.vectors(ids, kind=kind, version=version).keys() == with_answer
    assert len(store.vectors(ids, kind=PROMPT_EMBEDDING, version=embed.VERSION)) == 60
    scores = store.scores(EVERYTHING, evaluator="refusal", limit=100).items
    assert {score.target_id for score in scores} == with_answer
    [verdict] = store.verdicts(EVERYTHING).items
    assert verdict.outcome == "model_changed"
    assert [call.call_id for calls, _ in handed_on for call in calls] == ids
    assert {score.target_id for _, scores in handed_on for score in scores} == set(ids)
    status = service.status()
    assert {consumer.name: consumer.n_evaluated for consumer in status.consumers} == {"text": 60, "embed": 60}
    assert status.embeddings_off is None
    assert status.drift_error is None


def test_a_killed_child_costs_no_call_its_scores(a_service, store: TelemetryStore, arrive, an_answer) -> None:
    service = a_service(CONFIG.model_copy(update={"embed": EmbedConfig(enabled=False)}))
    service.start()
    calls = [an_answer("Hi", f"Answer {i}. " * 300) for i in range(400)]
    arrive(calls)
    wait_until(lambda: service.status().consumers[0].n_evaluated > 0)
    [pid] = children()
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: is_caught_up(service))
    found = store.vectors([call.call_id for call in calls], kind=OUTPUT_FEATURES, version=features.VERSION)
    assert len(found) == 400
    assert service.status().n_worker_restarts == 1
    assert service.status().consumers[0].n_failed == 0


def test_it_stops_promptly_at_work_and_goes_on_at_the_next_start(
    a_service, store: TelemetryStore, engine: Engine, arrive, an_answer
) -> None:
    arrive([an_answer("Hi", f"Answer {i}. " * 300) for i in range(600)])
    first = a_service()
    first.start()
    wait_until(lambda: first.status().consumers[0].n_evaluated > 0)
    started_s = time.monotonic()
    first.close()
    assert time.monotonic() - started_s < 5
    assert children() == []
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("evaluate-")]
    second = a_service(CONFIG.model_copy(update={"embed": EmbedConfig(enabled=False)}))
    second.start()
    wait_until(lambda: is_caught_up(second))
    assert len(store.scores(EVERYTHING, evaluator="refusal", limit=1000).items) == 600


def test_closing_what_never_started_is_no_error(a_service) -> None:
    a_service().close()


def test_without_the_packages_everything_but_embeddings_goes_on(
    a_service, store: TelemetryStore, arrive, an_answer, monkeypatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(embed, "_PACKAGES", (*embed._PACKAGES, "a_package_that_is_not_installed"))
    service = a_service()
    service.start()
    arrive([an_answer()])
    wait_until(lambda: is_caught_up(service))
    assert [consumer.name for consumer in service.status().consumers] == ["text"]
    assert len(store.scores(EVERYTHING, evaluator="refusal").items) == 1
    said = "Embeddings are off: not installed: a_package_that_is_not_installed; pip install 'watchkeeper[embeddings]'"
    assert caplog.text.count(said) == 1


def test_a_reference_that_is_no_whole_number_of_windows_is_refused() -> None:
    with pytest.raises(ValueError, match=r"multiple of n_window \(50\), got 220; try 200"):
        DriftConfig(n_reference=220)
