"""Everything that evaluates, started and stopped together."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import Engine

from collector.call import Call
from collector.score import Score
from collector.state.duties import Duties, SoleDuties
from collector.state.leases import LeaseLost
from evaluators import embed
from evaluators.config import EvaluatorsConfig
from evaluators.drift.monitors.monitors import Monitors
from evaluators.embedding import embed_consumer
from evaluators.judge import Judge, JudgeStats
from evaluators.judge.sample import sampling_key
from evaluators.quiet import Quiet
from evaluators.runner import Consumer, ConsumerStatus, Results, Runner, Store, backoff_s, duty_of
from evaluators.text import text_consumer
from evaluators.worker import Worker

CLOSE_TIMEOUT_S = 3.0
"""For so long the batches in hand may go on; what they had not written is done again at the next start."""
_JUDGE_BATCH_SIZE = 20
LOST_WAIT_S = 0.5

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationStatus:
    consumers: Sequence[ConsumerStatus]
    drift_lag_calls: int
    drift_error: str | None
    n_worker_restarts: int
    judge: JudgeStats | None
    embeddings_off: str | None
    """Why nothing is embedded; None: embeddings are made."""


class EvaluationService:
    """The child process, a thread per consumer, and one for the drift monitors.

    `after` gets calls and their scores when these are stored, which fills the review queue. A judge is closed here.
    """

    def __init__(
        self,
        store: Store,
        engine: Engine,
        config: EvaluatorsConfig,
        clock: Callable[[], int] = time.time_ns,
        *,
        monitors: Monitors,
        judge: Judge | None = None,
        after: Callable[[Sequence[Call], Sequence[Score]], object] | None = None,
        ingest_load: Callable[[], float] = lambda: 0.0,
        duties: Duties | None = None,
    ) -> None:
        """`duties`: shared with other processes; None: there is no other."""
        duties = duties or SoleDuties(engine)
        self._config = config
        self._monitors = monitors
        self._judge = judge
        self._worker = Worker()
        self._stop = threading.Event()
        self._drift_error: str | None = None
        self._embeddings_off = _why_no_embeddings(config)
        consumers = [text_consumer(self._worker, clock=clock, after=after)]
        if self._embeddings_off is None:
            consumers.append(embed_consumer(self._worker, config.embed, key=sampling_key(engine)))
        if judge is not None:
            consumers.append(_judge_consumer(judge))
        quiet = Quiet(store.last_seq, quiet_s=config.quiet_s)
        self._runners = [
            Runner(
                consumer, store, engine, quiet, clock,
                ingest_load=ingest_load, duty=duties.duty(duty_of(consumer.name)),
            )
            for consumer in consumers
        ]  # fmt: skip
        self._drift = threading.Thread(target=self._watch, name="evaluate-drift", daemon=True)

    @property
    def consumers(self) -> Sequence[str]:
        """The names of those that run here."""
        return [runner.name for runner in self._runners]

    def start(self) -> None:
        if self._embeddings_off is not None:
            log.warning("Embeddings are off: %s", self._embeddings_off)
        for runner in self._runners:
            runner.start()
        self._drift.start()

    def close(self) -> None:
        """Finish the batches in hand, within CLOSE_TIMEOUT_S, and end the child process."""
        self._stop.set()
        for runner in self._runners:
            runner.stop()
        deadline_s = time.monotonic() + CLOSE_TIMEOUT_S
        for runner in self._runners:
            runner.join(max(0.0, deadline_s - time.monotonic()))
        # Whoever still waits for the child gets an error now and ends.
        self._worker.close()
        if self._judge is not None:
            self._judge.close()
        if self._drift.ident is not None:
            self._drift.join(max(0.5, deadline_s - time.monotonic()))

    def status(self) -> EvaluationStatus:
        return EvaluationStatus(
            consumers=[runner.status() for runner in self._runners],
            drift_lag_calls=self._monitors.lag_calls(),
            drift_error=self._drift_error,
            n_worker_restarts=self._worker.n_restarts,
            judge=None if self._judge is None else self._judge.stats,
            embeddings_off=self._embeddings_off,
        )

    def _watch(self) -> None:
        n_errors = 0
        while not self._stop.is_set():
            try:
                self._monitors.tick(stop=self._stop.is_set)
            except LeaseLost as lost:  # at once: who answered a verdict wants to see what follows
                log.info("%s", lost)
                self._stop.wait(LOST_WAIT_S)
                continue
            except Exception as error:  # the monitors' state did not move, so the next tick tries the same again
                if self._stop.is_set():
                    return
                n_errors += 1
                self._drift_error = str(error)
                log.error("The drift monitors try again later: %s", error, exc_info=True)
                self._stop.wait(backoff_s(error, n_errors))
                continue
            n_errors, self._drift_error = 0, None
            self._stop.wait(self._config.drift.interval_s)


def _judge_consumer(judge: Judge) -> Consumer:
    return Consumer(
        name="judge",
        evaluate=lambda calls: Results(scores=judge.evaluate(calls)),
        batch_size=_JUDGE_BATCH_SIZE,
    )


def _why_no_embeddings(config: EvaluatorsConfig) -> str | None:
    if not config.embed.enabled:
        return "the configuration says so (evaluators.embed.enabled)"
    if missing := embed.missing_packages():
        return f"not installed: {', '.join(missing)}; pip install 'watchkeeper[embeddings]'"
    return None
