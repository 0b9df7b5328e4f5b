"""What was said in one call, by whom and when, and what scores say about it."""

from collections.abc import Mapping, Sequence
from typing import Any

from dash import html

from collector.call import Call, Message
from collector.score import Score
from dashboard import message as messages
from dashboard import opinions, parts, words
from dashboard.marks import Mark, marks_of, placed_parts, segments
from dashboard.message import MAX_CHARACTERS, Tools, bubble, cut_note, details, folded_text, head, text_of_part
from dashboard.parts import Child

_MAX_EARLIER = 200
"""Earlier messages that the page carries."""

_ROLES = {"user": "User", "assistant": "Assistant", "system": "System", "developer": "Developer", "tool": "Tool"}
_INSTRUCTIONS = ("system", "developer")
_UNSUPPORTED = {"number": "a number that is not in the contexts", "name": "a name that is not in the contexts"}


def conversation(call: Call, scores: Sequence[Score], *, trace_start_ns: int) -> list[Child]:
    """The messages of a call in order, its answer with marks, what scores say, and the contexts behind it."""
    questions, answers = list(call.input_messages or ()), list(call.output_messages or ())
    tools = messages.tools_of([*questions, *answers])
    newest = opinions.latest(scores)
    marks = marks_of(newest)
    body = [*_instructions(call), *_history(questions, tools, _offset(call.start_ns, trace_start_ns))]
    if call.error_type:
        body.append(_failure(call))
    body += _answers(call, marks, tools, trace_start_ns)
    if not questions and not answers:
        body.append(html.P("The sender told no messages of this call, only its figures.", className="dim"))
    return [*body, *_scores(newest, marks), *_contexts(call)]


def _offset(time_ns: int, start_ns: int) -> html.Time:
    """Since the start of the trace; the time of day on hover."""
    since_s = (time_ns - start_ns) / 1e9
    sign = "+" if since_s >= 0 else "−"
    return html.Time(f"{sign}{words.seconds(abs(since_s))}", title=words.absolute(time_ns))


def _instructions(call: Call) -> list[Child]:
    """They fold: they are long and the same in every call."""
    text = "\n".join(text_of_part(part) for part in call.system_instructions or ())
    return [folded_text("System instructions", text)] if text else []


def _history(given: Sequence[Message], tools: Tools, asked_at: html.Time) -> list[Child]:
    """Input messages; those before the last question fold into one, but for the instructions on top."""
    last = max((i for i, m in enumerate(given) if m.get("role") == "user"), default=0)
    first = next((i for i, m in enumerate(given) if m.get("role") not in _INSTRUCTIONS), 0)
    near = [_message(m, tools, [asked_at] if i == last else []) for i, m in enumerate(given) if not first <= i < last]
    shown = [turn for turn in near if turn is not None]
    n = last - first
    if n <= 0:
        return shown
    earlier = [_message(message, tools) for message in given[max(first, last - _MAX_EARLIER) : last]]
    notes = [f"the last {_MAX_EARLIER} of them"] if n > _MAX_EARLIER else []
    folded = details([words.plural(n, "earlier message"), *notes], [turn for turn in earlier if turn is not None])
    return [*shown[:first], folded, *shown[first:]]


def _message(given: Message, tools: Tools, facts: Sequence[Child] = ()) -> Child | None:
    """One input message. Results of tools stand with the tool calls that they answer, and leave nothing here."""
    role, told = str(given.get("role") or "user"), messages.parts_of(given)
    if role in _INSTRUCTIONS:
        return folded_text(f"{_ROLES[role]} message", "\n".join(map(text_of_part, told)))
    shown = [child for part in told for child in messages.part(part, role, tools)]
    return html.Div([head(_ROLES.get(role, role), facts), *shown], className="turn") if shown else None


def _answers(call: Call, marks: Sequence[Mark], tools: Tools, trace_start_ns: int) -> list[Child]:
    given = call.output_messages or ()
    who = " · ".join(filter(None, ("Assistant", call.response_model or call.request_model)))
    ended_ns = call.start_ns + round((call.latency_s or 0) * 1e9)
    facts: list[Child] = [_offset(ended_ns, trace_start_ns), str(words.seconds(call.latency_s))]
    if call.output_tokens is not None and len(given) == 1:
        facts.append(words.plural(call.output_tokens, "token"))
    turns: list[Child] = []
    for message, placed in placed_parts(given):
        finish = str(message.get("finish_reason") or "")
        ended = [] if finish in ("", "stop", "end_turn", "tool_calls", "tool_call") else [f"ended by {finish}"]
        shown = [child for part, offset in placed for child in _answer_part(part, offset, marks, tools)]
        turns.append(html.Div([head(who, [*facts, *ended]), *shown], className="turn"))
    return turns


def _answer_part(part: Mapping[str, Any], offset: int, marks: Sequence[Mark], tools: Tools) -> list[Child]:
    if part.get("type") != "text":
        return messages.part(part, "assistant", tools)
    text = text_of_part(part)
    pieces = [_segment(*piece) for piece in segments(text[:MAX_CHARACTERS], marks, offset=offset)]
    return [bubble(pieces, "assistant"), *cut_note(text, truncated=bool(part.get("truncated")))]


def _segment(text: str, marks: Sequence[Mark]) -> Child:
    if not marks:
        return text
    what = [
        _UNSUPPORTED.get(mark.kind, "not in the contexts") if mark.evaluator == "groundedness"
        else f"{mark.evaluator}: {mark.kind}"
        for mark in marks
    ]  # fmt: skip
    tone = "unsupported" if any(mark.evaluator == "groundedness" for mark in marks) else "noted"
    return html.Mark(text, className=tone, title="; ".join(dict.fromkeys(what)))


def _failure(call: Call) -> html.Div:
    told = messages.preformatted(call.error_message) if call.error_message else []
    return html.Div([parts.chip(f"Failed: {call.error_type}", "crit"), *told], className="failure")


def _scores(newest: Sequence[Score], marks: Sequence[Mark]) -> list[Child]:
    chips: list[Child] = [opinions.chip(score) for score in newest]
    if n_unsupported := sum(mark.evaluator == "groundedness" for mark in marks):
        chips.insert(0, parts.chip(f"{words.plural(n_unsupported, 'passage')} unsupported", "crit"))
    told = [html.P(s.explanation, className="dim") for s in newest if s.evaluator == "groundedness" and s.explanation]
    return [html.Div(chips, className="chips"), *told] if chips else []


def _contexts(call: Call) -> list[Child]:
    found = [context for context in call.contexts or () if context.get("content")]
    if not found:
        return []
    title = "Retrieved text the answer was checked against" if call.output_messages else "Retrieved text"
    return [html.H3(title), *(_context(place, context) for place, context in enumerate(found, start=1))]


def _context(place: int, context: Mapping[str, Any]) -> html.Div:
    raw = context.get("metadata")
    metadata: Mapping[str, Any] = raw if isinstance(raw, Mapping) else {}
    names = (metadata.get("title"), metadata.get("source"), context.get("title"), context.get("id"))
    name = next((words.first_line(str(n), 80) for n in names if n not in (None, "")), f"Context {place}")
    score, text = context.get("score"), str(context["content"])
    facts = [f"relevance {words.digits(score)}"] if isinstance(score, (int, float)) else []
    return html.Div([head(name, facts), bubble([text[:MAX_CHARACTERS]], "context"), *cut_note(text)], className="turn")
