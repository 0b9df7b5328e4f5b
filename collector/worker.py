"""The parent's side of a child process: hands it work, bounds it, starts it again."""

import logging
import os
import pickle
import socket
import subprocess
import threading
from collections.abc import Mapping, Sequence
from multiprocessing.connection import Connection
from typing import Any

from collector.childprocess import READY, Reply, Request
from collector.errors import WatchkeeperError

START_TIMEOUT_S = 180.0
_ENVIRONMENT = {
    # Whatever computes there gets one thread.
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
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
        command: Sequence[str],
        *,
        name: str,
        unit_timeout_s: float,
        start_timeout_s: float = START_TIMEOUT_S,
        environment: Mapping[str, str] | None = None,
        setup: Any = None,
    ) -> None:
        """
        Args:
            command: gets the number of the socket as its last argument and calls `collector.childprocess.serve`.
            name: of the process, for people: "scoring".
            environment: variables of the child besides ours.
            setup: the unit of a task "setup" that each new child gets before all others, where it is not None.
        """
        self._command = command
        self._name = name
        self._unit_timeout_s = unit_timeout_s
        self._start_timeout_s = start_timeout_s
        self._environment = {**os.environ, **_ENVIRONMENT, **(environment or {})}
        self._setup = setup
        self._turn = threading.Lock()
        self._closed = threading.Event()
        self._child: _Child | None = None
        self.n_restarts = 0

    @property
    def pid(self) -> int | None:
        """The process id of the child; None before the first work and after the end."""
        child = self._child
        return child.process.pid if child is not None else None

    def run(self, task: str, units: Sequence[Any]) -> list[Reply]:
        """What became of each unit.

        Raises:
            WorkerUnavailable: if no child can be started, or after `close`.
        """
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
                    log.warning("The %s process is started again: %s", self._name, error)
                    if n_deaths == _SKIP_AFTER_DEATHS:
                        replies.append(
                            Reply(None, f"it ended {n_deaths} {self._name} processes, the last one: {error}")
                        )
                        n_deaths = 0
        return replies

    def start(self) -> None:
        """Start the child now rather than with the first work. Raises WorkerUnavailable."""
        with self._turn:
            self._started()

    def close(self) -> None:
        """End the child, even in the middle of its work; whoever waits for that gets WorkerUnavailable."""
        self._closed.set()
        child = self._child
        if child is not None:
            child.stop()

    def _started(self) -> "_Child":
        if self._child is None and not self._closed.is_set():
            child = self._child = _Child(self._command, self._environment)
            try:
                if child.receive(self._start_timeout_s) != READY:
                    raise _ChildGone("it did not report that it is ready")
                if self._setup is not None:
                    child.send(Request("setup", [self._setup], self._start_timeout_s))
                    if error := child.receive(self._start_timeout_s).error:
                        raise _ChildGone(error)
            except _ChildGone as gone:
                self._forget(child)
                if not self._closed.is_set():
                    raise WorkerUnavailable(f"the {self._name} process cannot be started: {gone}") from gone
        if self._child is None or self._closed.is_set():
            self.close()  # it may have been started while `close` looked for it
            raise WorkerUnavailable(f"the {self._name} process was stopped")
        return self._child

    def _forget(self, child: "_Child") -> None:
        child.stop()
        child.connection.close()
        self._child = None


class _Child:
    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            self.process = subprocess.Popen(
                [*command, str(theirs.fileno())],
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,  # the parent's is for its ready line
                env=environment,
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
