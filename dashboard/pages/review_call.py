"""A call as a reviewer sees it: what was asked, what was answered, what the answer should rest on.

Nothing that a model said of it, nor which model it was: both would steer the label.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from dash import html

from collector.call import Call, Message
from dashboard import message, words
from dashboard.message import MAX_CHARACTERS, Tools
from dashboard.parts import Child

_INSTRUCTIONS = ("system", "developer")
_TITLES = {"assistant": "Assistant", "tool": "Tool"}


def asked_and_answered(call: Call) -> list[Child]:
    """The last question and its answer in full, what came before them folded."""
    given, told = list(call.input_messages or ()), list(call.output_messages or ())
    tools = message.tools_of([*given, *told])
    said = [m for m in given if m.get("role") not in _INSTRUCTIONS]
    last = max((i for i, m in enumerate(said) if m.get("role") == "user"), default=0)
    instructions = _instructions(call, given)
    earlier = _turns(said[:last], tools, "Question")
    return [
        *([message.folded_text("System instructions", instructions)] if instructions else []),
        *([message.details([words.plural(len(earlier), "earlier message")], earlier)] if earlier else []),
        *_turns(said[last:], tools, "Question"),
        *_turns(told, tools, "Answer"),
    ]


def rests_on(call: Call) -> list[Child]:
    """The contexts. How relevant a retriever thought them stays out of sight."""
    found = [context for context in call.contexts or () if str(context.get("content") or "").strip()]
    return [_context(place, len(found), context) for place, context in enumerate(found, start=1)]


def _instructions(call: Call, given: Sequence[Message]) -> str:
    told = [*(call.system_instructions or ())]
    told += [part for m in given if m.get("role") in _INSTRUCTIONS for part in message.parts_of(m)]
    return "\n".join(map(message.text_of_part, told)).strip()


def _turns(messages: Sequence[Message], tools: Tools, title: str) -> list[Child]:
    """Results of tools stand with their calls, so a message may leave nothing here."""
    turns: list[Child] = []
    for given in messages:
        role = str(given.get("role") or "user")
        shown = [child for part in message.parts_of(given) for child in message.part(part, role, tools)]
        who = _TITLES.get(role, "Question") if title == "Question" else title
        if shown:
            turns.append(html.Div([message.head(who), *shown], className="turn"))
    return turns


def _context(place: int, n: int, context: Mapping[str, Any]) -> html.Div:
    raw = context.get("metadata")
    metadata: Mapping[str, Any] = raw if isinstance(raw, Mapping) else {}
    names = (metadata.get("title"), metadata.get("source"), context.get("title"), context.get("id"))
    name = next((words.first_line(str(told), 80) for told in names if told not in (None, "")), "Retrieved text")
    text = str(context["content"])
    shown = [message.bubble([text[:MAX_CHARACTERS]], "context"), *message.cut_note(text)]
    return html.Div([message.head(name, [f"{place} of {n}"]), *shown], className="turn")
