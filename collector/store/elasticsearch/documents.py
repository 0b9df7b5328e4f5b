"""Rows -> documents, and back."""

import hashlib
import json
import math
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from collector.batch import call_id_of
from collector.jsontext import parse
from collector.store.elasticsearch import words
from collector.store.elasticsearch.kinds import CALLS, LOGS, OPINIONS, PARTS, POINTS, SCORES, SPANS, VECTORS, Kind
from collector.store.named import users_of

Row = dict[str, Any]

LONGEST_KEYWORD = 8_000
"""Characters; Lucene takes 32,766 bytes of a value that is searched, and a character has up to four."""
LONGEST_ID = 100
"""Characters of what an id is made of, before it is hashed; Elasticsearch takes 512 bytes."""
LONGEST_ATTRIBUTE = 256
_SHOWN = 200


def keyword(text: str) -> str:
    """`text` as it can be searched: of a very long one the beginning and a hash. Of what this gives, it gives the
    same again."""
    if len(text) <= LONGEST_KEYWORD:
        return text
    return f"{text[:_SHOWN]}… sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def id_of(*names: str) -> str:
    """One id made of several; long ones are hashed."""
    joined = "/".join(names)
    if len(joined) <= LONGEST_ID:
        return joined
    return hashlib.sha256(joined.encode()).hexdigest()


_IDS: Mapping[Kind, Callable[[Row], str]] = {
    SPANS: lambda row: id_of(row["project"], row["trace_id"], row["span_id"]),
    # The key by which joining replaces calls.
    CALLS: lambda row: id_of(row["project"], call_id_of(row["trace_id"], row["span_id"])),
    PARTS: lambda row: id_of(row["project"], row["part_id"]),
    LOGS: lambda row: id_of(row["project"], row["log_id"]),
    POINTS: lambda row: id_of(row["project"], row["point_id"]),
    OPINIONS: lambda row: id_of(row["project"], row["opinion_id"]),
    SCORES: lambda row: id_of(row["score_id"]),
    VECTORS: lambda row: id_of(row["call_id"], row["kind"], row["version"]),
}


def document_id(kind: Kind, row: Row) -> str:
    """The same for every retry of the same row."""
    make = _IDS.get(kind)
    return id_of(row["verdict_id"]) if make is None else make(row)


def document_of(kind: Kind, row: Row) -> Row:
    """What is sent to be indexed: the values that are known, and what searches need besides."""
    found = {name: value for name, value in row.items() if value is not None}
    kept = {}
    for name in kind.keywords:
        value = found.get(name)
        if value is not None and len(value) > LONGEST_KEYWORD:
            kept[name], found[name] = value, keyword(value)
    for name, value in row.items():
        if type(value) is float and not math.isfinite(value):
            kept[name] = str(found.pop(name))
    if kept:
        found["kept"] = kept
    return found | _searched(kind, row)


def encoded(document: Row) -> bytes:
    return _encode(document).encode()


_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False).encode


def row_of(kind: Kind, document: Mapping[str, Any]) -> Row:
    """The row that `document_of` was given."""
    row: Row = {name: document.get(name) for name in kind.schema.names}
    for name, value in document.get("kept", {}).items():
        row[name] = float(value) if value in ("nan", "inf", "-inf") and name not in kind.keywords else value
    return row


def _searched(kind: Kind, row: Row) -> Row:
    """Fields that are no columns."""
    if kind is CALLS:
        said = (words.message_text(row[name]) for name in ("input_messages", "output_messages"))
        return words.indexed("\n".join(text for text in said if text))
    more: Row = {}
    if kind is LOGS and row["body"] is not None:
        more = words.indexed(row["body"])
    if kind is SPANS and row["documents"] is not None:
        more["has_documents"] = True
    if kind in (SPANS, LOGS, POINTS) and row["attributes"]:
        values, users = _attributes(row["attributes"])
        if values:
            more["attribute_values"] = values
        if users:
            more["users"] = users
    return more


def named_users(attributes: str | None) -> set[str]:
    """The users that a stored text of attributes names, as they can be searched."""
    return set(_attributes(attributes)[1]) if attributes else set()


@lru_cache(maxsize=256)
def _attributes(text: str) -> tuple[dict[str, str], list[str]]:
    """The attributes that can be searched, each a short text, and the users that are named in them."""
    try:
        attributes = parse(text)
    except ValueError:  # it was cut in the middle: nothing of it can be told
        return {}, []
    if not isinstance(attributes, dict):
        return {}, []
    values = {}
    for name, value in attributes.items():
        told = value if isinstance(value, str) else _encode(value)
        if name and len(told) <= LONGEST_ATTRIBUTE and len(name) <= LONGEST_ATTRIBUTE and "\0" not in name + told:
            values[name] = told
    return values, [keyword(user) for user in users_of(attributes)]
