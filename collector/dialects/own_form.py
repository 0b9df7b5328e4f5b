"""Messages in OTel GenAI's form, but for details that some senders write otherwise -> our own form.

Arguments of a tool call that are JSON in a text become the object they are, the `result` of a tool (up to 1.41) its
`response`, and a message of nothing but such responses has the role `tool`, whoever is said to have sent it.
"""

import pyarrow as pa
import pyarrow.compute as pc
from pydantic_core import to_json

from collector.dialects.message_parts import part_of
from collector.dialects.openai_shapes import json_or_text

_SIGN = '"(?:arguments": ?"|result":)'
"""Inside a text these would be escaped, so they are keys wherever they stand. RE2 finds them at a microsecond a kB."""
_CALLS = ("tool_call", "tool_call_response")


def in_own_form(column: pa.Array) -> pa.Array:
    """A column of message lists as JSON texts; only those with a sign of another form are read."""
    if column.null_count == len(column):
        return column
    rows = pc.indices_nonzero(pc.fill_null(pc.match_substring_regex(column, _SIGN), False)).to_pylist()
    if not rows:
        return column
    texts = column.to_pylist()
    for row in rows:
        texts[row] = _rewritten(texts[row])
    return pa.array(texts, pa.string())


def _rewritten(text: str) -> str:
    messages = json_or_text(text)
    if not isinstance(messages, list):
        return text
    return to_json([_message(message) for message in messages]).decode()


def _message(message: object) -> object:
    if not isinstance(message, dict) or not isinstance(message.get("parts"), list):
        return message
    parts = [
        part_of(part) if isinstance(part, dict) and part.get("type") in _CALLS else part for part in message["parts"]
    ]
    is_answer_of_tools = parts and all(isinstance(p, dict) and p.get("type") == "tool_call_response" for p in parts)
    role = "tool" if is_answer_of_tools and message.get("role") == "user" else message.get("role")
    return {**message, "role": role, "parts": parts}
