"""The child's side of `collector.worker`: a process that does one kind of work for its parent.

Requests and replies are pickled on a socket pair, one reply per unit of work and in order, so that the parent knows
which unit was in hand when this process died.
"""

import contextlib
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

_OOM_SCORE_ADJ = 500


class Request(NamedTuple):
    task: str
    units: Sequence[Any]
    unit_timeout_s: float


class Reply(NamedTuple):
    """What became of one unit. `error` None: it was done."""

    result: Any
    error: str | None = None


READY = Reply("ready")


def serve(connection: Connection, tasks: Mapping[str, Callable[[Any], Any]], *, niceness: int = 0) -> None:
    """Answer requests until the other end is closed, which it also is when the parent was killed."""
    # The parent decides when this process ends; Ctrl-C in its terminal is not for us.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(niceness)
    with contextlib.suppress(OSError):  # short of memory, the kernel shall end this process and not its parent
        Path("/proc/self/oom_score_adj").write_text(str(_OOM_SCORE_ADJ))
    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
        connection.send(READY)
        while True:
            request: Request = connection.recv()
            for unit in request.units:
                # Without a handler the alarm ends the process, even one that hangs in C or has lost its parent.
                signal.setitimer(signal.ITIMER_REAL, request.unit_timeout_s)
                connection.send(_done(tasks[request.task], unit))
            signal.setitimer(signal.ITIMER_REAL, 0)


def _done(task: Callable[[Any], Any], unit: Any) -> Reply:
    try:
        return Reply(task(unit))
    except Exception as error:  # one odd text must not cost the others their scores
        return Reply(None, f"{type(error).__name__}: {error}")
