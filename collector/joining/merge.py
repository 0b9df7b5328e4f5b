"""Parts of model calls -> the calls they tell of. Pure: the same set of parts gives the same calls in any order."""

import json
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from collector.times import NS_PER_S

Part = Mapping[str, Any]
"""A row of PART_SCHEMA."""
Row = dict[str, Any]

MAX_STEPS_UP = 100
"""From a span to the model call that it is part of; a circle of parents ends here."""
LONGEST_STREAM_NS = 600 * NS_PER_S
SLACK_NS = NS_PER_S // 2
"""Two spans of one call overlap, but for the clocks of two machines."""

_OF_THE_CORE = (
    "call_id", "trace_id", "span_id", "start_ns", "project", "service", "environment", "latency_s", "operation",
    "part_id", "part_kind", "parent_span_id", "scope", "end_ns",
)  # fmt: skip
_USAGE = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "reasoning_tokens")
_ERROR = ("error_type", "error_message")
_OBJECTS = ("parameters", "metadata")
_MESSAGES = ("input_messages", "output_messages")


def calls_of(parts: Sequence[Part], parent_of: Callable[[str], str | None], wrappers: set[str]) -> list[list[Part]]:
    """`parts` of one family, grouped: the parts of each call, the one that leads first.

    `parent_of` gives the span above a span; `wrappers` are the spans that hold several calls and are none. What belongs
    to no call (a wrapper, a message whose span has not come) is in no group.
    """
    spans = {part["part_id"]: part for part in parts if part["part_kind"] in ("span", "wrapper")}
    about: dict[str, list[Part]] = defaultdict(list)
    for part in parts:
        if part["part_kind"] not in ("span", "wrapper"):
            about[key_of(part)].append(part)
    above = {key: _above(key, spans, parent_of) for key in spans}
    hidden = {key for key in spans if key in wrappers}
    for key, outer in above.items():
        if outer is not None and key not in hidden and not is_same(spans[outer], spans[key]):
            hidden.add(outer)  # only the innermost calls count
    leads = _grouped([key for key in sorted(spans) if key not in hidden], spans, above)
    depth = {key: _depth(key, above) for key in spans}
    groups = []
    for group in leads:
        ordered = sorted((spans[key] for key in group), key=lambda part: _rank(part, depth[part["part_id"]]))
        groups.append(ordered + [event for part in ordered for event in about.pop(part["part_id"], ())])
    for events in about.values():
        first = next((event for event in events if event["part_kind"] == "event"), None)
        if first is not None and key_of(first) not in hidden:
            groups.append([first, *(event for event in events if event is not first)])
    return groups


def key_of(part: Part) -> str:
    key: str = part["trace_id"][16:] + part["span_id"]
    return key


def is_same(outer: Part, inner: Part) -> bool:
    """Whether a span and one below it tell of the same call; what one does not say does not speak against it."""
    if outer["part_kind"] == "wrapper":
        return False
    if outer["response_id"] and inner["response_id"]:
        return bool(outer["response_id"] == inner["response_id"])
    for name in ("input_tokens", "output_tokens"):
        if outer[name] is not None and inner[name] is not None and outer[name] != inner[name]:
            return False
    models = [{part["request_model"], part["response_model"]} - {None} for part in (outer, inner)]
    return not all(models) or any(_family(a) == _family(b) for a in models[0] for b in models[1])


def _family(model: str) -> str:
    """A model name without its hoster's prefix: "openai/gpt-4o" and "gpt-4o-2024-08-06" begin alike after it."""
    return model.rpartition("/")[2].lower()[:6]


def _above(key: str, spans: Mapping[str, Part], parent_of: Callable[[str], str | None]) -> str | None:
    """The nearest of `spans` above the span `key`."""
    place, n_steps = parent_of(key), 0
    while place is not None and n_steps < MAX_STEPS_UP:
        if place in spans and place != key:
            return place
        place, n_steps = parent_of(place), n_steps + 1
    return None


