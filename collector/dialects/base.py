"""What a dialect is: how one family of instrumentation writes a model call into span attributes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from collector.otlp.attributes import AttributeTable

Facts = dict[str, Any]
"""Fields of `Call` (and `documents` of a retrieval) as Python values, without those the span does not tell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpanView:
    """One span as its dialect looks at it. Each event has `name`, `time_ns` and `attributes`."""

    name: str
    scope: str
    start_ns: int
    end_ns: int
    status: str
    attributes: Mapping[str, Any]
    events: Sequence[Mapping[str, Any]] = ()


def _nothing(_: SpanView) -> Facts:
    return {}


def _never(_: str) -> bool:
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """One dialect as data and one pure function.

    `operation_key` names the span's kind, `operations` folds its values to the operations of OTel GenAI. `operation` is
    what a span did that `describe` would be asked about, where nothing else tells.
    `columns` gives, per field of `Call`, the attribute keys that hold it as it is, best first: read a column at a time.
    `parameters` are request parameters by name, each with the attribute that holds it; what stands under a prefix of
    `metadata` and is no column of its own is an entry of the metadata.
    `describe` tells what columns cannot, from all that one span says; it is asked only about spans that carry `marker`,
    one of the attributes `details` or an event named in `events`, and that are model calls, wrappers of model calls or
    retrievals. It fills only what is still unknown, but for the fields it `corrects`: what it tells of those, None
    among it, replaces what columns hold.
    A `marker` or detail that ends in a dot is a prefix: any attribute under it counts. Where there is a `scope`, only
    spans of scopes whose names begin with it have the operations and are asked about; columns are read on all.
    `invented` are values that the spans of `scope` carry though nobody sent them, by attribute key; they are not taken
    for facts. Neither are the token counts of the spans of `scope` that `estimates` finds. Input tokens of scopes that
    begin with one of `cache_apart` leave out what was read from or written to a cache.
    `announcements` are attributes with the value that marks what is sent ahead of a span, and is none itself.
    `first_chunk_events` are events of which the first on a span is the first chunk of its answer.
    `is_content` says which attributes are stored on the Call and therefore not a second time on the span,
    `is_document` the same of the documents of a retrieval that is no call.
    """

    name: str
    operation_key: str | None = None
    operations: Mapping[str, str] = field(default_factory=dict)
    operation: str | None = None
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    is_content: Callable[[str], bool] = _never
    is_document: Callable[[str], bool] = _never
    marker: str | None = None
    details: frozenset[str] = frozenset()
    events: frozenset[str] = frozenset()
    scope: str | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)
    metadata: tuple[str, ...] = ()
    corrects: frozenset[str] = frozenset()
    invented: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    estimates: Callable[[AttributeTable], npt.NDArray[np.bool_]] | None = None
    cache_apart: tuple[str, ...] = ()
    announcements: Mapping[str, str] = field(default_factory=dict)
    first_chunk_events: tuple[str, ...] = ()
    describe: Callable[[SpanView], Facts] = field(default=_nothing)
