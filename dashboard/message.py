"""The parts of one message: texts, tool calls with their results, reasoning, media. Texts stay texts."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dash import html

from collector.call import Message
from dashboard import words
from dashboard.parts import Child

MAX_CHARACTERS = 50_000
"""Of one text on the page; REST gives the whole of it."""

_FOLDS: dict[str, Any] = {"data-fold": ""}
"""What carries this folds after 12 lines: assets/widgets.js."""


@dataclass(frozen=True, slots=True)
class Tools:
    """Which tool calls the messages hold, and what came back, both by the id that joins them."""

    called: frozenset[str]
    results: Mapping[str, Any]


def tools_of(messages: Sequence[Message]) -> Tools:
    given = [part for message in messages for part in parts_of(message) if part.get("id")]
    return Tools(
        called=frozenset(str(part["id"]) for part in given if part.get("type") == "tool_call"),
        results={
            str(part["id"]): part.get("response", part.get("result"))
            for part in given
            if part.get("type") == "tool_call_response"
        },
    )


def parts_of(message: Message) -> list[Mapping[str, Any]]:
    return [part for part in message.get("parts") or () if isinstance(part, Mapping)]


def text_of_part(part: Mapping[str, Any]) -> str:
    return str(part.get("content") or "")


def part(given: Mapping[str, Any], role: str, tools: Tools) -> list[Child]:
    """One part; nothing where it is the result of a tool call that stands in the conversation itself."""
    kind = str(given.get("type") or "text")
    if kind == "text":
        text = text_of_part(given)
        return [bubble([text[:MAX_CHARACTERS]], role), *cut_note(text, truncated=bool(given.get("truncated")))]
    if kind == "reasoning":
        return [folded_text("Reasoning", text_of_part(given))]
    if kind == "tool_call":
        return [_tool_call(given, tools)]
    if kind == "tool_call_response":
        if str(given.get("id")) in tools.called:
            return []
        result = preformatted(readable(given.get("response", given.get("result"))))
        return [details(["Result of a tool", html.Code(str(given.get("id") or ""))], result)]
    if uri := given.get("uri"):
        return [html.P(f"{given.get('modality') or 'media'}: {words.first_line(str(uri), 120)}", className="dim")]
    return [details([kind], preformatted(readable(given)))]


def _tool_call(given: Mapping[str, Any], tools: Tools) -> html.Details:
    arguments, key = given.get("arguments"), str(given.get("id"))
    on_one_line = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False, default=str)
    summary: list[Child] = [str(given.get("name") or "tool"), html.Code(words.first_line(on_one_line, 120))]
    body: list[Child] = [html.H4("Arguments"), *preformatted(readable(arguments))]
    if key in tools.results:
        body += [html.H4("Result"), *preformatted(readable(tools.results[key]))]
    else:
        summary.append("no result in this call")
    return details(summary, body)


def head(who: str, facts: Sequence[Child] = ()) -> html.Header:
    told = [child for fact in facts for child in (" · ", fact)][1:]
    return html.Header([html.B(who), html.Span(told)])


def bubble(content: Sequence[Child], role: str) -> html.Div:
    return html.Div(html.Div(list(content), className="text"), className=f"fold said {role}", **_FOLDS)


def preformatted(text: str) -> list[Child]:
    return [html.Div(html.Pre(text[:MAX_CHARACTERS]), className="fold", **_FOLDS), *cut_note(text)]


def cut_note(text: str, *, truncated: bool = False) -> list[Child]:
    """Says where a text ends before its end."""
    notes = []
    if len(text) > MAX_CHARACTERS:
        notes.append(f"{len(text) - MAX_CHARACTERS:,} more characters are in the JSON, linked under Attributes.")
    if truncated:
        notes.append("The text was cut here when it was received: it was over the limit of one text.")
    return [html.P(" ".join(notes), className="dim")] if notes else []


def folded_text(title: str, text: str) -> html.Details:
    return details([title, words.plural(len(text), "character")], preformatted(text))


def details(summary: Sequence[Child], body: Sequence[Child]) -> html.Details:
    title, *notes = summary
    told = [html.Span(title), *(html.Small(note) for note in notes)]
    return html.Details([html.Summary(told), html.Div(list(body), className="inside")], className="part")


def readable(value: Any) -> str:
    """JSON as people read it, a text that holds JSON too."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return str(value)
    return value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False, default=str)
