"""What pydantic found wrong, as sentences that name the place, the value and the way out."""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, get_args

from pydantic import BaseModel, BeforeValidator, ValidationError, WithJsonSchema

from collector.errors import BadRequest
from collector.times import parse_rfc3339

MAX_REPORTED = 5


def time_ns(text: object) -> int:
    """Unix nanoseconds of an RFC 3339 text, for pydantic."""
    try:
        return parse_rfc3339(text if isinstance(text, str) else repr(text))
    except BadRequest as error:
        raise ValueError(str(error)) from error


TimeNs = Annotated[int, BeforeValidator(time_ns), WithJsonSchema({"type": "string", "format": "date-time"})]
"""RFC 3339 text outside, Unix nanoseconds inside."""


def near_match(name: str, known: Iterable[str]) -> str:
    """`did you mean X?` for the nearest known name, else the list of all."""
    names = sorted(known)
    if not names:
        return "nothing can stand here"
    near = difflib.get_close_matches(name, names, n=1)
    return f"did you mean {near[0]}?" if near else f"known here: {', '.join(names)}"


def path_of(location: Sequence[int | str]) -> str:
    """`input_messages[0].role` for ("input_messages", 0, "role")."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in location)
    return text.removeprefix(".")


def complaints(error: ValidationError, model: type[BaseModel]) -> list[str]:
    """One sentence for each finding, each beginning with its path, at most `MAX_REPORTED`."""
    findings = error.errors(include_url=False)
    sentences = [complaint(finding, model) for finding in findings[:MAX_REPORTED]]
    hidden = len(findings) - len(sentences)
    return [*sentences, f"and {hidden} more"] if hidden else sentences


def complaint(finding: Mapping[str, Any], model: type[BaseModel]) -> str:
    location = finding["loc"]
    path, kind = path_of(location), finding["type"]
    if kind == "extra_forbidden":
        return f"{path}: unknown, {near_match(str(location[-1]), _fields_at(model, location[:-1]))}"
    if kind == "missing":
        return f"{path}: missing"
    return f"{path}: {said_of(finding)}" if path else said_of(finding)


def said_of(finding: Mapping[str, Any]) -> str:
    """What pydantic or a validator of ours said, with the value where it does not name it."""
    said, value = str(finding["msg"]), finding["input"]
    # A table or list is long, and it may hold what should not be shown, such as a secret beside the mistake. So may
    # a URL: a password, or a token in its path.
    is_hidden = isinstance(value, (Mapping, list, tuple)) or "://" in str(value)
    got = "" if is_hidden else f", got {shorten(value)}"
    if finding["type"] == "value_error":
        said = said.removeprefix("Value error, ")
        return said if shorten(value) in said else said + got
    return said[:1].lower() + said[1:] + got


def shorten(value: object, n_characters: int = 60) -> str:
    text = repr(value)
    return text if len(text) <= n_characters else f"{text[: n_characters - 3]}..."


def _fields_at(model: type[BaseModel], location: Sequence[int | str]) -> Iterable[str]:
    """The fields of the model that stands at `location` inside `model`, none where no model stands."""
    current: type[BaseModel] | None = model
    for step in location:
        field = current.model_fields.get(str(step)) if current else None
        if field is not None:
            current = model_in(field.annotation)
    return current.model_fields if current else ()


def model_in(annotation: Any) -> type[BaseModel] | None:
    """The model in `Model`, `Model | None` or `tuple[Model, ...]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((model for inner in get_args(annotation) if (model := model_in(inner))), None)
