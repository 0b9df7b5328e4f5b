"""A trace as rows of bars: who called whom, when, for how long, and what decided the end."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from collector.call import Call
from collector.query import Trace
from collector.span import Span
from dashboard import words

Number = TypeVar("Number", int, float)
Kind = Literal["model", "retrieval", "tool", "check", "other"]

_KINDS: Mapping[str, Kind] = {
    "chat": "model", "text_completion": "model", "generate_content": "model", "fetch_response": "model",
    "embeddings": "retrieval", "rerank": "retrieval", "retrieval": "retrieval",
    "execute_tool": "tool", "guardrail": "check", "evaluator": "check",
}  # fmt: skip

_N_CHARACTERS = 200
"""Of one name or reason; the whole of it stands among the attributes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One span. `left` and `width` are shares of the trace's duration, in [0, 1].

    `n_below` rows after this one are its descendants. `tokens` and `cost_usd` are those of the whole subtree.
    `failure` is what kind of failure it was, `reason` the sender's words for it; both None where nothing failed.
    """

    span: Span
    call: Call | None
    depth: int
    n_below: int
    kind: Kind
    left: float
    width: float
    on_path: bool
    tokens: int | None
    cost_usd: float | None

    @property
    def model(self) -> str | None:
        return (self.call.response_model or self.call.request_model) if self.call else None

    @property
    def name(self) -> str:
        """Without the model, which stands beside it."""
        for model in (self.call.request_model, self.call.response_model) if self.call else ():
            if model and self.span.name.endswith(f" {model}"):
                return self.span.name.removesuffix(model).strip()
        return self.span.name

    @property
    def note(self) -> str:
        streamed = "streamed" if self.call and self.call.stream else None
        return ", ".join(filter(None, (self.model, streamed)))

    @property
    def failure(self) -> str | None:
        if self.call and self.call.error_type:
            return self.call.error_type
        if self.span.status != "error":
            return None
        return str(self.span.attributes.get("error.type") or _exception(self.span, "type") or "failed")

    @property
    def reason(self) -> str | None:
        if self.failure is None:
            return None
        told = (self.call and self.call.error_message) or self.span.status_message or _exception(self.span, "message")
        return told or None


@dataclass(frozen=True, slots=True, kw_only=True)
class Waterfall:
    """Rows in the order of a tree, children by start. `counted` are the calls whose usage adds up to the trace's."""

    start_ns: int
    duration_s: float
    rows: Sequence[Row]
    counted: Sequence[Call]

    def to_json(self, selected: str | None) -> dict[str, Any]:
        """Columns for assets/waterfall.js; `selected` is a span id."""
        rows = self.rows
        place = {row.span.span_id: i for i, row in enumerate(rows)}
        return {
            "scale": f"0 to {words.seconds(self.duration_s)}",
            "selected": place.get(selected or "", 0),
            "span": [row.span.span_id for row in rows],
            "depth": [row.depth for row in rows],
            "below": [row.n_below for row in rows],
            "name": [words.first_line(row.name, _N_CHARACTERS) for row in rows],
            "note": [words.first_line(row.note, _N_CHARACTERS) for row in rows],
            "kind": [row.kind for row in rows],
            "left": [round(row.left, 5) for row in rows],
            "width": [round(row.width, 5) for row in rows],
            "path": [int(row.on_path) for row in rows],
            "failure": [words.first_line(row.failure or "", _N_CHARACTERS) for row in rows],
            "reason": [words.first_line(row.reason or "", _N_CHARACTERS) for row in rows],
            "duration": [str(words.seconds(row.span.duration_s)) for row in rows],
            "tokens": ["" if row.tokens is None else str(words.count(row.tokens)) for row in rows],
            "cost": ["" if row.cost_usd is None else str(words.usd(row.cost_usd)) for row in rows],
        }


def waterfall(trace: Trace) -> Waterfall:
    """The rows of a trace that has at least one span.

    Spans whose parent did not arrive stand at the top, as roots do.
    """
    spans = sorted(trace.spans, key=lambda span: (span.start_ns, -span.end_ns, span.span_id))
    children = _children(spans)
    order, depths = _tree(spans, children)
    calls = {call.span_id: call for call in trace.calls}
    start_ns = min(span.start_ns for span in spans)
    end_ns = max(_end(span) for span in spans)
    length_ns = max(end_ns - start_ns, 1)
    path = critical_path(order, children, depths)
    usage = _usage(order, depths, calls)
    kinds = _kinds(order)
    rows = [
        Row(
            span=span,
            call=calls.get(span.span_id),
            depth=depths[span.span_id],
            n_below=usage[span.span_id].n_below,
            kind=kinds[span.span_id],
            left=(span.start_ns - start_ns) / length_ns,
            width=(_end(span) - span.start_ns) / length_ns,
            on_path=span.span_id in path,
            tokens=usage[span.span_id].tokens,
            cost_usd=usage[span.span_id].cost_usd,
        )
        for span in order
    ]
    counted = [calls[span.span_id] for span in order if usage[span.span_id].is_counted]
    return Waterfall(start_ns=start_ns, duration_s=(end_ns - start_ns) / 1e9, rows=rows, counted=counted)


