"""Requests made to take long, of any size: each kind repeats what one part of the collector finds hardest."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import count, islice
from typing import Literal

NOW_NS = 1_795_000_000_000_000_000
MAX_VALUE_BYTES = 2**20
"""Of one text; the collector cuts what is longer than 4 MiB."""

MAX_RECORDS = 32_000
MAX_ITEMS = 130_000
MAX_CALLS = 20_000
"""Of one request; somewhat less than is refused."""

Form = Literal["traces", "traces-json", "logs", "metrics", "metrics-json", "calls"]


@dataclass(frozen=True, slots=True)
class Hostile:
    """`build(n_bytes)` gives a body of about so many bytes."""

    form: Form
    build: Callable[[int], bytes]


def _varint(number: int) -> bytes:
    septets = bytearray()
    while number > 127:
        septets.append(number & 127 | 128)
        number >>= 7
    return bytes([*septets, number])


def _sub(field: int, *pieces: bytes) -> bytes:
    """A field of bytes: a message, a text or bytes."""
    raw = b"".join(pieces)
    return _varint(field << 3 | 2) + _varint(len(raw)) + raw


def _fixed(field: int, number: int) -> bytes:
    return _varint(field << 3 | 1) + number.to_bytes(8, "little")


def _number(field: int, number: int) -> bytes:
    return _varint(field << 3) + _varint(number)


def _text(value: str) -> bytes:
    return _sub(1, value.encode())


def _pair(key: str, value: bytes, *, field: int = 9) -> bytes:
    """An attribute; `value` is an AnyValue's field. 9 is where a span keeps them."""
    return _sub(field, _sub(1, key.encode()), _sub(2, value))


def _span(number: int, *fields: bytes) -> bytes:
    trace, span = (number + 1).to_bytes(16, "big"), (number + 1).to_bytes(8, "big")
    times = _fixed(7, NOW_NS + number), _fixed(8, NOW_NS + number + 1_000_000)
    return _sub(2, _sub(1, trace), _sub(2, span), _sub(5, b"s"), *times, *fields)


_CHAT = _pair("gen_ai.operation.name", _text("chat")) + _pair("gen_ai.request.model", _text("gpt-4o"))


def _filled(n_bytes: int, pieces: Iterator[bytes], n_most: int = MAX_RECORDS) -> bytes:
    """`pieces` until `n_bytes` are full, or there are as many as one request may have."""
    taken, size = [], 0
    while size < n_bytes and len(taken) < n_most:
        taken.append(next(pieces))
        size += len(taken[-1])
    return b"".join(taken)


def _export(content: bytes) -> bytes:
    return _sub(1, _sub(2, content))


def _spans(fields: Callable[[int], bytes], n_most: int = MAX_RECORDS) -> Callable[[int], bytes]:
    """Spans of which number `i` has the fields `fields(i)`."""
    return lambda n_bytes: _export(_filled(n_bytes, (_span(i, fields(i)) for i in count()), n_most))


def _keys(prefix: str, suffix: str, *, n_keys: int, before: bytes = _CHAT) -> Callable[[int], bytes]:
    """Spans with `n_keys` attributes `prefix.N.suffix` each."""
    pairs = b"".join(_pair(f"{prefix}.{n}.{suffix}", _text("hello")) for n in range(n_keys))
    return _spans(lambda _: before + pairs)


_OPENINFERENCE = _pair("openinference.span.kind", _text("LLM"))


def _distinct_keys(n_bytes: int) -> bytes:
    """No two attributes of the request have the same key."""
    names = count()
    return _spans(
        lambda _: _CHAT + b"".join(_pair(f"gen_ai.prompt.{n}.content", _text("a")) for n in islice(names, 1000))
    )(n_bytes)


