"""Filters -> the WHERE of a query."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from collector.cursors import INT64
from collector.errors import UnsupportedQuery
from collector.query import Filters

EQUAL = (
    "project", "environment", "service", "provider", "request_model", "response_model",
    "session_id", "user_id", "trace_id", "response_id", "error_type",
)  # fmt: skip
CALL_FIELDS = (*EQUAL, "has_error", "text")
LOG_FIELDS = ("project", "environment", "service", "trace_id", "text")
POINT_FIELDS = ("project", "environment", "service")
SPAN_FIELDS = ("project", "environment", "service", "trace_id")
SCORE_FIELDS = ("project", "environment", "service", "request_model", "trace_id")
VERDICT_FIELDS = ("project", "service", "request_model")

# What stands the same in every JSON writer's output, so that the raw text can be searched before it is parsed.
NEVER_ESCAPED = re.compile(r"[A-Za-z0-9 .,;:_!?()\[\]#%*@-]+")


@dataclass(frozen=True, slots=True)
class Where:
    """An SQL condition and the values of its named parameters."""

    sql: str
    parameters: dict[str, Any]


def where(filters: Filters, *, time: str, allowed: Collection[str], kind: str) -> Where:
    """The condition that `filters` set on rows whose time stands in column `time`.

    Raises:
        UnsupportedQuery: if a field is set that is not in `allowed`; `kind` says in the error what was asked for.
    """
    given = {name: value for name in CALL_FIELDS if (value := getattr(filters, name)) is not None}
    if refused := sorted(given.keys() - set(allowed)):
        raise UnsupportedQuery(
            f"{kind} cannot be filtered by {', '.join(refused)}; they know {', '.join(allowed)} and the time"
        )
    parts = [f"{time} >= $since_ns", f"{time} < $until_ns"]
    values: dict[str, Any] = {"since_ns": _int64(filters.since_ns), "until_ns": _int64(filters.until_ns)}
    for name in EQUAL:
        if name in given:
            parts.append(f"{name} = ${name}")
            values[name] = given[name]
    if filters.has_error is not None:
        parts.append(f"error_type IS {'NOT' if filters.has_error else ''} NULL")
    if filters.text:
        parts.append(f"({_contains('input_messages', filters.text)} OR {_contains('output_messages', filters.text)})")
        values["text"] = filters.text
    return Where(" AND ".join(parts), values)


MESSAGE_TEXT = """
CREATE OR REPLACE MACRO message_text(messages) AS
    CASE WHEN json_valid(messages) THEN concat_ws(chr(10),
        array_to_string(json_extract_string(messages, '$[*].parts[*].content'), chr(10)),
        array_to_string(json_extract_string(messages, '$[*].parts[*].arguments'), chr(10)),
        array_to_string(json_extract_string(messages, '$[*].parts[*].response'), chr(10))
    ) ELSE messages END
"""


def _contains(column: str, text: str) -> str:
    exact = f"contains(lower(message_text({column})), lower($text))"
    if not NEVER_ESCAPED.fullmatch(text):
        return exact
    # Parsing takes four times as long as searching: only what has the text somewhere is parsed.
    return f"CASE WHEN contains(lower({column}), lower($text)) THEN {exact} ELSE false END"


def _int64(time_ns: int) -> int:
    return min(max(time_ns, INT64[0]), INT64[-1])
