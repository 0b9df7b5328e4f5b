"""Scoring and encoding in a child process."""

import logging
import sys
from collections.abc import Sequence
from typing import Any

from collector.childprocess import Reply
from collector.worker import START_TIMEOUT_S
from collector.worker import Worker as ChildWorker
from collector.worker import WorkerUnavailable as WorkerUnavailable  # what callers of this module meet
from evaluators.embed import Vector
from evaluators.scoring import CallTexts, Scored

UNIT_TIMEOUT_S = 120.0
"""For one call or one batch of texts; the first texts also load the model, on cores that may be busy."""
CHILD = (sys.executable, "-P", "-c", "from evaluators.child import main; main()")

_ENVIRONMENT = {"TOKENIZERS_PARALLELISM": "false", "HF_HUB_OFFLINE": "1"}

log = logging.getLogger(__name__)


class Worker:
    """Computes in one child process, in order. Threads take turns."""

    def __init__(
        self,
        *,
        command: Sequence[str] = CHILD,
        unit_timeout_s: float = UNIT_TIMEOUT_S,
        start_timeout_s: float = START_TIMEOUT_S,
    ) -> None:
        self._worker = ChildWorker(
            command,
            name="scoring",
            unit_timeout_s=unit_timeout_s,
            start_timeout_s=start_timeout_s,
            environment=_ENVIRONMENT,
        )

    @property
    def pid(self) -> int | None:
        """The process id of the child; None before the first work and after the end."""
        return self._worker.pid

    @property
    def n_restarts(self) -> int:
        return self._worker.n_restarts

    def score(self, texts: Sequence[CallTexts]) -> list[Scored | None]:
        """The scores and features of each call; None for one that could not be scored, which is logged.

        Raises:
            WorkerUnavailable: if no child can be started, or after `close`.
        """
        return [self._result(reply, "call") for reply in self._worker.run("score", texts)]

    def encode(self, batches: Sequence[Sequence[str]]) -> list[list[Vector | None]]:
        """The embedding of each text of each batch; None for one that could not be encoded, which is logged.

        Raises:
            WorkerUnavailable: if no child can be started, or after `close`.
        """
        vectors = []
        for batch, reply in zip(batches, self._worker.run("encode", batches), strict=True):
            if reply.error is not None and len(batch) > 1:
                # One text must not cost its neighbours their vectors.
                vectors.append([alone[0] for alone in self.encode([[text] for text in batch])])
            else:
                result = self._result(reply, "text")
                vectors.append([None] * len(batch) if result is None else list(result))
        return vectors

    def close(self) -> None:
        """End the child, even in the middle of its work; whoever waits for that gets WorkerUnavailable."""
        self._worker.close()

    def _result(self, reply: Reply, unit: str) -> Any:
        if reply.error is not None:
            log.error("A %s is left out of scoring: %s", unit, reply.error)
        return reply.result
