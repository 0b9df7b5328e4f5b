"""The parent's side of the child process: hands it work, bounds it, starts it again."""

import logging
import os
import pickle
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from multiprocessing.connection import Connection
from typing import Any

from collector.errors import WatchkeeperError
from evaluators.child import READY, Reply, Request
from evaluators.embed import Vector
from evaluators.scoring import CallTexts, Scored

UNIT_TIMEOUT_S = 120.0
"""For one call or one batch of texts; the first texts also load the model, on cores that may be busy."""
START_TIMEOUT_S = 180.0
CHILD = (sys.executable, "-P", "-c", "from evaluators.child import main; main()")

_ENVIRONMENT = {
    # One core is for ingest: whatever computes here gets one thread.
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "HF_HUB_OFFLINE": "1",
}
_STOP_TIMEOUT_S = 2.0
_SKIP_AFTER_DEATHS = 2
_SLACK_S = 5.0  # the child's own alarm comes first

log = logging.getLogger(__name__)


class WorkerUnavailable(WatchkeeperError):
    """The child process cannot be had now; the same work may succeed later."""


class _ChildGone(Exception):
    """The child died or did not answer in time."""


class Worker:
    """Runs units of work in one child process, in order. Threads take turns.

    A child that dies or hangs is replaced and goes on with the unit it had in hand; a unit that ends two children is
    given up and reported, and the rest goes on.
    """

    def __init__(
        self,
        *,
        command: Sequence[str] = CHILD,
        unit_timeout_s: float = UNIT_TIMEOUT_S,
        start_timeout_s: float = START_TIMEOUT_S,
    ) -> None:
        self._command = command
        self._unit_timeout_s = unit_timeout_s
        self._start_timeout_s = start_timeout_s
        self._turn = threading.Lock()
        self._closed = threading.Event()
        self._child: _Child | None = None
        self.n_restarts = 0

    @property
    def pid(self) -> int | None:
        """The process id of the child; None before the first work and after the end."""
        child = self._child
        return child.process.pid if child is not None else None

    def score(self, texts: Sequence[CallTexts]) -> list[Scored | None]:
        """The scores and features of each call; None for one that could not be scored, which is logged.

        Raises:
            WorkerUnavailable: if no child can be started, or after `close`.
        """
        return [self._result(reply, "call") for reply in self._run("score", texts)]

    def encode(self, batches: Sequence[Sequence[str]]) -> list[list[Vector | None]]:
        """The embedding of each text of each batch; None for one that could not be encoded, which is logged.

        Raises:
            WorkerUnavailable: if no child can be started, or after `close`.
        """
        vectors = []
        for batch, reply in zip(batches, self._run("encode", batches), strict=True):
            if reply.error is not None and len(batch) > 1:
                # One text must not cost its neighbours their vectors.
                vectors.append([alone[0] for alone in self.encode([[text] for text in batch])])
            else:
                result = self._result(reply, "text")
                vectors.append([None] * len(batch) if result is None else list(result))
        return vectors

    def close(self) -> None:
        """End the child, even in the middle of its work; whoever waits for that gets WorkerUnavailable."""
        self._closed.set()
        child = self._child
        if child is not None:
            child.stop()

    def _run(self, task: str, units: Sequence[Any]) -> list[Reply]:
        replies: list[Reply] = []
        n_deaths = 0
        with self._turn:
            while len(replies) < len(units):
                child = self._started()
                try:
                    child.send(Request(task, units[len(replies) :], self._unit_timeout_s))
                    while len(replies) < len(units):
                        replies.append(child.receive(self._unit_timeout_s + _SLACK_S))
                        n_deaths = 0
                except _ChildGone as error:
                    self._forget(child)
                    n_deaths += 1
                    self.n_restarts += 1
                    log.warning("The scoring process is started again: %s", error)
                    if n_deaths == _SKIP_AFTER_DEATHS:
                        replies.append(Reply(None, f"it ended {n_deaths} scoring processes, the last one: {error}"))
                        n_deaths = 0
        return replies

    def _started(self) -> "_Child":
        if self._child is None and not self._closed.is_set():
            child = self._child = _Child(self._command)
            try:
                if child.receive(self._start_timeout_s) != READY:
                    raise _ChildGone("it did not report that it is ready")
            except _ChildGone as error:
                self._forget(child)
                if not self._closed.is_set():
                    raise WorkerUnavailable(f"the scoring process cannot be started: {error}") from error
        if self._child is None or self._closed.is_set():
            self.close()  # it may have been started while `close` looked for it
            raise WorkerUnavailable("the scoring process was stopped")
        return self._child

    def _forget(self, child: "_Child") -> None:
        child.stop()
        child.connection.close()
        self._child = None

    def _result(self, reply: Reply, unit: str) -> Any:
        if reply.error is not None:
            log.error("A %s is left out of scoring: %s", unit, reply.error)
        return reply.result


class _Child:
    def __init__(self, command: Sequence[str]) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            self.process = subprocess.Popen(
                [*command, str(theirs.fileno())],
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,  # the parent's is for its ready line
                env=os.environ | _ENVIRONMENT,
            )
        self.connection = Connection(ours.detach())

    def send(self, request: Request) -> None:
        # A stopped process reads nothing, and a full pipe would hold us for ever.
        alarm = threading.Timer(request.unit_timeout_s, self.process.kill)
        alarm.daemon = True
        alarm.start()
        try:
            self.connection.send(request)
        except OSError as error:
            raise _ChildGone(self._how_it_ended()) from error
        finally:
            alarm.cancel()

    def receive(self, timeout_s: float) -> Reply:
        try:
            if not self.connection.poll(timeout_s):
                raise _ChildGone(f"it did not answer within {timeout_s:g} s")
            reply: Reply = self.connection.recv()
        except (EOFError, OSError, pickle.UnpicklingError) as error:
            raise _ChildGone(self._how_it_ended()) from error
        return reply

    def stop(self) -> None:
        self.process.kill()
        self.process.wait(_STOP_TIMEOUT_S)

    def _how_it_ended(self) -> str:
        try:
            status = self.process.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            return "it closed its end and stayed"
        return f"it ended by signal {-status}" if status < 0 else f"it ended with status {status}"
