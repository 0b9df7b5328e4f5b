"""Tells open pages that there is something new, by server-sent events."""

import asyncio
from collections.abc import AsyncIterator, Callable, Hashable

from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from collector.errors import WatchkeeperError

INTERVAL_S = 3.0
_HEARTBEAT_S = 15.0
_MAX_STREAMS = 200
_CHANGED = b"event: changed\ndata: \n\n"
_HEARTBEAT = b": still here\n\n"


class Live:
    """One look at `fingerprint` every `INTERVAL_S` seconds for all pages together, and none while no page is open.

    `on_change` is called on the event loop before the pages hear of it.
    """

    def __init__(self, fingerprint: Callable[[], Hashable], on_change: Callable[[], None]) -> None:
        self._fingerprint = fingerprint
        self._on_change = on_change
        self._streams: set[asyncio.Event] = set()
        self._watching: asyncio.Task[None] | None = None
        self._closed = False
        self._loop: asyncio.AbstractEventLoop | None = None

    def response(self) -> StreamingResponse:
        if self._closed or len(self._streams) >= _MAX_STREAMS:
            return StreamingResponse(iter(()), status_code=204)  # the browser does not come back after a 204
        return StreamingResponse(self._stream(), media_type="text/event-stream", headers={"Cache-Control": "no-store"})

    def close(self) -> None:
        """End all streams, from any thread; a server that stops would wait for them."""
        self._closed = True
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._wake_all)

    async def _stream(self) -> AsyncIterator[bytes]:
        self._loop = asyncio.get_running_loop()
        changed = asyncio.Event()
        self._streams.add(changed)
        if self._watching is None or self._watching.done():
            self._watching = asyncio.create_task(self._watch())
        try:
            yield b"retry: 3000\n\n"
            while not self._closed:
                try:
                    await asyncio.wait_for(changed.wait(), _HEARTBEAT_S)
                    changed.clear()
                    if not self._closed:
                        yield _CHANGED
                except TimeoutError:
                    yield _HEARTBEAT  # so that a reader who left is noticed
        finally:
            self._streams.discard(changed)

    async def _watch(self) -> None:
        before = await self._look(None)
        while self._streams and not self._closed:
            await asyncio.sleep(INTERVAL_S)
            after = await self._look(before)
            if after != before:
                before = after
                self._on_change()
                self._wake_all()

    async def _look(self, before: Hashable) -> Hashable:
        try:
            return await run_in_threadpool(self._fingerprint)
        except WatchkeeperError:
            return before  # away for now; pages find out by themselves

    def _wake_all(self) -> None:
        for changed in self._streams:
            changed.set()
