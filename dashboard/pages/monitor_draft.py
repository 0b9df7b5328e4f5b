"""What the form of a monitor holds: texts, as people typed them, and the way from there to a monitor and back."""

import json
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from collector.errors import BadRequest
from collector.times import NS_PER_S, format_rfc3339, parse_rfc3339
from collector.validation import said_of
from evaluators.drift.monitors.definition import Monitor, Pinned

Draft = Mapping[str, Any]
"""By field: a text; `kinds` is a list of them. Of services and so on, "" is any and "=x" is x."""

_CHOICES = ("service", "request_model", "environment")
_TEXTS = ("prompt_template", "route")
_NUMBERS = {
    "n_window": int, "n_reference": int, "alpha": float, "false_alarms_per_month": float, "effect_floor": float,
    "tolerance": float,
}  # fmt: skip
FIELDS = (
    "project", "name", *_CHOICES, *_TEXTS, "kinds", "score", *_NUMBERS, "policy", "pin_since", "pin_until",
    "pin_version", "pin_tag", "pin_metadata",
)  # fmt: skip
_OF_REFERENCE = {
    "since": "pin_since", "until": "pin_until", "version": "pin_version", "tag": "pin_tag", "metadata": "pin_metadata",
}  # fmt: skip


class DraftError(BadRequest):
    """`by_field` says what is wrong with which field; "" is the whole."""

    def __init__(self, by_field: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{field}: {said}" if field else said for field, said in by_field.items()))
        self.by_field = by_field


def draft_of(monitor: Monitor) -> dict[str, Any]:
    """The fields as they stand for `monitor`."""
    draft: dict[str, Any] = {"project": monitor.project, "name": monitor.name, "kinds": list(monitor.kinds)}
    draft |= {name: _chosen(getattr(monitor, name)) for name in _CHOICES}
    draft |= {name: getattr(monitor, name) or "" for name in _TEXTS}
    draft |= {name: f"{getattr(monitor, name):g}" for name in _NUMBERS}
    draft |= {"score": monitor.score, "policy": monitor.reference.policy}
    reference = monitor.reference if isinstance(monitor.reference, Pinned) else None
    draft |= dict.fromkeys(_OF_REFERENCE.values(), "")
    if reference is not None:
        draft["pin_since"], draft["pin_until"] = _minute(reference.since), _minute(reference.until)
        draft["pin_version"], draft["pin_tag"] = reference.version or "", reference.tag or ""
        draft["pin_metadata"] = ", ".join(f"{key}={value}" for key, value in reference.metadata.items())
    return draft


def monitor_of(draft: Draft, *, monitor_id: str, paused: bool = False) -> Monitor:
    """
    Raises:
        DraftError: the fields say no monitor.
    """
    errors: dict[str, str] = {}
    document: dict[str, Any] = {"monitor_id": monitor_id, "paused": paused, "project": _text(draft, "project")}
    document["name"] = _text(draft, "name")
    if not document["name"]:
        errors["name"] = "give it a name, by which alerts will call it"
    document |= {name: _wanted(_text(draft, name)) for name in _CHOICES}
    document |= {name: _text(draft, name) or None for name in _TEXTS}
    document["kinds"], document["score"] = draft.get("kinds") or [], _text(draft, "score")
    if not document["kinds"]:
        errors["kinds"] = "choose at least one"
    for name, read in _NUMBERS.items():
        try:
            document[name] = read(_text(draft, name))
        except ValueError:
            errors[name] = "write a whole number" if read is int else "write a number such as 0.01"
    reference = _reference(draft, errors)
    if not any(field.startswith("pin_") for field in errors):
        document["reference"] = reference
    try:
        # What is known to be wrong is left out, so that the rest is looked at in the same go.
        right = {name: value for name, value in document.items() if name not in errors}
        made = Monitor.model_validate({"name": "?"} | right)
    except ValidationError as error:
        errors = _by_field(error) | errors
    if errors:
        raise DraftError(errors)
    return made


def draft_from(text: str) -> dict[str, Any]:
    """The fields in the address.

    Raises:
        BadRequest: it is not what a form wrote.
    """
    try:
        found = json.loads(text)
    except ValueError as error:
        raise BadRequest("draft in the address is no JSON; begin anew at /drift/new") from error
    if not isinstance(found, dict) or not found.keys() <= set(FIELDS):
        raise BadRequest("draft in the address has fields that no monitor has; begin anew at /drift/new")
    return found


def address_of(draft: Draft) -> str:
    return json.dumps(draft, ensure_ascii=False, separators=(",", ":"))


def _reference(draft: Draft, errors: dict[str, str]) -> dict[str, Any]:
    if _text(draft, "policy") != "pinned":
        return {"policy": "rolling"}
    found: dict[str, Any] = {"policy": "pinned"}
    for name in ("since", "until"):
        text = _text(draft, _OF_REFERENCE[name])
        if text:
            try:
                found[name] = format_rfc3339(parse_rfc3339(text if text.endswith("Z") else f"{text}:00Z"))
            except BadRequest:
                errors[_OF_REFERENCE[name]] = "write a time such as 2026-06-17T14:20"
    found |= {name: text for name in ("version", "tag") if (text := _text(draft, _OF_REFERENCE[name]))}
    pairs = [pair.split("=", 1) for pair in _text(draft, "pin_metadata").split(",") if pair.strip()]
    if any(len(pair) != 2 for pair in pairs):
        errors["pin_metadata"] = "write key=value, with commas between them"
    else:
        found["metadata"] = {key.strip(): value.strip() for key, value in pairs}
    if not any(_text(draft, field) for field in ("pin_since", "pin_version", "pin_tag", "pin_metadata")):
        errors["pin_since"] = "say what is pinned: a time from which on, a version, a tag or metadata"
    return found


def _by_field(error: ValidationError) -> dict[str, str]:
    found: dict[str, str] = {}
    for finding in error.errors(include_url=False):
        said, field = said_of(finding), ""
        location = [str(step) for step in finding["loc"]]
        if location:
            field = _OF_REFERENCE.get(location[-1], "policy") if location[0] == "reference" else location[0]
        elif said.split(":", 1)[0] in FIELDS:  # a rule over several fields names the one to change
            field, said = (part.strip() for part in said.split(":", 1))
        found.setdefault(field if field in FIELDS else "", said)
    return found


def _text(draft: Draft, name: str) -> str:
    return str(draft.get(name) or "").strip()


def _chosen(value: str | None) -> str:
    return "" if value is None else f"={value}"


def _wanted(text: str) -> str | None:
    return text[1:] if text.startswith("=") else None


def _minute(time_ns: int | None) -> str:
    return "" if time_ns is None else format_rfc3339(time_ns // (60 * NS_PER_S) * 60 * NS_PER_S)[:16]
