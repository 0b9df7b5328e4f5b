"""Token counts as providers and libraries write them -> ours: totals, with the details as subsets of them.

Most count cached and reasoning tokens within the total. Anthropic counts both kinds of cache beside `input_tokens`,
Gemini thoughts beside the candidates, and Langfuse's own `input` and `output` leave out whatever has a key of its own.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from collector.dialects.base import Facts

_INPUT = (
    "prompt_tokens", "input_tokens", "promptTokens", "inputTokens", "prompt_token_count", "promptTokenCount",
    "input_token_count", "inputTokenCount", "input", "prompt_eval_count",
)  # fmt: skip
_OUTPUT = (
    "completion_tokens", "output_tokens", "completionTokens", "outputTokens", "candidates_token_count",
    "candidatesTokenCount", "generated_token_count", "outputTokenCount", "output", "eval_count",
)  # fmt: skip
_TOTAL = ("total_tokens", "totalTokens", "total_token_count", "totalTokenCount", "total")
_CACHE_READ = (
    "cache_read_input_tokens", "cacheReadInputTokens", "cacheReadInputTokenCount", "cache_read_tokens",
    "input_cache_read", "input_cache_read_tokens", "input_cached_tokens", "input_cached", "cached_tokens",
    "cachedInputTokens", "cached_content_token_count", "cachedContentTokenCount",
    "prompt_tokens_details.cached_tokens", "input_tokens_details.cached_tokens", "input_token_details.cache_read",
    "inputTokenDetails.cacheReadTokens",
)  # fmt: skip
_CACHE_WRITE = (
    "cache_creation_input_tokens", "cache_write_input_tokens", "cacheWriteInputTokens", "cacheWriteInputTokenCount",
    "cache_write_tokens", "input_cache_creation", "input_cache_write", "prompt_tokens_details.cache_write_tokens",
    "prompt_tokens_details.cache_creation_tokens", "input_tokens_details.cache_write_tokens",
    "input_token_details.cache_creation", "inputTokenDetails.cacheWriteTokens",
)  # fmt: skip
_REASONING = (
    "reasoning_tokens", "reasoningTokens", "thoughts_token_count", "thoughtsTokenCount", "output_reasoning",
    "output_reasoning_tokens", "completion_tokens_details.reasoning_tokens", "output_tokens_details.reasoning_tokens",
    "output_token_details.reasoning", "outputTokenDetails.reasoningTokens",
)  # fmt: skip
_BESIDE_INPUT = (
    "cache_read_input_tokens",
    "cache_creation_input_tokens",
    "cacheReadInputTokens",
    "cacheWriteInputTokens",
)
"""What Anthropic and Bedrock count beside the input tokens."""
_MAX_COUNT = 2**62


def usage_facts(usage: Any) -> Facts:
    """Token fields of `Call` that `usage` tells; what it does not tell is left out."""
    counts = _counts(usage) if isinstance(usage, dict) else {}
    given_input, given_output = _first(counts, _INPUT), _first(counts, _OUTPUT)
    reasoning = _first(counts, _REASONING)
    facts = {
        "input_tokens": _whole_input(counts, given_input, given_output),
        "output_tokens": _whole_output(counts, given_input, given_output, reasoning),
        "cache_read_tokens": _first(counts, _CACHE_READ),
        "cache_write_tokens": _first(counts, _CACHE_WRITE),
        "reasoning_tokens": reasoning,
    }
    return {name: count for name, count in facts.items() if count is not None}


def _whole_input(counts: Mapping[str, int], given: int | None, output: int | None) -> int | None:
    if given is None or _first_key(counts, _INPUT) in ("prompt_tokens", "promptTokens"):
        return given
    is_langfuse = _first_key(counts, _INPUT) == "input"
    beside = {key: counts[key] for key in _BESIDE_INPUT if key in counts}
    if is_langfuse:
        beside |= {key: count for key, count in counts.items() if key.startswith("input_") and "." not in key}
    if not beside or _adds_up(counts, given, output):
        return given
    return given + sum(beside.values())


def _whole_output(
    counts: Mapping[str, int], given_input: int | None, given: int | None, reasoning: int | None
) -> int | None:
    key = _first_key(counts, _OUTPUT)
    is_gemini = key in ("candidates_token_count", "candidatesTokenCount")
    if given is None or not (is_gemini or key == "output") or _adds_up(counts, given_input, given):
        return given
    if is_gemini:
        return given + (reasoning or 0)
    return given + sum(count for name, count in counts.items() if name.startswith("output_") and "." not in name)


def _adds_up(counts: Mapping[str, int], given_input: int | None, output: int | None) -> bool:
    """Whether input and output alone make the total, so that whatever else is counted is counted within them."""
    total = _first(counts, _TOTAL)
    return total is not None and total == (given_input or 0) + (output or 0)


def _counts(usage: Mapping[str, Any]) -> dict[str, int]:
    """All whole numbers of `usage`, those one level below by a dotted name."""
    pairs: list[tuple[str, Any]] = []
    for key, value in usage.items():
        pairs += (
            [(f"{key}.{name}", count) for name, count in value.items()] if isinstance(value, dict) else [(key, value)]
        )
    return {key: int(value) for key, value in pairs if _is_count(value)}


def _is_count(value: Any) -> bool:
    return (
        isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= _MAX_COUNT and value % 1 == 0
    )


def _first_key(counts: Mapping[str, int], keys: Iterable[str]) -> str | None:
    return next((key for key in keys if key in counts), None)


def _first(counts: Mapping[str, int], keys: Iterable[str]) -> int | None:
    key = _first_key(counts, keys)
    return None if key is None else counts[key]
