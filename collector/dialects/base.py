"""What a dialect is: how one family of instrumentation writes a model call into span attributes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Attributes = Mapping[str, Any]
Events = Sequence[Mapping[str, Any]]
Facts = dict[str, Any]
"""Fields of `Call` (and `documents` of a retrieval) as Python values, without those the span does not tell."""


def _nothing(_: Attributes, __: Events) -> Facts:
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """One dialect as data and one pure function.

    `operation_key` names the span's kind, `operations` folds its values to the operations of OTel GenAI.
    `columns` gives, per field of `Call`, the attribute keys that hold it as it is, best first: read a column at a time.
    `describe` tells what columns cannot, from all attributes and events of one span; it is asked only about spans that
    carry `marker` and are model calls or retrievals, and fills only what is still unknown.
    `is_content` says which attributes are stored on the Call and therefore not a second time on the span,
    `is_document` the same of the documents of a retrieval that is no call.
    """

    name: str
    operation_key: str
    operations: Mapping[str, str]
    columns: Mapping[str, tuple[str, ...]]
    is_content: Callable[[str], bool]
    is_document: Callable[[str], bool]
    marker: str | None = None
    describe: Callable[[Attributes, Events], Facts] = field(default=_nothing)
