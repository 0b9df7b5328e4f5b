"""How many bytes of bodies may be in memory at once, over all connections of all transports."""

import threading
from types import TracebackType

from collector.errors import StoreUnavailable

MAX_INFLIGHT_BYTES = 128 * 2**20


class ByteBudget:
    """For any thread. What a body takes is known as it arrives: who announces much and sends nothing takes nothing."""

    def __init__(self, max_bytes: int = MAX_INFLIGHT_BYTES) -> None:
        self.max_bytes = max_bytes
        self._n_bytes = 0
        self._lock = threading.Lock()

    @property
    def n_bytes(self) -> int:
        return self._n_bytes

    def reservation(self) -> "Reservation":
        return Reservation(self)

    def take(self, n_bytes: int, *, held: int) -> None:
        """Count `n_bytes` more for who holds `held` already.

        Raises:
            StoreUnavailable: if they are too many beside those of others. One body alone may always come in: else it
                never could.
        """
        with self._lock:
            others = self._n_bytes - held
            if others and self._n_bytes + n_bytes > self.max_bytes:
                raise StoreUnavailable(f"{others} bytes of other requests are in hand already; send again in a moment")
            self._n_bytes += n_bytes

    def give_back(self, n_bytes: int) -> None:
        with self._lock:
            self._n_bytes -= n_bytes


class Reservation:
    """What one request holds of the budget, given back on leaving."""

    def __init__(self, budget: ByteBudget) -> None:
        self._budget = budget
        self._held = 0

    def take(self, n_bytes: int) -> None:
        """Raises StoreUnavailable."""
        self._budget.take(n_bytes, held=self._held)
        self._held += n_bytes

    def __enter__(self) -> "Reservation":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._budget.give_back(self._held)
        self._held = 0