def _end(span: Span) -> int:
    return max(span.end_ns, span.start_ns)  # clocks are set back while spans run


def _children(spans: Sequence[Span]) -> Mapping[str | None, list[Span]]:
    """By the id of their parent, None for roots."""
    known = {span.span_id for span in spans}
    children: dict[str | None, list[Span]] = defaultdict(list)
    for span in spans:
        children[span.parent_span_id if span.parent_span_id in known else None].append(span)
    return children


def _tree(spans: Sequence[Span], children: Mapping[str | None, list[Span]]) -> tuple[list[Span], dict[str, int]]:
    """Spans parents first, and how deep each is. Spans that name each other as parents are no less shown."""
    order: list[Span] = []
    depths: dict[str, int] = {}
    for first in (*children.get(None, ()), *spans):
        stack = [(first, 0)]
        while stack:
            span, depth = stack.pop()
            if span.span_id not in depths:
                depths[span.span_id] = depth
                order.append(span)
                stack += [(child, depth + 1) for child in reversed(children.get(span.span_id, ()))]
    return order, depths


def _kinds(order: Sequence[Span]) -> Mapping[str, Kind]:
    """What a tool or a retrieval does inside is part of it."""
    kinds: dict[str, Kind] = {}
    for span in order:
        above = kinds.get(span.parent_span_id or "", "other")
        kinds[span.span_id] = _KINDS.get(span.operation or "", "other" if above == "model" else above)
    return kinds


def critical_path(
    order: Sequence[Span], children: Mapping[str | None, Sequence[Span]], depths: Mapping[str, int]
) -> frozenset[str]:
    """Ids of the spans that, had they been shorter, would have ended the trace sooner.

    From the end of a span back: the child that ended last held it up, before that the child that had ended last when
    that one began, and so on; the same within each of these.
    Source: Zhang et al. (2022), "CRISP: Critical Path Analysis of Large-Scale Microservice Architectures".
    """
    roots = [span for span in order if depths[span.span_id] == 0]
    found: set[str] = set()
    # What to walk through, and until when: a child may outlive its parent, who did not wait for it.
    stack: list[tuple[Sequence[Span], int]] = [(roots, max(_end(span) for span in roots))]
    while stack:
        siblings, until_ns = stack.pop()
        limit_ns = until_ns
        for span in sorted(siblings, key=lambda span: (-min(_end(span), limit_ns), span.start_ns)):
            ended_ns = min(_end(span), limit_ns)
            if ended_ns <= until_ns and span.start_ns <= ended_ns and span.span_id not in found:
                found.add(span.span_id)
                stack.append((children.get(span.span_id, ()), ended_ns))
                until_ns = span.start_ns
    return frozenset(found)


@dataclass(slots=True, kw_only=True)
class _Usage:
    n_below: int = 0
    tokens: int | None = None
    cost_usd: float | None = None
    is_counted: bool = False


def _usage(order: Sequence[Span], depths: Mapping[str, int], calls: Mapping[str, Call]) -> Mapping[str, _Usage]:
    """What each span and all below it used: of nested calls the innermost that tells counts, its wrappers do not."""
    usage = {span.span_id: _Usage() for span in order}
    ancestors: list[Span] = []
    parents: dict[str, str] = {}
    for span in order:
        del ancestors[depths[span.span_id] :]
        if ancestors:
            parents[span.span_id] = ancestors[-1].span_id
        ancestors.append(span)
    for span in reversed(order):
        own, call = usage[span.span_id], calls.get(span.span_id)
        if call is not None and own.tokens is None and own.cost_usd is None:
            own.tokens, own.cost_usd = _tokens(call), call.cost_usd
            own.is_counted = own.tokens is not None or own.cost_usd is not None
        if above := usage.get(parents.get(span.span_id, "")):
            above.n_below += 1 + own.n_below
            above.tokens = _add(above.tokens, own.tokens)
            above.cost_usd = _add(above.cost_usd, own.cost_usd)
    return usage


def _tokens(call: Call) -> int | None:
    return _add(call.input_tokens, call.output_tokens)


def _add(a: Number | None, b: Number | None) -> Number | None:
    """None is unknown, and adds nothing to what is known."""
    return b if a is None else a if b is None else a + b


def _exception(span: Span, field: str) -> str | None:
    """Of the exception that the span recorded last."""
    told = [event.attributes.get(f"exception.{field}") for event in span.events if event.name == "exception"]
    return str(told[-1]) if told and told[-1] else None
