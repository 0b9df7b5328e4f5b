"""A row without the texts that people and models wrote."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from collector.jsontext import parse
from collector.store.duckdb.content import TEXTS, is_content
from collector.store.elasticsearch.documents import Row
from collector.store.elasticsearch.kinds import KINDS, LOGS, SPANS, VERDICTS, Kind

WITH_TEXTS: tuple[Kind, ...] = tuple(kind for kind in KINDS if kind.name in TEXTS or kind is VERDICTS)


def emptied(kind: Kind, row: Row) -> Row:
    """`row` as it is kept when its texts have had their time."""
    new = row | dict.fromkeys(TEXTS.get(kind.name, ()))
    if kind in (SPANS, LOGS) and row["attributes"] is not None:
        new["attributes"] = _changed(row["attributes"], _without_texts)
    if kind is SPANS and row["events"] is not None:
        # Name and time say that it happened; what it was about goes.
        new["events"] = _changed(row["events"], lambda events: [_only(event, "name", "time_ns") for event in events])
    if kind is VERDICTS:
        # A verdict shows answers beside each other, and words of prompts; its figures stay.
        new["body"] = _changed(row["body"], lambda body: body | {"pairs": [], "clusters": []})
    return new


def _changed(text: str, change: Callable[[Any], Any]) -> str | None:
    """A text that was cut in the middle goes as a whole: nobody can say what stands where."""
    try:
        return json.dumps(change(parse(text)), ensure_ascii=False, separators=(",", ":"))
    except (ValueError, TypeError, AttributeError):
        return None


def _without_texts(attributes: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in attributes.items() if not is_content(name)}


def _only(event: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: event.get(name) for name in names}
