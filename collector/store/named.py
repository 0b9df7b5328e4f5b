"""Whom a trace names, and what of it belongs to a person."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from collector.dialects import DIALECTS

USER_KEYS = tuple(dict.fromkeys(key for dialect in DIALECTS for key in dialect.columns.get("user_id", ())))
"""The attributes in which a span or a log record names its user."""


def users_of(attributes: Mapping[str, Any]) -> list[str]:
    """The users that `attributes` name, each once."""
    named = (attributes[key] for key in USER_KEYS if attributes.get(key) is not None)
    return list(dict.fromkeys(user if isinstance(user, str) else json.dumps(user) for user in named))


@dataclass(slots=True)
class NamedTrace:
    """Who is named in a trace of one project: by its calls, by the parts they were joined from, by its spans."""

    calls: list[tuple[str, str, str | None]] = field(default_factory=list)  # call id, span id, user
    parts: list[tuple[str, str | None]] = field(default_factory=list)  # span id, user
    naming: list[tuple[str, str]] = field(default_factory=list)  # span id, user


def theirs_of(trace: NamedTrace, theirs: Collection[str]) -> tuple[list[tuple[str, str]], bool]:
    """The calls of the person (call id, span id), and whether all of the trace is the person's.

    A call that names nobody is the person's if its trace's other spans do name them, and nobody else.
    """
    of_calls = {span_id for _, span_id, _ in trace.calls} | {span_id for span_id, _ in trace.parts}
    named = {user for span_id, user in trace.naming if span_id not in of_calls}
    speaks_for_all = bool(named) and named <= set(theirs)
    mine = [
        (call_id, span_id)
        for call_id, span_id, user in trace.calls
        if user in theirs or (user is None and speaks_for_all)
    ]
    return mine, len(mine) == len(trace.calls) and named <= set(theirs)
