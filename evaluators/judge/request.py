"""The body of a request, and what to change in it when a server refuses a part of it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from evaluators.judge.prompt import Messages


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """Which form of the protocol the server takes; the first values are what we would like."""

    response_format: Literal["json_schema", "json_object", "text"] = "json_schema"
    limit_name: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    with_temperature: bool = True


def body_of(
    shape: Shape, *, model: str, messages: Messages, schema: Mapping[str, Any], max_output_tokens: int
) -> dict[str, Any]:
    body: dict[str, Any] = {"model": model, "messages": list(messages), shape.limit_name: max_output_tokens}
    if shape.with_temperature:
        body["temperature"] = 0
    if shape.response_format == "json_schema":
        json_schema = {"name": "verdict", "strict": True, "schema": schema}
        body["response_format"] = {"type": "json_schema", "json_schema": json_schema}
    elif shape.response_format == "json_object":
        body["response_format"] = {"type": "json_object"}
    return body


def adapt(shape: Shape, complaint: str) -> Shape | None:
    """The next shape to try after a 400 or 422 with this text; None when there is none left.

    Models that reason refuse `max_tokens` and a temperature, and say so; many servers know no JSON schema, and few
    of them say it in the same words, so that is tried last.
    """
    if shape.limit_name == "max_tokens" and "max_completion_tokens" in complaint:
        return replace(shape, limit_name="max_completion_tokens")
    if shape.with_temperature and re.search(r"temperature.{0,60}support|support.{0,60}temperature", complaint):
        return replace(shape, with_temperature=False)
    if shape.response_format == "json_schema":
        return replace(shape, response_format="json_object")
    if shape.response_format == "json_object":
        return replace(shape, response_format="text")
    return None
