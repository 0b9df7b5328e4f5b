"""Before every question and addition of REST: who asks, and what of the store they see."""

from fastapi import Request

from collector.errors import Unauthenticated
from collector.projects.access import Access
from collector.projects.gate import Gate
from collector.projects.key import Scope
from collector.projects.reader import reader_of
from collector.store.base import TelemetryReader

_SAFE = ("GET", "HEAD", "OPTIONS")


class Guard:
    """Dependencies of routes, one for each scope: a route that has none of them has no reader and no writer either."""

    def __init__(self, gate: Gate, store: TelemetryReader) -> None:
        self._gate = gate
        self._store = store

    async def reads(self, request: Request) -> Access:
        return self._access(request, "read")

    async def ingests(self, request: Request) -> Access:
        return self._gate.ingest_access(request.headers)

    async def administers(self, request: Request) -> Access:
        return self._access(request, "admin")

    async def reader(self, request: Request) -> TelemetryReader:
        """The store as far as the key sees it."""
        return reader_of(self._store, self._access(request, "read").project)

    def _access(self, request: Request, scope: Scope) -> Access:
        # A browser sends its cookie along whoever asks it to; changes need a key, which it never sends by itself.
        is_question = request.method in _SAFE
        try:
            return self._gate.read_access(request.headers, scope=scope, session=is_question)
        except Unauthenticated as error:
            if is_question:
                raise
            raise Unauthenticated(
                f"{error}; a change over REST needs a key, a signed-in browser is not enough"
            ) from error
