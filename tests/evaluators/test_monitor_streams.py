"""Streams of monitors: what adds up over windows, exactly the same after a restart."""

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from sqlalchemy import Engine, select

from collector.call import Call
from collector.score import Score
from collector.state import open_state
from collector.state.tables import monitors as monitors_table
from collector.store.base import TelemetryStore
from evaluators.checkpoints import save_checkpoint
from evaluators.drift.config import DriftConfig
from evaluators.drift.monitors.closing import Closing
from evaluators.drift.monitors.judgement import Reading
from evaluators.drift.monitors.monitors import Monitors
from evaluators.drift.monitors.record import Record
from evaluators.drift.monitors.streaming import Step
from evaluators.drift.monitors.table import read_monitor
from evaluators.drift.streams import Alarm
from evaluators.text import TEXT
from tests.evaluators.monitoring import JUNE, MARCH, Clock

Featured = Callable[[Sequence[Call]], None]
Answers = Callable[..., list[Call]]

CONFIG = DriftConfig(n_reference=200, n_window=20)


def scored(store: TelemetryStore, calls: Sequence[Call], value: Callable[[int], float]) -> None:
    """Groundedness of each call, as the text consumer writes it."""
    store.write_scores(
        [
            Score(
                target_id=call.call_id, target_start_ns=call.start_ns, evaluator="groundedness", version="1",
                source="model", value=value(i), created_ns=call.start_ns,
            )
            for i, call in enumerate(calls)
        ]
    )  # fmt: skip


def memories(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        return [json.dumps(memory) for memory in connection.scalars(select(monitors_table.c.memory))]


def test_streams_go_on_bit_for_bit_after_restarts(
    engine: Engine, store: TelemetryStore, featured: Featured, answers: Answers, tmp_path: Path
) -> None:
    calls = [*answers(MARCH, 0, 260), *answers(JUNE, 260, 290)]
    for start in range(0, len(calls), 37):
        chunk = calls[start : start + 37]
        scored(store, chunk, lambda i: 1.0 - (i % 5) / 10)
        featured(chunk)
        Monitors(engine, store, Clock(), CONFIG).tick()
    other = open_state(f"sqlite:///{tmp_path / 'other.sqlite'}")
    with other.begin() as connection:
        save_checkpoint(connection, TEXT, seq=store.last_seq(), now_ns=1)
    at_once = Monitors(other, store, Clock(), CONFIG)
    at_once.tick()
    assert memories(engine) == memories(other)
    [state] = at_once.states()
    newest = at_once.evidence(state.monitor_id)[-1]
    assert newest.stream is not None
    assert newest.quality is not None
    other.dispose()


def test_scores_that_drop_are_found_however_alike_the_answers_are(
    engine: Engine, store: TelemetryStore, featured: Featured, answers: Answers
) -> None:
    """From .90 to .75 on average: no window of twenty shows it at 1 in 2,000, all of them together do."""
    rng = random.Random(3)
    calls = answers(MARCH, 0, 500)
    scored(store, calls[:300], lambda _: min(1.0, rng.gauss(0.9, 0.08)))
    scored(store, calls[300:], lambda _: min(1.0, rng.gauss(0.75, 0.08)))
    featured(calls)
    monitors = Monitors(engine, store, Clock(), CONFIG.model_copy(update={"alpha": 0.001}))
    verdicts = monitors.tick()
    before = [v.outcome for v in verdicts if v.current_end_ns < calls[300].start_ns]
    assert before == ["no_change"] * 5
    drop = next(verdict for verdict in verdicts if verdict.outcome == "quality_dropped")
    assert drop.severity == "critical"
    assert drop.held_back is None
    assert drop.onset_ns is not None
    assert calls[285].start_ns <= drop.onset_ns <= calls[340].start_ns
    [state] = monitors.states()
    assert (state.phase, state.n_alarms) == ("alarm", 1)


def test_an_alarm_of_the_stream_counts_once_the_window_test_confirms_it(
    engine: Engine, store: TelemetryStore, featured: Featured, answers: Answers
) -> None:
    """On the calls since the onset, which may lie some windows back."""
    featured([*answers(MARCH, 0, 60), *answers(JUNE, 60, 90)])
    monitors = Monitors(engine, store, Clock(), DriftConfig(n_reference=40, n_window=10))
    verdicts = monitors.tick()
    assert [verdict.outcome for verdict in verdicts[:2]] == ["no_change", "no_change"]
    [state] = monitors.states()
    record = read_record(engine, state.monitor_id)
    closing = Closing(Reading(store), lambda _: [], Clock())
    march, june = record.memory.recent[:20], record.memory.recent[20:]
    for units, is_confirmed in ((march, False), (june, True)):
        before = replace(record.memory, recent=tuple(units[:-10]), alarm=None)
        onset = Alarm(subject="bold", at_ns=1, onset_ns=units[0].start_ns, evidence=9.0, threshold=5.0)
        stream = Step(alarm=onset, guarantee="At most 0.1 false alarms per month.")
        judged = closing.confirmed(
            replace(record, memory=before), state.monitor, verdicts[0], stream, units[-10:], name="w"
        )
        assert judged.verdict_id == verdicts[0].verdict_id
        if is_confirmed:
            assert (judged.outcome, judged.n_current) == ("model_changed", len(units))
            assert judged.onset_ns == units[0].start_ns
            assert judged.guarantee.startswith("At most 0.1 false alarms per month. The window test on the calls since")
        else:
            assert judged.outcome == "no_change"
            assert judged.notes[-1] == "the stream's evidence was not confirmed by the window test"


def read_record(engine: Engine, monitor_id: str) -> Record:
    with engine.connect() as connection:
        found = read_monitor(connection, monitor_id, CONFIG)
    assert found is not None
    return found.record
