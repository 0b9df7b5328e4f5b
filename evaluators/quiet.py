"""Which calls have been there long enough that the rest of their trace has arrived too."""

import threading
import time
from collections import deque
from collections.abc import Callable

QUIET_S = 2.0
_RESOLUTION_S = 0.25
_MEMORY_S = 3600.0


class Quiet:
    """Remembers when which seq was the newest. Shared by all threads that read calls."""

    def __init__(
        self,
        last_seq: Callable[[], int],
        *,
        quiet_s: float = QUIET_S,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._last_seq = last_seq
        self._quiet_s = quiet_s
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._seen: deque[tuple[float, int]] = deque()  # (time in s, newest seq then), oldest first

    def settled_seq(self) -> int:
        """The newest seq that was already there `quiet_s` ago; 0 in the first seconds."""
        with self._lock:
            now_s = self._observe()
            return next((seq for seen_s, seq in reversed(self._seen) if seen_s <= now_s - self._quiet_s), 0)

    def lag_s(self, seq: int) -> float:
        """For about how long a call newer than `seq` has been waiting; of an hour and more, an hour."""
        with self._lock:
            now_s = self._observe()
            return next((now_s - seen_s for seen_s, newest in self._seen if newest > seq), 0.0)

    def _observe(self) -> float:
        newest, now_s = self._last_seq(), self._monotonic()
        is_new = not self._seen or newest > self._seen[-1][1]
        if is_new and (not self._seen or now_s - self._seen[-1][0] >= _RESOLUTION_S):
            self._seen.append((now_s, newest))
        while len(self._seen) > 1 and self._seen[1][0] < now_s - max(_MEMORY_S, self._quiet_s):
            self._seen.popleft()
        return now_s