def _depth(key: str, above: Mapping[str, str | None]) -> int:
    n = 0
    while (up := above.get(key)) is not None and n < MAX_STEPS_UP:
        key, n = up, n + 1
    return n


def _grouped(keys: Sequence[str], spans: Mapping[str, Part], above: Mapping[str, str | None]) -> list[list[str]]:
    """`keys` in groups of the same call: one below the other, or with the same response id at the same time."""
    group_of = {key: {key} for key in keys}

    def unite(one: str, other: str) -> None:
        if group_of[one] is not group_of[other]:
            group_of[one] |= group_of[other]
            for key in group_of[other]:
                group_of[key] = group_of[one]

    for key in keys:
        outer = above.get(key)
        if outer in group_of:
            unite(key, outer)
    for i, one in enumerate(keys):
        for other in keys[i + 1 :]:
            if group_of[one] is not group_of[other] and _are_twins(spans[one], spans[other]):
                unite(one, other)
    _pair_halves([spans[key] for key in keys if len(group_of[key]) == 1], unite)
    unique = {id(group): group for group in group_of.values()}
    return [sorted(group) for group in unique.values()]


def _pair_halves(parts: Sequence[Part], unite: Callable[[str, str], None]) -> None:
    """A record of no length belongs to the stream with the same question that opened last before it."""
    is_open = {part["part_id"]: part for part in parts if part["stream"] and not _is_told(part)}
    for record in sorted((part for part in parts if _is_record(part)), key=lambda part: part["start_ns"]):
        asked = last_text(record["input_messages"])
        fitting = [
            part
            for part in is_open.values()
            if 0 <= record["start_ns"] - part["start_ns"] <= LONGEST_STREAM_NS
            and is_same(part, record)
            and last_text(part["input_messages"]) == asked
        ]
        if fitting:
            opened = max(fitting, key=lambda part: part["start_ns"])
            unite(opened["part_id"], record["part_id"])
            del is_open[opened["part_id"]]


def _is_told(part: Part) -> bool:
    return part["output_messages"] is not None or _has_usage(part)


def _is_record(part: Part) -> bool:
    return _is_told(part) and part["start_ns"] == part["end_ns"] and part["part_kind"] == "span"


def _are_twins(one: Part, other: Part) -> bool:
    """Two spans in no line of descent that tell of one call: they share its response id, or look alike in all."""
    if one["response_id"] and other["response_id"]:
        return bool(one["response_id"] == other["response_id"]) and _overlap(one, other) and not _are_two(one, other)
    return (
        one["scope"] != other["scope"]
        and abs(one["start_ns"] - other["start_ns"]) <= NS_PER_S
        and (one["operation"] == "embeddings") == (other["operation"] == "embeddings")
        and bool(one["error_type"]) == bool(other["error_type"])
        and is_same(one, other)
        and (asked := last_text(one["input_messages"])) is not None
        and asked == last_text(other["input_messages"])
        and _agree(last_text(one["output_messages"]), last_text(other["output_messages"]))
    )


def _overlap(one: Part, other: Part) -> bool:
    are_halves = (_is_record(one) and not _is_told(other)) or (_is_record(other) and not _is_told(one))
    slack_ns = LONGEST_STREAM_NS if are_halves else SLACK_NS
    return bool(one["start_ns"] <= other["end_ns"] + slack_ns and other["start_ns"] <= one["end_ns"] + slack_ns)


def _are_two(one: Part, other: Part) -> bool:
    """Two whole records by one instrumentation are two calls whatever their ids: a stub of a server repeats them."""
    is_whole = all(part["input_tokens"] is not None and not _is_of_log(part) for part in (one, other))
    return is_whole and bool(one["scope"] == other["scope"])


def _agree(one: str | None, other: str | None) -> bool:
    return not one or not other or one == other


