"""How fast one key may send: a token bucket that batches of any size can pass."""

import math
import threading
import time
from collections.abc import Callable

BURST_S = 2.0
"""Without a burst of its own, a bucket holds what flows in within so long."""


def take(tokens: float, n: int, *, burst: float) -> tuple[bool, float]:
    """Whether `n` spans may pass a bucket of `tokens`, and what is in it afterwards.

    A batch larger than the whole bucket passes when the bucket is full and leaves a debt: cut to the bucket's size,
    exporters with large batches could never send anything.
    """
    if tokens < min(n, burst):
        return False, tokens
    return True, tokens - n


class RateLimiter:
    """`rate_per_s` spans flow in, at most `burst` stay. For any thread; one for each key and process."""

    def __init__(
        self, rate_per_s: float, burst: int | None = None, *, clock_s: Callable[[], float] = time.monotonic
    ) -> None:
        self.rate_per_s = rate_per_s
        self.burst = float(max(1, math.ceil(rate_per_s * BURST_S)) if burst is None else burst)
        self._clock_s = clock_s
        self._lock = threading.Lock()
        self._tokens = self.burst
        self._filled_s = clock_s()

    def take(self, n: int) -> float:
        """Let `n` spans pass and return 0, or refuse them and return the seconds after which they would pass."""
        with self._lock:
            self._fill()
            passes, self._tokens = take(self._tokens, n, burst=self.burst)
            return 0.0 if passes else self._wait_s(n)

    def wait_s(self) -> float:
        """Seconds until one span would pass, 0 where it would now. Takes nothing."""
        with self._lock:
            self._fill()
            return 0.0 if self._tokens >= 1 else self._wait_s(1)

    def _fill(self) -> None:
        now_s = self._clock_s()
        self._tokens = min(self.burst, self._tokens + max(0.0, now_s - self._filled_s) * self.rate_per_s)
        self._filled_s = now_s

    def _wait_s(self, n: int) -> float:
        return (min(n, self.burst) - self._tokens) / self.rate_per_s
