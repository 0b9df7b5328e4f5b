"""Token counts as APIs report them -> ours: input with cache reads and writes, output with reasoning."""

from collections.abc import Mapping
from typing import Any

from collector.dialects.openai_shapes import mapping
from collector.importing.values import structure, typed

Counts = dict[str, int]
Tokens = dict[str, int | None]


def count(value: Any) -> int | None:
    """A count of tokens; None for what is none."""
    number = typed("input_tokens", value)
    return number if isinstance(number, int) and not isinstance(number, bool) and number >= 0 else None


def tokens_of_openai(usage: Any) -> Tokens:
    """The `usage` of OpenAI's APIs, of gateways that write it, or of Anthropic's.

    OpenAI's details are parts of the totals. Anthropic's `input_tokens` are without the cache counts beside them.
    """
    usage = mapping(structure(usage))
    inputs = mapping(structure(usage.get("prompt_tokens_details") or usage.get("input_tokens_details")))
    outputs = mapping(structure(usage.get("completion_tokens_details") or usage.get("output_tokens_details")))
    given = _largest(usage.get("prompt_tokens"), usage.get("input_tokens"))
    beside = [usage.get("cache_read_input_tokens"), usage.get("cache_creation_input_tokens")]
    read = _largest(inputs.get("cached_tokens"), beside[0])
    written = _largest(inputs.get("cache_creation_tokens"), inputs.get("cache_write_tokens"), beside[1])
    n_cached = (read or 0) + (written or 0)
    is_exclusive = usage.get("prompt_tokens") is None and beside != [None, None]
    if given is not None and (is_exclusive or n_cached > given):
        given += n_cached
    return {
        "input_tokens": given,
        "output_tokens": _largest(usage.get("completion_tokens"), usage.get("output_tokens")),
        "cache_read_tokens": read,
        "cache_write_tokens": written,
        "reasoning_tokens": count(outputs.get("reasoning_tokens")),
    }


def tokens_of_langfuse(usage: Any) -> Tokens:
    """Langfuse's usage details: `input` is without the other `input_*` counts, `prompt_tokens` with them.

    `input` too is with them where `total` says so: it is then just input + output.
    """
    usage = mapping(structure(usage))
    if usage.get("unit") not in (None, "", "TOKENS"):
        return {}  # characters, images, seconds
    if count(usage.get("prompt_tokens")) is not None or count(usage.get("completion_tokens")) is not None:
        return tokens_of_openai(usage)
    renamed = {"promptTokens": "input", "completionTokens": "output", "totalTokens": "total"}
    counts = {renamed.get(key, key): n for key, value in usage.items() if (n := count(value)) is not None}
    return {
        "input_tokens": _total(counts, "input", other="output"),
        "output_tokens": _total(counts, "output", other="input"),
        "cache_read_tokens": _named(counts, "input_cache_read", "input_cached_tokens", "cache_read_input_tokens"),
        "cache_write_tokens": _named(
            counts, "input_cache_creation", "input_cache_write", "cache_creation_input_tokens"
        ),
        "reasoning_tokens": _named(counts, "output_reasoning", "output_reasoning_tokens", "reasoning_tokens"),
    }


def _total(counts: Counts, side: str, *, other: str) -> int | None:
    parts = [n for key, n in counts.items() if key.startswith(f"{side}_") or f"_{side}_" in key]
    if side not in counts and not parts:
        return None
    whole = counts.get(side, 0)
    is_inclusive = counts.get("total") == whole + counts.get(other, 0) and sum(parts) <= whole
    return whole if is_inclusive else whole + sum(parts)


def _named(counts: Mapping[str, int], *keys: str) -> int | None:
    return next((counts[key] for key in keys if key in counts), None)


def _largest(*values: Any) -> int | None:
    """The largest of the counts there are: of two spellings of one count, the filler is 0."""
    return max((n for value in values if (n := count(value)) is not None), default=None)
