"""Lists of the events that OTel GenAI had up to 1.36, kept as JSON in an attribute of a span."""

from collections.abc import Mapping, Sequence
from typing import Any

from collector.dialects.message_events import MESSAGE_EVENTS, in_order, messages_of_event
from collector.dialects.openai_shapes import items, json_or_text

Messages = list[dict[str, Any]]


def conversation(attributes: Mapping[str, Any], keys: tuple[str, ...]) -> tuple[Messages, Messages]:
    """Messages sent and answers of a model, out of the attributes `keys`."""
    asked: Messages = []
    answers: Messages = []
    for key in keys:
        for event in items(json_or_text(attributes.get(key))):
            found = messages_of_event(name, None, event) if (name := _event_name(event)) else None
            if found is not None:
                (asked if found.side == "input_messages" else answers).extend(found.messages)
    # The history of an agent knows no choices: there the answer is what the assistant said last.
    return (asked, in_order(answers)) if answers else split(asked)


def _event_name(event: Any) -> str | None:
    """The name of one event, which some versions leave out: then the form tells it."""
    if not isinstance(event, dict):
        return None
    if event.get("event.name") in MESSAGE_EVENTS:
        return str(event["event.name"])
    if "message" in event:
        return "gen_ai.choice"
    name = f"gen_ai.{event.get('role')}.message"
    return name if name in MESSAGE_EVENTS else None


def split(messages: Sequence[dict[str, Any]]) -> tuple[Messages, Messages]:
    """A conversation as what was said before and the answer, if it ends with one."""
    is_answered = bool(messages) and messages[-1].get("role") == "assistant"
    return (list(messages[:-1]), [messages[-1]]) if is_answered else (list(messages), [])
