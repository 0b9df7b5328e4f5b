"""The child process: runs the scoring, so that neither torch nor a slow text ever holds up the process that ingests.

Started by evaluators.worker. Requests and replies are pickled on a socket pair, one reply per unit of work and in
order, so that the parent knows which unit was in hand when this process died.
"""

import contextlib
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

NICENESS = 10
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


def serve(connection: Connection, tasks: Mapping[str, Callable[[Any], Any]]) -> None:
    """Answer requests until the other end is closed, which it also is when the parent was killed."""
    # The parent decides when this process ends; Ctrl-C in its terminal is not for us.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(NICENESS)
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


def main() -> None:
    """Serve on the socket whose number is the only argument."""
    from evaluators.encoder import Encoder
    from evaluators.scoring import score

    serve(Connection(int(sys.argv[1])), {"score": score, "encode": Encoder().encode})
