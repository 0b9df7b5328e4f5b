"""From sampled token ids to text that is safe to send, and the decision when an answer is over."""

from collections.abc import Callable, Collection, Sequence

from serving.engine.generation import FinishReason, Piece, Usage

_INCOMPLETE = "\ufffd"  # what a decoder writes for bytes that do not make a character yet


class Answer:
    """Reads one token after the other; each step says what can be sent.

    Text is held back in two cases only: a character of which some bytes are missing, and the possible beginning of
    a stop string. Once `over`, further tokens are ignored.
    """

    def __init__(
        self,
        decode: Callable[[Sequence[int]], str],
        *,
        end_ids: Collection[int],
        stop: Sequence[str],
        max_tokens: int,
        n_prompt_tokens: int,
    ) -> None:
        self._decode = decode
        self._end_ids = end_ids
        self._stop = stop
        self._max_tokens = max_tokens
        self._n_prompt_tokens = n_prompt_tokens
        self._ids: list[int] = []  # without the token that ends the answer
        self._n_sent_ids = 0
        self._n_sampled = 0
        # Tokens before `_context` are left behind; those up to `_read` are decoded again with each new one,
        # because a token's text can depend on its neighbour (a leading space, for one).
        self._context = 0
        self._read = 0
        self._held = ""
        self.over = False

    def push(self, token_id: int, *, cancelled: bool = False) -> Piece | None:
        """Take one sampled token; return what can be sent now, None where that is nothing."""
        if self.over:
            return None
        self._n_sampled += 1
        ended = token_id in self._end_ids
        if not ended:
            self._ids.append(token_id)
        finish_reason: FinishReason | None = None
        if ended:
            finish_reason = "stop"
        elif cancelled:
            finish_reason = "cancelled"
        elif self._n_sampled >= self._max_tokens:
            finish_reason = "length"
        safe, self._held, stopped = split_at_stop(
            self._held + self._new_text(last=finish_reason is not None), self._stop
        )
        if stopped:
            finish_reason = "stop"
        elif finish_reason is not None:
            safe += self._held
        if finish_reason is None:
            return self._piece(safe) if safe else None
        self.over = True
        return self._piece(safe, finish_reason)

    def _new_text(self, *, last: bool) -> str:
        before = self._decode(self._ids[self._context : self._read])
        now = self._decode(self._ids[self._context :])
        if len(now) <= len(before) or (now.endswith(_INCOMPLETE) and not last):
            return ""
        self._context, self._read = self._read, len(self._ids)
        return now[len(before) :]

    def _piece(self, text: str, finish_reason: FinishReason | None = None) -> Piece:
        token_ids = tuple(self._ids[self._n_sent_ids :])
        self._n_sent_ids = len(self._ids)
        usage = None if finish_reason is None else Usage(self._n_prompt_tokens, self._n_sampled)
        return Piece(text, token_ids, finish_reason, usage)


def split_at_stop(text: str, stop: Sequence[str]) -> tuple[str, str, bool]:
    """Split `text` into what can be sent, what must be held back, and whether a stop string was met.

    The held part is the longest end of `text` with which a stop string begins; the stop string itself is dropped.
    """
    starts = [start for word in stop if (start := text.find(word)) >= 0]
    if starts:
        return text[: min(starts)], "", True
    n_held = max((n for word in stop for n in range(1, len(word)) if text.endswith(word[:n])), default=0)
    return text[: len(text) - n_held], text[len(text) - n_held :], False
