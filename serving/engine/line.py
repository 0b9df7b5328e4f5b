"""One generation at a time; the others wait in order, and only so many may wait."""

import logging
import math
import threading
import time
from collections import deque
from collections.abc import Callable

from serving.engine.base import EngineBusy
from serving.engine.generation import Generation, Piece, Usage

_log = logging.getLogger(__name__)

Work = Callable[[], None]


class Line:
    """A thread that runs admitted work in the order of arrival."""

    def __init__(self, *, max_waiting: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._max_waiting = max_waiting
        self._clock = clock
        self._changed = threading.Condition()
        self._waiting: deque[tuple[Generation, Work]] = deque()
        self._running: Generation | None = None
        self._closed = False
        self._last_s = 1.0  # how long the latest generation took: the best guess for the next one
        self._thread = threading.Thread(target=self._run, name="generate", daemon=True)
        self._thread.start()

    def admit(self, generation: Generation, work: Work) -> None:
        """Queue `work`, which delivers the pieces of `generation`.

        Raises:
            EngineBusy: too many wait already, or the line is closed.
        """
        with self._changed:
            # A cancelled one gives its place away at once, though the thread passes over it only later.
            n_ahead = sum(not one.cancelled for one, _ in self._waiting) + (self._running is not None)
            if self._closed or n_ahead > self._max_waiting:
                wait_s = max(1, math.ceil(n_ahead * self._last_s))
                raise EngineBusy(
                    f"{n_ahead} requests are running or waiting, no more are taken; retry in {wait_s} s",
                    retry_after_s=wait_s,
                )
            self._waiting.append((generation, work))
            self._changed.notify()

    def close(self) -> None:
        """Cancel all, and return when the thread has ended."""
        with self._changed:
            self._closed = True
            if self._running is not None:
                self._running.cancel()
            for generation, _ in self._waiting:
                generation.cancel()
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        while (next_one := self._next()) is not None:
            generation, work = next_one
            if generation.cancelled:
                generation.deliver(Piece("", (), "cancelled", Usage(0, 0)))
                continue
            started_s = self._clock()
            try:
                work()
            except Exception as error:  # one failed request must not end the thread that serves all others
                _log.exception("a generation failed")
                generation.deliver(error)
            self._last_s = self._clock() - started_s

    def _next(self) -> tuple[Generation, Work] | None:
        with self._changed:
            self._running = None
            self._changed.wait_for(lambda: self._waiting or self._closed)
            if not self._waiting:
                return None
            generation, work = self._waiting.popleft()
            self._running = generation
            return generation, work
