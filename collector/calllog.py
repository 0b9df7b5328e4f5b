"""One document of a request/response log -> Call. Pure."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields
from string import hexdigits
from typing import Annotated, Any, get_type_hints

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, create_model

from collector.batch import call_id_of
from collector.call import DEFAULT_PROJECT, Call
from collector.calllog_messages import contexts_of, messages_of, parts_of
from collector.dialects.finish import fold_reason
from collector.errors import BadRequest
from collector.prices import price_usd
from collector.times import parse_rfc3339
from collector.validation import TimeNs, complaints, shorten

EARLIEST_NS, LATEST_NS = parse_rfc3339("2000-01-01T00:00:00Z"), parse_rfc3339("2200-01-01T00:00:00Z")

Text = Annotated[str, AfterValidator(lambda text: text or None)]  # unknown is null, never ""
Count = Annotated[int, Field(ge=0, lt=2**63)]
Amount = Annotated[float, Field(ge=0, le=1e9)]

_STRICTER = {str | None: Text | None, int | None: Count | None, float | None: Amount | None}
_PRICED = (
    "provider", "request_model", "response_model", "input_tokens", "output_tokens", "cache_read_tokens",
    "cache_write_tokens", "reasoning_tokens",
)  # fmt: skip
_FREE = dict.fromkeys(("system_instructions", "input_messages", "output_messages", "contexts"), Any)


def _hex(n_digits: int) -> AfterValidator:
    def check(text: str) -> str:
        if len(text) != n_digits or not set(text) <= set(hexdigits):
            raise ValueError(f"must be {n_digits} hexadecimal digits; leave it out to have one made")
        return text.lower()

    return AfterValidator(check)


def _is_plausible(start_ns: int) -> int:
    if not EARLIEST_NS <= start_ns < LATEST_NS:
        raise ValueError("not between the years 2000 and 2200; write when the call began")
    return start_ns


_IDS = {
    "call_id": Annotated[str, Field(min_length=1, max_length=256)] | None,
    "trace_id": Annotated[str, _hex(32)] | None,
    "span_id": Annotated[str, _hex(16)] | None,
}


def _document_model() -> type[BaseModel]:
    """The fields of Call, so that they are listed once; all may be left out except the time."""
    hints = get_type_hints(Call)
    kinds = {f.name: _STRICTER.get(hints[f.name], hints[f.name]) for f in fields(Call)} | _FREE | _IDS
    left_out: dict[str, Any] = {
        name: (kind, None) for name, kind in kinds.items() if name not in ("seq", "start_ns", "project")
    }
    return create_model(
        "CallDocument",
        __config__=ConfigDict(extra="forbid", strict=True, frozen=True),
        start_time=(Annotated[TimeNs, AfterValidator(_is_plausible)], ...),
        project=(Annotated[str, Field(min_length=1)], DEFAULT_PROJECT),
        **left_out,
    )


CallDocument = _document_model()


def call_of(document: object) -> Call:
    """Raises BadRequest with the path of what is wrong."""
    if not isinstance(document, Mapping):
        raise BadRequest(f"must be a JSON object with the fields of a call, got {shorten(document)}")
    try:
        values = CallDocument.model_validate(document).model_dump()
    except ValidationError as error:
        raise BadRequest("; ".join(complaints(error, CallDocument))) from error
    start_ns = values.pop("start_time")
    ids = _ids(document, values["project"], values.pop("call_id"), values.pop("trace_id"), values.pop("span_id"))
    values |= ids | {
        "system_instructions": parts_of(values["system_instructions"], path="system_instructions"),
        "input_messages": messages_of(values["input_messages"], path="input_messages", role="user"),
        "output_messages": messages_of(values["output_messages"], path="output_messages", role="assistant"),
        "contexts": contexts_of(values["contexts"], path="contexts"),
        "finish_reasons": [*map(fold_reason, values["finish_reasons"] or ())] or None,
    }
    if values["error_message"] and not values["error_type"]:
        values["error_type"] = "error"  # as a failed span that names none: without a type it would count as a success
    if values["cost_usd"] is None:
        values["cost_usd"] = _price_usd(start_ns, values)
    call = Call(start_ns=start_ns, **values)
    _refuse_parts_above_the_whole(call)
    return call


def _ids(
    document: Mapping[str, Any], project: str, call_id: str | None, trace_id: str | None, span_id: str | None
) -> dict[str, str]:
    """Ids that a retry of the same document gets again; those that the sender gave are kept.

    A call id that has the form of ours is taken apart, so that it is the `call_id_of` its trace and span; any
    other is hashed into them, as the content is where there is no id at all. Two projects may use one id: they get
    spans of their own.
    """
    seed = call_id or json.dumps(document, sort_keys=True)
    if project != DEFAULT_PROJECT:
        seed = f"{project}\x1f{seed}"
    digest = hashlib.sha256(seed.encode()).hexdigest()
    if call_id is not None and len(call_id) == 32 and set(call_id) <= set("0123456789abcdef"):
        made_trace, made_span = digest[:16] + call_id[:16], call_id[16:]
    else:
        made_trace, made_span = digest[:32], digest[32:48]
    trace_id, span_id = trace_id or made_trace, span_id or made_span
    return {"call_id": call_id or call_id_of(trace_id, span_id), "trace_id": trace_id, "span_id": span_id}


def _price_usd(start_ns: int, values: Mapping[str, Any]) -> float | None:
    return price_usd(start_ns=start_ns, **{name: values[name] for name in _PRICED})


def _refuse_parts_above_the_whole(call: Call) -> None:
    cached = (call.cache_read_tokens or 0) + (call.cache_write_tokens or 0)
    if call.input_tokens is not None and cached > call.input_tokens:
        raise BadRequest(
            f"input_tokens: {call.input_tokens} is less than the {cached} cache tokens; it includes them, so add them"
        )
    if call.output_tokens is not None and (call.reasoning_tokens or 0) > call.output_tokens:
        raise BadRequest(
            f"output_tokens: {call.output_tokens} is less than the {call.reasoning_tokens} reasoning tokens; "
            "it includes them, so add them"
        )
