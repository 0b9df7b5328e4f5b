"""Each answer is computed once for all who ask for it at the same time."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Hashable

from starlette.concurrency import run_in_threadpool


class Memo:
    """Single-flight and bounded. Lives on one event loop; the computations run on threads, few at a time.

    A key holds everything that the value depends on, the project first, else one project would see another's data.
    """

    def __init__(self, *, max_entries: int = 256, max_running: int = 2) -> None:
        self._entries: OrderedDict[Hashable, asyncio.Future[bytes]] = OrderedDict()
        self._max_entries = max_entries
        # More would only share the same cores, and ingest would wait with them.
        self._running = asyncio.Semaphore(max_running)

    async def get(self, key: Hashable, compute: Callable[[], bytes]) -> bytes:
        """The value of `key`, computed unless it is known or under way. An error is raised to all who wait for it,
        and forgotten."""
        entry = self._entries.get(key)
        if entry is None:
            entry = asyncio.ensure_future(self.run(compute))
            self._entries[key] = entry
            while len(self._entries) > self._max_entries:
                self._entries.popitem(last=False)
        try:
            return await asyncio.shield(entry)
        except BaseException:
            if entry.done() and self._entries.get(key) is entry:
                del self._entries[key]
            raise

    async def run(self, compute: Callable[[], bytes]) -> bytes:
        """Compute without remembering."""
        async with self._running:
            return await run_in_threadpool(compute)

    def clear(self) -> None:
        """Something was changed by hand: what comes next is computed anew."""
        self._entries.clear()
