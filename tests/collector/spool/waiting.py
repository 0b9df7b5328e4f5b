"""What tests of the spool wait for, and what they find then."""

import time
from collections.abc import Callable

from collector.store.base import TelemetryStore


def wait_until(holds: Callable[[], bool], timeout_s: float = 30.0) -> None:
    deadline_s = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < deadline_s
        time.sleep(0.005)


def stored(store: TelemetryStore) -> list[str]:
    """The ids of all calls, in the order of their arrival at the store."""
    found: list[str] = []
    after_seq = 0
    while calls := store.scan(after_seq=after_seq, limit=500):
        found += [call.call_id for call in calls]
        after_seq = calls[-1].seq
    return found
