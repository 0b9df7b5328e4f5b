"""Answers to compare and to check: one row of a file, whatever its shape, or one call of a platform."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from collector.call import text_of
from collector.dialects.retrieved import documents_of
from collector.errors import BadRequest, WatchkeeperError
from collector.importing.convert import Preset
from collector.importing.mapping import look_up
from collector.importing.presets import PRESETS
from collector.importing.presets.contents import messages_in
from collector.importing.values import NO_VALUE, structure
from collector.validation import near_match, shorten


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What is None is not known. `output` None: the call failed."""

    output: str | None
    prompt: str | None = None
    session: str | None = None
    segment: str | None = None
    score: float | None = None
    retrieved: Sequence[Any] | None = None
    """Ids, or documents {id, content, score}, best first."""

    @property
    def contexts(self) -> tuple[str, ...]:
        """The retrieved texts, where they are there."""
        return tuple(
            content
            for document in self.retrieved or ()
            if isinstance(document, Mapping) and (content := str(document.get("content") or ""))
        )


COLUMNS = tuple(field.name for field in fields(Answer))
TARGETS = (*COLUMNS, "contexts")
"""What a column of a file can hold. `contexts` are retrieved texts where nothing tells their ids."""


@dataclass(frozen=True, slots=True)
class Answers:
    """Answers as the table that `evaluators.drift.compare` reads."""

    rows: Sequence[Answer]

    @property
    def columns(self) -> list[str]:
        """The answers, and what at least one row tells besides."""
        return [
            name for name in COLUMNS if name == "output" or any(getattr(row, name) is not None for row in self.rows)
        ]

    def __getitem__(self, column: str, /) -> list[Any]:
        return [getattr(row, column) for row in self.rows]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How rows tell their answers: by a preset, by their own columns, by the names of ours; the first that fits."""

    preset: Preset | None = None
    sources: Mapping[str, Sequence[str]]
    """Of each of TARGETS the columns or dotted paths where it may stand."""


def shape_of(preset: str | None, maps: Sequence[str]) -> Shape:
    """
    Raises:
        WatchkeeperError: for a preset or a target that does not exist.
    """
    if preset is not None and preset not in PRESETS:
        raise WatchkeeperError(f"--preset {preset}: unknown, {near_match(preset, PRESETS)}")
    sources: dict[str, list[str]] = {}
    for pair in maps:
        theirs, equals, ours = pair.rpartition("=")
        if not equals or not theirs or not ours:
            raise WatchkeeperError(f"--map {pair}: write THEIR_COLUMN=OURS, such as answer=output")
        if ours not in TARGETS:
            raise WatchkeeperError(f"--map {pair}: {ours!r} is unknown, {near_match(ours, TARGETS)}")
        sources.setdefault(ours, []).append(theirs)
    return Shape(preset=PRESETS[preset] if preset else None, sources=sources)


def answer_of(row: Mapping[str, Any], shape: Shape) -> Answer | None:
    """The answer that `row` tells; None where a preset says that the row is no model call.

    Raises:
        BadRequest: with what is wrong.
    """
    told: dict[str, Any] = {}
    for ours, paths in shape.sources.items():
        told[ours] = next((value for path in paths if (value := look_up(row, path)) is not None), None)
    if shape.preset is not None:
        call = shape.preset(row)
        return None if call is None else _answer(_told_by_call(call) | _present(told))
    if "output_messages" in row:
        return _answer(_told_by_call(row) | _present(told))
    if "output" in row or "output" in told:
        return _answer({name: row.get(name) for name in TARGETS} | _present(told))
    if isinstance(structure(row.get("response")), Mapping) or "choices" in row:
        return _answer(_told_by_call(PRESETS["openai"](row) or {}) | _present(told))
    names = ", ".join(map(str, list(row)[:12])) or "none"
    raise BadRequest(f"tells no answer: its columns are {names}; say which holds it, such as --map answer=output")


def _told_by_call(call: Mapping[str, Any]) -> dict[str, Any]:
    """A failed call has no answer: what came before the failure is not what the model would have said."""
    asked = messages_in(call.get("input_messages"), role="user") or []
    answered = messages_in(call.get("output_messages"), role="assistant") or []
    has_failed = bool(call.get("error_type") or call.get("error_message"))
    return {
        "output": None if has_failed or not answered else text_of(answered),
        "prompt": next((text_of([message]) for message in reversed(asked) if message.get("role") == "user"), None),
        "session": call.get("session_id"),
        "contexts": call.get("contexts"),
    }


def _present(told: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in told.items() if value is not None}


def _answer(told: Mapping[str, Any]) -> Answer:
    retrieved = _retrieved("retrieved", told.get("retrieved"))
    if retrieved is None and told.get("contexts") is not None:
        retrieved = documents_of(_retrieved("contexts", told["contexts"])) or None
    return Answer(
        output=_text("output", told.get("output"), role="assistant"),
        prompt=_text("prompt", told.get("prompt"), role="user") or None,
        session=_key("session", told.get("session")),
        segment=_key("segment", told.get("segment")),
        score=_number("score", told.get("score")),
        retrieved=retrieved,
    )


def _text(name: str, value: Any, *, role: str) -> str | None:
    """A text as it is; messages as the text that `role` said."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, list | Mapping):
        messages = messages_in(value, role=role) or []
        return text_of([message for message in messages if message.get("role") == role])
    raise BadRequest(f"{name}: must be a text or messages, got {shorten(value)}")


def _key(name: str, value: Any) -> str | None:
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # pandas makes floats of whole numbers where one is missing
    if value is None or isinstance(value, str | int):
        return None if value is None or str(value).strip().lower() in NO_VALUE else str(value)
    raise BadRequest(f"{name}: must be a text or a whole number, got {shorten(value)}")


def _number(name: str, value: Any) -> float | None:
    if value is None or (isinstance(value, str) and value.strip().lower() in NO_VALUE):
        return None
    try:
        number = float(value)
    except (TypeError, ValueError) as error:
        raise BadRequest(f"{name}: must be a number, got {shorten(value)}") from error
    if not abs(number) < float("inf"):
        raise BadRequest(f"{name}: must be finite, got {shorten(value)}")
    return number


def _retrieved(name: str, value: Any) -> list[Any] | None:
    found = structure(value)
    if found is None or (isinstance(found, str) and found.strip().lower() in NO_VALUE):
        return None
    if isinstance(found, str | Mapping):
        return [found]
    if isinstance(found, list) and all(isinstance(item, str | int | Mapping) for item in found):
        return [str(item) if isinstance(item, int) else item for item in found]
    raise BadRequest(f"{name}: must be a list of ids or of documents, got {shorten(value)}")
