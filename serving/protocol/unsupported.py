"""Documented fields that this server cannot honour, refused by name unless they ask for nothing.

Ignoring one silently would return an answer other than the one asked for.
"""

from collections.abc import Mapping
from typing import Any

from serving.protocol.errors import ApiError

_PENALTIES_AND_CHOICES: dict[str, tuple[Any, ...]] = {
    "frequency_penalty": (0,),
    "presence_penalty": (0,),
    "logit_bias": ({},),
    "n": (1,),
}

CHAT: Mapping[str, tuple[Any, ...]] = {
    **_PENALTIES_AND_CHOICES,
    "audio": (),
    "function_call": ("none",),
    "functions": ([],),
    "logprobs": (False,),
    "metadata": ({},),
    "modalities": (["text"],),
    "moderation": (),
    "parallel_tool_calls": (),
    "prediction": (),
    "prompt_cache_key": (),
    "prompt_cache_options": (),
    "prompt_cache_retention": (),
    "reasoning_effort": ("none",),
    "response_format": ({"type": "text"},),
    "safety_identifier": (),
    "service_tier": ("auto", "default"),
    "store": (False,),
    "tool_choice": ("none",),
    "tools": ([],),
    "top_logprobs": (0,),
    "verbosity": (),
    "web_search_options": (),
}
"""Field: the values that ask for nothing beyond what the server does anyway."""

TEXT: Mapping[str, tuple[Any, ...]] = {
    **_PENALTIES_AND_CHOICES,
    "best_of": (1,),
    "echo": (False,),
    "logprobs": (),
    "suffix": (),
}


def without_unsupported(fields: Mapping[str, Any], unsupported: Mapping[str, tuple[Any, ...]]) -> dict[str, Any]:
    """`fields` without those that are null or ask for nothing.

    Raises:
        ApiError: a field asks for something that this server cannot do.
    """
    kept = {}
    for name, value in fields.items():
        if value is None:
            continue
        if name not in unsupported:
            kept[name] = value
        elif value not in unsupported[name]:
            allowed = " or ".join(repr(one) for one in unsupported[name])
            advice = f"leave it out or send {allowed}" if allowed else "leave it out"
            raise ApiError(
                400, f"{name} is not supported by this server; {advice}", code="unsupported_parameter", param=name
            )
    return kept
