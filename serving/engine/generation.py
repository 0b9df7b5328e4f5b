"""One answer on its way from the engine's thread to the event loop."""

import asyncio
import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Literal

FinishReason = Literal["stop", "length", "cancelled"]


@dataclass(frozen=True, slots=True)
class Usage:
    input_tokens: int
    output_tokens: int  # every sampled token, the one that ends the answer included


@dataclass(frozen=True, slots=True)
class Piece:
    """The next part of an answer. Only the last one has a finish reason and the usage of the whole."""

    text: str
    token_ids: tuple[int, ...]  # sampled since the piece before
    finish_reason: FinishReason | None = None
    usage: Usage | None = None


class Generation:
    """An engine delivers into it from any thread; one reader iterates over it in the loop that made it."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._pieces: asyncio.Queue[Piece | Exception] = asyncio.Queue()
        self._cancelled = threading.Event()

    @property
    def cancelled(self) -> bool:
        return self._cancelled.is_set()

    def cancel(self) -> None:
        """Ask the engine to stop at the next token; the last piece still arrives. Safe from any thread, also twice."""
        self._cancelled.set()

    def deliver(self, piece: Piece | Exception) -> None:
        """Hand over the next piece, or what went wrong. After an exception or a last piece nothing may follow."""
        self._loop.call_soon_threadsafe(self._pieces.put_nowait, piece)

    async def __aiter__(self) -> AsyncIterator[Piece]:
        while True:
            piece = await self._pieces.get()
            if isinstance(piece, Exception):
                raise piece
            yield piece
            if piece.finish_reason is not None:
                return
