"""Where texts stand that people and models wrote, and what a row looks like without them. SQL over a row `old`."""

import json
from collections.abc import Collection, Mapping, Sequence

from duckdb import DuckDBPyConnection

from collector.dialects import DIALECTS
from collector.store.duckdb.days import Day

_CALL_TEXTS = ("system_instructions", "input_messages", "output_messages", "tool_definitions", "contexts")
TEXTS: Mapping[str, tuple[str, ...]] = {
    "calls": _CALL_TEXTS,
    "parts": _CALL_TEXTS,
    "spans": ("documents",),
    "logs": ("body",),
    "opinions": ("explanation",),
    "scores": ("explanation",),
}
_WITH_ATTRIBUTES = ("spans", "logs")
_TEXT_NAMES = frozenset((
    "args", "arguments", "completion", "completions", "content", "documents", "explanation", "final_result", "input",
    "message", "messages", "object", "output", "prompt", "prompts", "query", "result", "stacktrace", "text",
    "tool_arguments", "tool_response",
))  # fmt: skip
"""What the last part of an attribute is called that holds a text, on spans that are no calls and that nobody reads."""
_FIGURES = ("token", "cost", "usage")

# Name and time say that it happened; what it was about goes.
_EVENTS = (
    'to_json(list_transform(from_json(old.events, \'[{"name":"VARCHAR","time_ns":"BIGINT"}]\'),'
    " lambda e: {'name': e.name, 'time_ns': e.time_ns}))::VARCHAR"
)
# A verdict shows answers beside each other, and words of prompts; its figures stay.
_NO_PAIRS = """json_merge_patch(old.body, '{"pairs":[],"clusters":[]}')"""


def emptied_columns(is_due: str, content_keys: Collection[str]) -> dict[str, dict[str, str]]:
    """By table and column: what to put in its place so that the texts of the rows for which `is_due` are gone.

    Args:
        content_keys: attributes that hold texts, of those there are.
    """
    columns = {table: {name: _if(is_due, "NULL", f"old.{name}") for name in names} for table, names in TEXTS.items()}
    if content_keys:
        patch = "{" + ",".join(f"{_json(key)}:null" for key in sorted(content_keys)) + "}"
        without = f"json_merge_patch(old.attributes, {_sql(patch)})::VARCHAR"
        for table in _WITH_ATTRIBUTES:
            columns[table]["attributes"] = _if(is_due, without, "old.attributes")
    columns["spans"]["events"] = _if(is_due, _EVENTS, "old.events")
    columns["verdicts"] = {"body": _if(is_due, f"{_NO_PAIRS}::VARCHAR", "old.body")}
    return columns


def content_keys(cursor: DuckDBPyConnection, lanes: Sequence[Day], projects: Collection[str]) -> set[str]:
    """The attributes of these projects' spans and log records that hold texts."""
    found: set[str] = set()
    for day in lanes:
        for table in _WITH_ATTRIBUTES:
            rows = cursor.execute(
                f"SELECT DISTINCT unnest(json_keys(attributes)) FROM {day.name}.{table}"
                " WHERE attributes IS NOT NULL AND project IN (SELECT unnest($projects))",
                {"projects": list(projects)},
            ).fetchall()
            found |= {key for (key,) in rows if is_content(key)}
    return found


def is_content(key: str) -> bool:
    """Whether the attribute holds a text that somebody or a model wrote. When in doubt it does: what is asked here is
    what may stay after texts have had their time."""
    if any(word in key for word in _FIGURES):
        return False
    is_known = any(dialect.is_content(key) or dialect.is_document(key) for dialect in DIALECTS)
    return is_known or key.rpartition(".")[2] in _TEXT_NAMES


def _if(condition: str, then: str, otherwise: str) -> str:
    return f"CASE WHEN {condition} THEN {then} ELSE {otherwise} END"


def _json(text: str) -> str:

    return json.dumps(text, ensure_ascii=False)


def _sql(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