def text_of(piece: str, n_bytes: int) -> str:
    """`piece` again and again; every {} in it is a number of its own."""
    if "{}" not in piece:
        return piece * (n_bytes // len(piece.encode()))
    numbers = count(1)
    pieces = (piece.format(next(numbers) * 7919 % 10**9).encode() for _ in count())
    return _filled(n_bytes, pieces, n_most=n_bytes).decode()


def _in_attribute(piece: str, key: str = "text") -> Callable[[int], bytes]:
    """Spans with long texts of `piece`."""

    def build(n_bytes: int) -> bytes:
        sizes = [min(MAX_VALUE_BYTES, n_bytes - start) for start in range(0, n_bytes, MAX_VALUE_BYTES)]
        spans = [_span(i, _CHAT, _pair(key, _text(text_of(piece, size)))) for i, size in enumerate(sizes)]
        return _export(b"".join(spans))

    return build


def _in_short_attributes(piece: str) -> Callable[[int], bytes]:
    text = _text(text_of(piece, 120))
    return _spans(lambda _: _pair("text", text))


def _messages(n_bytes: int) -> bytes:
    one = json.dumps([{"role": "user", "parts": [{"type": "text", "content": "call +49 30 901820 now"}]}] * 100)
    return _spans(lambda _: _CHAT + _pair("gen_ai.input.messages", _text(one)))(n_bytes)


def _nested(n_levels: int) -> Callable[[int], bytes]:
    """Messages whose text is JSON in JSON in JSON."""
    text = "bob@example.com 4111 1111 1111 1111"
    for _ in range(n_levels):
        text = json.dumps([{"role": "user", "content": text}])
    return _spans(lambda _: _CHAT + _pair("gen_ai.input.messages", _text(text)))


def _deep(n_bytes: int) -> bytes:
    brackets = '[{"role": "user", "content": ' + "[" * 150 + "]" * 150 + "}]"
    return _spans(lambda _: _CHAT + _pair("gen_ai.input.messages", _text(brackets)))(n_bytes)


def _deep_value(n_levels: int) -> bytes:
    value = _text("deep")
    for _ in range(n_levels):
        value = _sub(5, _sub(1, value))
    return value


_DEEP = _deep_value(60)
_LINK = _sub(13, _sub(1, b"t" * 16), _sub(2, b"s" * 8))


def _evaluation(i: int) -> bytes:
    """An event with an opinion of the call."""
    name = _pair("gen_ai.evaluation.name", _text(f"n{i}"), field=3)
    value = _pair("gen_ai.evaluation.score.value", _number(3, 1), field=3)
    return _sub(11, _sub(2, b"gen_ai.evaluation.result"), name, value)


def _json_spans(n_bytes: int) -> bytes:
    spans = (
        b'{"traceId":"%032x","spanId":"%016x","name":"s","startTimeUnixNano":"%d"},' % (i + 1, i + 1, NOW_NS)
        for i in count()
    )
    return b'{"resourceSpans":[{"scopeSpans":[{"spans":[' + _filled(n_bytes, spans)[:-1] + b"]}]}]}"


def _json_attributes(n_bytes: int) -> bytes:
    pairs = b",".join(b'{"key":"k%d","value":{"intValue":"%d"}}' % (n, n) for n in range(1000))
    spans = (
        b'{"traceId":"%032x","spanId":"%016x","name":"s","startTimeUnixNano":"%d","attributes":[%s]},'
        % (i + 1, i + 1, NOW_NS, pairs)
        for i in count()
    )
    return b'{"resourceSpans":[{"scopeSpans":[{"spans":[' + _filled(n_bytes, spans)[:-1] + b"]}]}]}"


def _log(*fields: bytes) -> bytes:
    return _sub(2, _fixed(1, NOW_NS), *fields)


def _logs(fields: Callable[[int], bytes]) -> Callable[[int], bytes]:
    return lambda n_bytes: _export(_filled(n_bytes, (_log(fields(i)) for i in count())))


def _structured_body(i: int) -> bytes:
    members = (_sub(1, _sub(1, b"k%d" % n), _sub(2, _number(3, n + i))) for n in range(50))
    return _sub(5, _sub(6, *members))


def _event(i: int) -> bytes:
    """A log record that tells one message of a call."""
    ids = _sub(9, (i // 2 + 1).to_bytes(16, "big")) + _sub(10, (i // 2 + 1).to_bytes(8, "big"))
    return ids + _sub(12, b"gen_ai.user.message") + _sub(5, _text(f'{{"content": "hello {i}"}}'))


def _point(i: int, *fields: bytes) -> bytes:
    return _sub(1, _fixed(3, NOW_NS + i), *fields)


def _points(data: int, fields: Callable[[int], bytes]) -> Callable[[int], bytes]:
    """One metric with many points; `data`: 5 gauge, 9 histogram."""
    return lambda n_bytes: _export(
        _sub(2, _sub(1, b"m"), _sub(data, _filled(n_bytes, (_point(i, fields(i)) for i in count()))))
    )


_EXEMPLAR = _fixed(2, NOW_NS) + _fixed(3, 0) + _sub(4, bytes(8)) + _sub(5, bytes(16))


def _json_points(n_bytes: int) -> bytes:
    points = (b'{"timeUnixNano":"%d","asDouble":%d.5},' % (NOW_NS + i, i) for i in count())
    filled = _filled(n_bytes, points)[:-1]
    return (
        b'{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"m","gauge":{"dataPoints":[' + filled + b"]}}]}]}]}"
    )


def _calls(call: Callable[[int], Mapping[str, object]]) -> Callable[[int], bytes]:
    start = {"start_time": "2026-11-21T14:30:00Z", "request_model": "gpt-4o"}
    return lambda n_bytes: (
        b"["
        + _filled(n_bytes, (json.dumps(start | dict(call(i))).encode() + b"," for i in count()), MAX_CALLS)[:-1]
        + b"]"
    )


def _resources(n_bytes: int) -> bytes:
    groups = (_sub(1, _sub(1, _pair("service.name", _text(f"s{i}"), field=1)), _sub(2, _span(i))) for i in count())
    return _filled(n_bytes, groups)


def _scopes(n_bytes: int) -> bytes:
    return _sub(1, _filled(n_bytes, (_sub(2, _sub(1, _sub(1, b"scope%d" % i)), _span(i)) for i in count())))


def _chain(i: int) -> bytes:
    """Model calls one below the other, all in one trace."""
    parent = _sub(4, i.to_bytes(8, "big")) if i else b""
    return parent + _CHAT


def _wrapped(i: int) -> bytes:
    """A chain of agents with a model call below each."""
    above = i - i % 2 - 1 if i % 2 == 0 else i
    parent = _sub(4, above.to_bytes(8, "big")) if i else b""
    return parent + (_CHAT if i % 2 else _pair("gen_ai.operation.name", _text("invoke_agent")))


def _one_trace(fields: Callable[[int], bytes]) -> Callable[[int], bytes]:
    def span(i: int) -> bytes:
        times = _fixed(7, NOW_NS + i), _fixed(8, NOW_NS + i + 1_000_000)
        return _sub(2, _sub(1, b"t" * 16), _sub(2, (i + 1).to_bytes(8, "big")), *times, fields(i))

    return lambda n_bytes: _export(_filled(n_bytes, (span(i) for i in count())))


_WITH_SAME_RESPONSE = _CHAT + _pair("gen_ai.response.id", _text("resp-1"))

TEXTS: Mapping[str, str] = {
    "words": "some plain words of no interest ",
    "digits": "1",
    "other digits": "{}",
    "cards of 16 fours": "4444444444444444 ",
    "cards in groups": "4111 1111 1111 1112 ",
    "groups of one": "1 ",
    "groups of four": "4111 ",
    "groups of three": "201 ",
    "hyphens": "1-",
    "hyphens and groups": "201-555-",
    "points": "1.",
    "numbers in brackets": "(1) ",
    "plus": "+1",
    "plus and groups": "+49 30 901820, ",
    "phone-like": "012 034 056 078, ",
    "phone words": "phone 1234567, ",
    "numbers and commas": "1234567,",
    "decimals": "0.12345678, ",
    "long numbers": "4{} ",
    "dates": "2026-11-21 14:30:00, ",
    "addresses": "10.0.0.1 ",
    "versions": "v1.2.3.4 ",
    "colons": "a:",
    "hex groups": "2001:db8:",
    "hex": "9f86d081884c7d65",
    "hex words": "4f86d081 884c7d65 ",
    "uuids": "123e4567-e89b-12d3-a456-426614174000 ",
    "base64": "aGVsbG8gd29ybGQ0MTEx",
    "ibans": "GB82 WEST 1234 5698 7654 33, ",
    "iban starts": "GB82 ",
    "named ids": "AB123456C ",
    "at": "a@",
    "at signs": "@",
    "domains": "a@a.",
    "mails": "bob@example.com ",
    "escaped at": "%40a.",
    "keys": "sk-",
    "keys of letters": "sk-abcdefghijklmnopqrstuv ",
    "found keys": "sk-abcdefghijklmnopqrs12 ",
    "many prefixes": "hf_ghp_sk-AIzawk_",
    "bearer": "bearer ",
    "json web tokens": "eyJaaaaaaaa.",
    "names of secrets": "secret:secret=",
    "passwords": "password=hunter2! ",
    "open quotes": 'password="',
    "urls": "://a:",
    "userinfo": "https://a:b@c ",
    "private keys": "-----BEGIN PRIVATE KEY-----",
    "quotes": '"',
    "backslashes": "\\",
    "escapes": "\\u0040",
    "tokens": "[EMAIL]",
    "json numbers": "[4111111111111112],",
    "json strings": '"4111 1111",',
    "wide spaces": "4111\u00a01111\u00a0",
}
"""What redaction looks at closely, to be repeated."""

REQUESTS: Mapping[str, Hostile] = {
    "spans of nothing but ids": Hostile("traces", _spans(lambda _: b"")),
    "calls of nothing but a name": Hostile("traces", _spans(lambda _: _CHAT)),
    "llm.input_messages.N.message.content": Hostile(
        "traces", _keys("llm.input_messages", "message.content", n_keys=1000, before=_OPENINFERENCE)
    ),
    "llm.input_messages.N....contents.0.message_content.text": Hostile(
        "traces",
        _keys("llm.input_messages", "message.contents.0.message_content.text", n_keys=1000, before=_OPENINFERENCE),
    ),
    "llm.output_messages.0...tool_calls.N.tool_call.id": Hostile(
        "traces",
        _keys("llm.output_messages.0.message.tool_calls", "tool_call.id", n_keys=1000, before=_OPENINFERENCE),
    ),
    "retrieval.documents.N.document.content": Hostile(
        "traces",
        _keys(
            "retrieval.documents",
            "document.content",
            n_keys=1000,
            before=_pair("openinference.span.kind", _text("RETRIEVER")),
        ),
    ),
    "gen_ai.prompt.N.content": Hostile("traces", _keys("gen_ai.prompt", "content", n_keys=1000)),
    "gen_ai.prompt.N.content, 4 a span": Hostile("traces", _keys("gen_ai.prompt", "content", n_keys=4)),
    "gen_ai.completion.0.tool_calls.N.name": Hostile(
        "traces", _keys("gen_ai.completion.0.tool_calls", "name", n_keys=1000)
    ),
    "llm.request.functions.N.name": Hostile("traces", _keys("llm.request.functions", "name", n_keys=1000)),
    "distinct keys": Hostile("traces", _distinct_keys),
    "metadata keys": Hostile("traces", _keys("langfuse.trace.metadata", "x", n_keys=1000)),
    "logfire keys": Hostile(
        "traces",
        _keys(
            "ai.prompt.messages", "x", n_keys=1000, before=_pair("ai.operationId", _text("ai.generateText.doGenerate"))
        ),
    ),
    "message events": Hostile(
        "traces",
        _spans(
            lambda _: _CHAT + _sub(11, _sub(2, b"gen_ai.user.message"), _pair("content", _text("hi"), field=3)) * 1000,
            MAX_ITEMS // 1000,
        ),
    ),
    "events": Hostile("traces", _spans(lambda _: _sub(11, _sub(2, b"an event of a span")) * 1000, MAX_ITEMS // 1000)),
    "links": Hostile("traces", _spans(lambda _: _LINK * 1000, MAX_ITEMS // 1000)),
    "evaluation events": Hostile("traces", _spans(lambda i: _evaluation(i) * 100, MAX_ITEMS // 100)),
    "exceptions": Hostile(
        "traces", _spans(lambda _: _CHAT + _sub(15, _number(3, 2)) + _sub(11, _sub(2, b"exception")))
    ),
    "messages": Hostile("traces", _messages),
    "json in json, 8 levels": Hostile("traces", _nested(8)),
    "json in json, 14 levels": Hostile("traces", _nested(14)),
    "deep json": Hostile("traces", _deep),
    "deep values": Hostile("traces", _spans(lambda _: _pair("deep", _DEEP))),
    "tool arguments": Hostile(
        "traces",
        _spans(
            lambda _: (
                _CHAT
                + _pair(
                    "gen_ai.input.messages",
                    _text('[{"role":"user","parts":[' + '{"type":"tool_call","arguments":"{}"},' * 99 + "{}]}]"),
                )
            )
        ),
    ),
    "chat requests of litellm": Hostile(
        "traces",
        _spans(
            lambda _: (
                _OPENINFERENCE
                + _pair("input.value", _text('{"messages":[' + '{"role":"user","content":"a"},' * 99 + "{}]}"))
                + _pair("output.value", _text('{"choices":[' + '{"message":{"content":"a"}},' * 99 + "{}]}"))
            )
        ),
    ),
    "many resources": Hostile("traces", _resources),
    "many scopes": Hostile("traces", _scopes),
    "a chain of calls": Hostile("traces", _one_trace(_chain)),
    "calls in one trace": Hostile("traces", _one_trace(lambda _: _CHAT)),
    "one response id": Hostile("traces", _spans(lambda _: _WITH_SAME_RESPONSE)),
    "one response id in one trace": Hostile(
        "traces", _one_trace(lambda i: _WITH_SAME_RESPONSE + (_sub(4, i.to_bytes(8, "big")) if i else b""))
    ),
    "one span id": Hostile("traces", lambda n: _export(_filled(n, (_span(0, _CHAT) for _ in count())))),
    "days": Hostile("traces", _spans(lambda i: _fixed(7, NOW_NS - i % 32 * 86_400 * 10**9))),
    "a span that never comes": Hostile("traces", _one_trace(lambda _: _CHAT + _sub(4, b"s" * 8))),
    "wrappers in wrappers": Hostile("traces", _one_trace(_wrapped)),
    "short digits": Hostile("traces", _in_short_attributes("4111 1111 ")),
    "json spans": Hostile("traces-json", _json_spans),
    "json attributes": Hostile("traces-json", _json_attributes),
    "log records": Hostile("logs", _logs(lambda i: _sub(5, _text(f"line {i}")))),
    "structured bodies": Hostile("logs", _logs(_structured_body)),
    "message records": Hostile("logs", _logs(_event)),
    "messages of one span": Hostile("logs", _logs(lambda i: _event(0) + _pair("i", _number(3, i), field=6))),
    "points": Hostile("metrics", _points(5, lambda i: _fixed(4, i))),
    "points with attributes": Hostile(
        "metrics", _points(5, lambda i: _fixed(4, i) + _pair("k", _text(f"{i:0100}"), field=7))
    ),
    "points with many attributes": Hostile(
        "metrics", _points(5, lambda i: b"".join(_pair(f"k{n}", _number(3, n), field=7) for n in range(1000)))
    ),
    "exemplars": Hostile("metrics", _points(5, lambda _: _fixed(4, 1) + _sub(5, _EXEMPLAR) * 10)),
    "histograms": Hostile("metrics", _points(9, lambda _: _sub(6, bytes(8 * 100)) + _sub(7, bytes(8 * 99)))),
    "json points": Hostile("metrics-json", _json_points),
    "small calls": Hostile("calls", _calls(lambda i: {"call_id": f"c{i}"})),
    "huge calls": Hostile("calls", _calls(lambda i: {"input_messages": "a" * 500_000 + str(i)})),
    "calls of many messages": Hostile(
        "calls", _calls(lambda i: {"input_messages": [{"role": "user", "content": f"m{i}"}] * 1000})
    ),
    "calls of many parts": Hostile(
        "calls",
        _calls(lambda i: {"input_messages": [{"role": "user", "content": [{"type": "text", "text": "a"}] * 1000}]}),
    ),
    "calls with parameters": Hostile("calls", _calls(lambda i: {"parameters": {f"p{n}": n for n in range(1000)}})),
    "calls of brackets": Hostile("calls", _calls(lambda i: {"parameters": {"p": [[]] * 1000}})),
} | {f"text of {name}": Hostile("traces", _in_attribute(piece)) for name, piece in TEXTS.items()}
