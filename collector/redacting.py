"""What each column of a batch holds, for redaction; and redaction of a batch by the policy of each project."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import fields, replace

import pyarrow as pa

from collector.batch import Batch, of_project, projects_of
from collector.redaction import Mode, Policy, Role, redact, redact_all
from collector.score import Score

_TEXT, _JSON, _ID, _LIST = Role(form="text"), Role(form="json"), Role(form="identifier"), Role(form="texts")
_CONTENT = Role(form="json", content=True)
_CALL_CONTENT = ("system_instructions", "input_messages", "output_messages", "tool_definitions", "contexts")

ROLES: dict[str, dict[str, Role]] = {
    "spans": {
        "name": _TEXT, "status_message": _TEXT, "attributes": _JSON, "resource": _JSON, "documents": _CONTENT,
        "events": _CONTENT, "links": _JSON,
    },
    "parts": {
        **dict.fromkeys(_CALL_CONTENT, _CONTENT), "error_type": _TEXT, "error_message": _TEXT, "parameters": _JSON,
        "metadata": _JSON, "tags": _LIST, "session_id": _ID, "user_id": _ID, "tenant": _ID,
    },
    "opinions": {
        "label": _TEXT, "explanation": Role(form="text", content=True), "session_id": _ID, "author": _ID,
    },
    "logs": {"body": _CONTENT, "attributes": _CONTENT, "resource": _JSON},
    "points": {"attributes": _JSON, "resource": _JSON},
}  # fmt: skip
"""By table of a batch and column. What is not here holds no words of anybody: ids, times, numbers, names of services,
models and operations."""

Policies = Callable[[str], Policy]
"""The policy of a project, by its name."""


def redacted(batch: Batch, policies: Policies) -> tuple[Batch, Counter[str]]:
    """`batch` as it may be stored, and how much was found, by kind."""
    tables = {f.name: getattr(batch, f.name) for f in fields(batch) if getattr(batch, f.name).num_rows}
    counts: Counter[str] = Counter()
    done: dict[str, list[pa.Table]] = {name: [] for name in tables}
    for project in projects_of(*tables.values()):
        own = {name: of_project(table, project) for name, table in tables.items()}
        policy = policies(project)
        if policy.mode is not Mode.OFF:
            changed, found = redact_all([(table, ROLES[name]) for name, table in own.items()], policy)
            counts += found
            own = dict(zip(own, changed, strict=True))
        for name, table in own.items():
            done[name].append(table)
    return replace(batch, **{name: pa.concat_tables(parts) for name, parts in done.items()}), counts


def redacted_scores(scores: Sequence[Score], policies: Policies) -> tuple[list[Score], Counter[str]]:
    """`scores` with what people wrote in them as it may be stored."""
    counts: Counter[str] = Counter()
    done = []
    for score in scores:
        policy = policies(score.project)
        columns = {name: [getattr(score, name)] for name in SCORE_TEXTS.names}
        table, found = redact(pa.table(columns, schema=SCORE_TEXTS), ROLES["opinions"], policy)
        counts += found
        done.append(replace(score, **table.to_pylist()[0]) if found else score)
    return done, counts


SCORE_TEXTS = pa.schema([("label", pa.string()), ("explanation", pa.string())])
