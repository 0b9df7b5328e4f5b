"""Whether a call was streamed and when its first token came, from columns of spans.

A client that measures the time to the first chunk got chunks. A server can tell that time of any request, and libraries
write it of requests that were not streamed, as seconds or as milliseconds.
"""

import functools

import pyarrow as pa
import pyarrow.compute as pc

from collector.otlp.attributes import AttributeTable

SERVER_KEYS = (
    "gen_ai.server.time_to_first_token",
    "gen_ai.server.ttft",
    "gen_ai.latency.time_to_first_token",
)
_SCOPES_THAT_MARK_STREAMS = ("opentelemetry.instrumentation.genai.", "com.anthropic.sdk.")
"""They keep to the convention that `gen_ai.request.stream` is there if and only if the request is streaming."""


def streaming(
    attributes: AttributeTable,
    *,
    scope: pa.Array,
    stated: pa.Array,
    first_chunk_s: pa.Array,
    latency_s: pa.Array,
    error_type: pa.Array,
) -> dict[str, pa.Array]:
    """`stream` and `ttft_s` of spans, from what they state and the time to their first chunk as a client measured it.

    A call that was not streamed has no first token of its own. Of one that failed, what is missing tells nothing.
    """
    marks = [pc.starts_with(scope, prefix) for prefix in _SCOPES_THAT_MARK_STREAMS]
    is_marked = pc.and_(pc.fill_null(functools.reduce(pc.or_, marks), False), pc.is_null(error_type))
    timed = pc.if_else(pc.is_valid(first_chunk_s), True, pa.scalar(None, pa.bool_()))
    stream = pc.coalesce(stated, timed, pc.if_else(is_marked, False, pa.scalar(None, pa.bool_())))
    ttft_s = pc.coalesce(first_chunk_s, _server_ttft_s(attributes, latency_s, stream))
    is_whole = pc.fill_null(pc.invert(stream), False)
    return {"stream": stream, "ttft_s": pc.if_else(is_whole, pa.scalar(None, pa.float64()), ttft_s)}


def _server_ttft_s(attributes: AttributeTable, latency_s: pa.Array, stream: pa.Array) -> pa.Array:
    """Seconds to the first token as a server or a library on its behalf tells them.

    A value above the span's own duration is milliseconds if that makes it plausible. One that is the whole duration is
    the time of an answer that came at once, unless it is known to be a stream.
    """
    keys = [key for key in SERVER_KEYS if key in attributes]
    if not keys:
        return pa.nulls(len(latency_s), pa.float64())
    told = pc.coalesce(*(attributes.doubles(key) for key in keys))
    is_above = pc.greater(told, pc.add(pc.multiply(latency_s, 1.5), 0.1))  # clocks differ, so not every excess counts
    in_ms = pc.and_(is_above, pc.less_equal(pc.divide(told, 1e3), latency_s))
    seconds = pc.if_else(pc.fill_null(in_ms, False), pc.divide(told, 1e3), told)
    at_once = pc.and_(pc.is_null(stream), pc.greater_equal(seconds, pc.multiply(latency_s, 0.98)))
    is_none = pc.or_(pc.less(seconds, 0), at_once)
    return pc.if_else(pc.fill_null(is_none, False), pa.scalar(None, pa.float64()), seconds)
