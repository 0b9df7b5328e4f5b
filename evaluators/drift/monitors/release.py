"""Releases of one's own: what an application changes by itself, and what is therefore no change of the model."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from collector.call import Call, text_of
from evaluators.drift.monitors.segment import digest, template_of

Release = Mapping[str, str]
"""What a call was made with, by name; a name that is not there was not set."""

MANY = 0.1
"""What has more different values than this share of the calls belongs to each call, and tells no release."""
_FEW = 3
"""In a small reference, so many values are no more than a few variants."""
_MAX_CHARS = 60

_OF_EACH_CALL = frozenset({"seed", "user", "stream", "stream_options", "metadata", "safety_identifier", "request_id"})
_VERSION_KEYS = ("service.version", "release", "version")
_DATES = re.compile(
    r"\d+|\b(?:mon|tues|wednes|thurs|fri|satur|sun)day\b|\b(?:january|february|march|april|may|june|july|august"
    r"|september|october|november|december)\b",
    re.IGNORECASE,
)


def release_of(call: Call) -> dict[str, str]:
    """Prompt template, system prompt, parameters, tools and version of the service, as far as `call` tells them."""
    metadata = call.metadata or {}
    template = metadata.get("prompt") if isinstance(metadata.get("prompt"), Mapping) else None
    found: dict[str, Any] = {
        "prompt template": template_of(call),
        "prompt version": None if template is None else template.get("version"),
        "version": next((metadata[key] for key in _VERSION_KEYS if metadata.get(key)), None),
        "system prompt": _system(call),
        "tools": None if not call.tool_definitions else digest(_canonical(call.tool_definitions)),
    }
    found |= {name: value for name, value in (call.parameters or {}).items() if name not in _OF_EACH_CALL}
    return {name: _short(value) for name, value in sorted(found.items()) if value is not None}


def release_key(release: Release) -> str:
    return digest(_canonical(release))


def news(known: Sequence[Release], release: Release) -> list[str]:
    """What `release` was made with that none of the calls of `known`, one each, was: "temperature 0.2 → 0.9"."""
    names = sorted({name for of_call in known for name in of_call} | release.keys())
    told = []
    for name in names:
        before = [of_call.get(name, "") for of_call in known]
        if len(set(before)) > max(_FEW, MANY * len(before)):
            continue
        value = release.get(name, "")
        if value not in before:
            usual = max(set(before), key=before.count, default="")
            told.append(_told(name, usual, value))
    return told


def _told(name: str, before: str, after: str) -> str:
    if name in ("system prompt", "tools") and before and after:
        return f"{name} changed"
    return f"{name} {before or 'none'} → {after or 'none'}"


def _system(call: Call) -> str | None:
    """A digest of the system prompt, in which dates and numbers are all alike: a new day is no release."""
    instructions = "\n".join(str(part.get("content") or "") for part in call.system_instructions or ())
    messages = text_of([m for m in call.input_messages or () if m.get("role") in ("system", "developer")])
    text = f"{instructions}\n{messages}".strip()
    return digest(_DATES.sub("0", text)) if text else None


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else _canonical(value)
    return text if len(text) <= _MAX_CHARS else digest(text)
