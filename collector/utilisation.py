"""How busy a thread was of late."""

import math

MEMORY_S = 2.0


class Utilisation:
    """An exponentially forgetting mean of "was at work", for one writing thread and any that read."""

    def __init__(self, now_s: float) -> None:
        self._state = (now_s, 0.0)  # replaced, never changed

    def add(self, started_s: float, ended_s: float) -> None:
        """It was idle until `started_s` and at work until `ended_s`."""
        self._state = (ended_s, 1.0 - (1.0 - self.share(started_s)) * math.exp((started_s - ended_s) / MEMORY_S))

    def share(self, now_s: float) -> float:
        """The share of time at work, in [0, 1], as if it had been idle since."""
        at_s, share = self._state
        return share * math.exp(-max(0.0, now_s - at_s) / MEMORY_S)
