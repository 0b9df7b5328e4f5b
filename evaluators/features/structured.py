"""Behaviours: answers for machines, as JSON and as tool calls."""

from collections.abc import Callable

from evaluators.features.behaviour import Behaviour, count, flag, length, share
from evaluators.features.json_parts import JsonParts
from evaluators.features.reading import Reading


def _per_key(part: Callable[[JsonParts], int]) -> Callable[[Reading], float]:
    return lambda r: part(r.json) / max(r.json.n_keys, 1)


def _per_call(part: Callable[[JsonParts], float]) -> Callable[[Reading], float]:
    return lambda r: sum(map(part, r.tool_json)) / max(len(r.tool_json), 1)


def _mean_length(texts: list[str]) -> float:
    return sum(map(len, texts)) / max(len(texts), 1)


STRUCTURED: tuple[Behaviour, ...] = (
    flag("json", "Whole answer is valid JSON", "are JSON", lambda r: r.json.place == "whole"),
    flag("json_part", "Valid JSON among other text", "have JSON among other text", lambda r: r.json.place == "part"),
    flag("json_broken", "JSON that cannot be parsed", "are broken JSON", lambda r: r.json.place == "broken"),
    count("json_keys", "Keys of JSON", "keys in JSON", lambda r: r.json.n_keys),
    length("json_depth", "Depth of JSON", "deeper JSON", "flatter JSON", lambda r: r.json.depth),
    share(
        "json_empty",
        "Empty and null values of JSON, share",
        "more empty values in JSON",
        "fewer empty values in JSON",
        lambda r: r.json.n_empty / max(r.json.n_values, 1),
    ),
    length(
        "json_key_letters",
        "Letters per key of JSON",
        "longer keys in JSON",
        "shorter keys in JSON",
        _per_key(lambda json: json.n_key_letters),
    ),
    share(
        "json_snake_case",
        "Keys of JSON in snake_case, share",
        "more keys in snake_case",
        "fewer keys in snake_case",
        _per_key(lambda json: json.n_snake_keys),
    ),
    count("tool_calls", "Tool calls", "tool calls", lambda r: len(r.tool_calls)),
    flag(
        "tool_only",
        "Calls tools and says nothing",
        "call tools and say nothing",
        lambda r: bool(r.tool_calls) and not r.words,
    ),
    count(
        "tool_kinds", "Different tools called", "different tools", lambda r: len({call.name for call in r.tool_calls})
    ),
    length(
        "tool_name_letters",
        "Letters in the names of called tools",
        "call tools with longer names",
        "call tools with shorter names",
        lambda r: _mean_length([call.name for call in r.tool_calls]),
    ),
    length(
        "tool_argument_characters",
        "Length of a tool call's arguments, characters",
        "longer tool arguments",
        "shorter tool arguments",
        lambda r: _mean_length([call.arguments for call in r.tool_calls]),
    ),
    count(
        "tool_keys", "Keys in a tool call's arguments", "keys in tool arguments", _per_call(lambda json: json.n_keys)
    ),
    length(
        "tool_depth",
        "Depth of a tool call's arguments",
        "deeper tool arguments",
        "flatter tool arguments",
        _per_call(lambda json: json.depth),
    ),
    share(
        "tool_empty",
        "Empty and null tool arguments, share",
        "more empty tool arguments",
        "fewer empty tool arguments",
        _per_call(lambda json: json.n_empty / max(json.n_values, 1)),
    ),
    share(
        "tool_broken",
        "Tool calls whose arguments are no JSON, share",
        "more broken tool arguments",
        "fewer broken tool arguments",
        _per_call(lambda json: json.place != "whole"),
    ),
)
