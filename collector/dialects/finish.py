"""Why an answer ended, in the words of OTel GenAI, whatever the provider calls it."""

import functools
from collections.abc import Iterable

import pyarrow as pa
import pyarrow.compute as pc

from collector.dialects.openai_shapes import items, json_or_text

_SPELLINGS = {
    "stop": "stop end_turn stop_sequence completed complete eos eos_token finished finish_reason_stop",
    "length": "length max_tokens max_output_tokens max_completion_tokens max_length model_length token_limit "
    "model_context_window_exceeded context_window_exceeded finish_reason_max_tokens",
    "tool_call": "tool_call tool_calls tool_use function_call function_calls",
    "content_filter": "content_filter content_filtered guardrail_intervened refusal safety prohibited_content "
    "blocklist recitation spii image_safety error_toxic language finish_reason_safety",
    "error": "error failed malformed_function_call malformed_tool_use error_limit finish_reason_error cancelled",
}
_FOLDED = {spelling: name for name, spellings in _SPELLINGS.items() for spelling in spellings.split()}


@functools.lru_cache(maxsize=1_024)
def fold_reason(reason: str) -> str:
    """One finish reason; one that no convention knows stays as it was sent. Idempotent."""
    return _FOLDED.get(reason.strip().lower().replace("-", "_"), reason)


def fold(column: pa.Array) -> pa.Array:
    """A column of lists of finish reasons, folded; an empty list says nothing and becomes null."""
    if column.null_count == len(column):
        return column
    lists = pc.if_else(pc.greater(pc.list_value_length(column), 0), column, None)
    reasons = pc.dictionary_encode(lists.flatten())
    words = [None if word is None else fold_reason(word) for word in reasons.dictionary.to_pylist()]
    folded = pa.array(words, pa.string()).take(reasons.indices)
    lengths = pc.fill_null(pc.list_value_length(lists), 0).to_numpy(zero_copy_only=False)
    offsets = pa.array([0, *lengths.cumsum().tolist()], pa.int32())
    return pa.ListArray.from_arrays(offsets, folded, mask=pc.is_null(lists))


def fill(column: pa.Array, output_messages: pa.Array) -> pa.Array:
    """`column` with its holes filled from the `finish_reason` of the answers, which are JSON texts."""
    is_told = pc.and_(pc.is_null(column), pc.match_substring(output_messages, '"finish_reason"'))
    rows = pc.indices_nonzero(pc.fill_null(is_told, False)).to_pylist()
    if not rows:
        return column
    values = column.to_pylist()
    for row in rows:
        values[row] = reasons_of(items(json_or_text(output_messages[row].as_py()))) or None
    return pa.array(values, pa.list_(pa.string()))


def reasons_of(messages: Iterable[object]) -> list[str]:
    """The finish reasons that the answers themselves carry."""
    found = [message.get("finish_reason") for message in messages if isinstance(message, dict)]
    return [reason for reason in found if isinstance(reason, str) and reason]