def last_text(messages: str | None) -> str | None:
    """The text of the last message, its parts joined and without the white space at its ends."""
    if messages is None:
        return None
    try:
        last = json.loads(messages)[-1]
        return "".join(str(part.get("content") or "") for part in last["parts"]).strip()
    except (ValueError, TypeError, KeyError, IndexError, AttributeError):
        return None


def _rank(part: Part, depth: int) -> tuple[Any, ...]:
    """The part that leads first: that of the innermost span that knows the usage; a log record knows no times."""
    return (
        _is_of_log(part) or _is_record(part),
        not _has_usage(part),
        -depth,
        part["end_ns"] - part["start_ns"],
        part["part_id"],
    )


def _is_of_log(part: Part) -> bool:
    """Whether a log record told the part: it tells when it was written, not how long the call took.

    Of a record without a span, the ids are made of its own so that the one begins with the other.
    """
    return part["part_kind"] in ("event", "message") or str(part["trace_id"]).startswith(part["span_id"])


def _has_usage(part: Part) -> bool:
    return part["input_tokens"] is not None or part["output_tokens"] is not None


def merged(parts: Sequence[Part]) -> Row:
    """One call of its `parts`, the leading one first: ids, time and usage are its own, the rest fill its holes."""
    core = parts[0]
    if len(parts) == 1:
        return dict(core)
    call = {name: _first(parts, name) for name in core}
    call |= {name: core[name] for name in _OF_THE_CORE}
    usage = next((part for part in parts if _has_usage(part)), core)
    same_usage = [part for part in parts if all(part[n] in (None, usage[n]) for n in ("input_tokens", "output_tokens"))]
    call |= {name: _first([usage, *same_usage], name) for name in _USAGE}
    call |= {name: _merged_objects(parts, name) for name in _OBJECTS}
    call |= {name: _messages(parts, name) for name in _MESSAGES}
    call["stream"] = True if any(part["stream"] for part in parts) else _first(parts, "stream")
    if key_of(core) != key_of(parts[-1]) and core["part_kind"] != "event":
        # That an outer span failed (its own parsing, say) does not mean that the call did.
        failed = [part for part in parts if key_of(part) == key_of(core) or part["part_kind"] == "event"]
        call |= {name: _first(failed, name) for name in _ERROR}
    call["cost_usd"] = _first([usage, *same_usage], "cost_usd")
    read_ns = max((part["start_ns"] for part in parts if _is_record(part)), default=0)
    if read_ns > core["end_ns"]:
        call["latency_s"] = (read_ns - core["start_ns"]) / NS_PER_S
    return call


def _first(parts: Sequence[Part], name: str) -> Any:
    return next((part[name] for part in parts if part[name] is not None), None)


def _merged_objects(parts: Sequence[Part], name: str) -> str | None:
    texts = list(dict.fromkeys(part[name] for part in parts if part[name] is not None))
    if len(texts) < 2:
        return texts[0] if texts else None
    whole: dict[str, Any] = {}
    for text in reversed(texts):
        try:
            found = json.loads(text)
        except ValueError:
            continue
        if isinstance(found, dict):
            whole |= found
    return json.dumps(whole, ensure_ascii=False, separators=(",", ":")) if whole else texts[0]


def _messages(parts: Sequence[Part], name: str) -> str | None:
    """Whole lists before single messages: they tell the same, and are never joined with each other."""
    listed = next((part[name] for part in parts if part["part_kind"] != "message" and part[name] is not None), None)
    if listed is not None:
        return str(listed)
    single = [part for part in parts if part["part_kind"] == "message" and part[name] is not None]
    if not single:
        return None
    messages = [
        (int(message.pop("index", 0) or 0), part["start_ns"], part["part_id"], message)
        for part in single
        for message in json.loads(part[name])
    ]
    if name == "input_messages":
        messages.sort(key=lambda item: item[1:3])
    else:
        messages.sort(key=lambda item: item[:3])
    return json.dumps([message for *_, message in messages], ensure_ascii=False, separators=(",", ":"))
