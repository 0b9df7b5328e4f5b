"""One admitted request: its pieces are read once and written down on its span."""

from collections.abc import AsyncIterator

from serving.engine.generation import Generation, Piece
from serving.protocol.responses import Frame
from serving.telemetry import CallSpan


class Turn:
    """Reads a generation to its end, also where the client has gone before."""

    def __init__(self, generation: Generation, frame: Frame, span: CallSpan) -> None:
        self.frame = frame
        self.span = span
        self._generation = generation
        self._texts: list[str] = []
        self._over = False

    @property
    def text(self) -> str:
        """The answer as far as it has been read."""
        return "".join(self._texts)

    async def pieces(self) -> AsyncIterator[Piece]:
        try:
            async for piece in self._generation:
                if not self._texts:
                    self.span.first_chunk()
                self._texts.append(piece.text)
                if piece.finish_reason is not None and piece.usage is not None:
                    self._over = True
                    self.span.answered(
                        response_id=self.frame.response_id,
                        model=self.frame.model,
                        text=self.text,
                        finish_reason=piece.finish_reason,
                        usage=piece.usage,
                    )
                yield piece
        except Exception:
            self._over = True
            raise

    async def close(self) -> None:
        """Stop the generation if it still runs, and wait for its last piece: it says what was used so far."""
        self._generation.cancel()
        if not self._over:
            async for _ in self.pieces():
                pass
