"""The same question, before and after."""

from collections.abc import Sequence

from dash import html

from collector.verdict import Verdict
from dashboard import parts, words
from dashboard.pages.base import View
from dashboard.parts import Child
from evaluators.drift.report.diff import Piece, word_diff


def pair_card(view: View, verdict: Verdict) -> html.Section:
    """One pair at a time; J and K lead to the next and the one before."""
    n, place = len(verdict.pairs), min(view.filters.pair or 0, len(verdict.pairs) - 1)
    pair = verdict.pairs[place]
    before, after = word_diff(pair.before, pair.after)
    same = pair.prompt_before.strip() == pair.prompt_after.strip()

    def other(i: int) -> str | None:
        return view.here(verdict=verdict.verdict_id, pair=i) if 0 <= i < n else None

    tools = [
        html.Div(
            [parts.link_key("previous", other(place - 1), "k"), parts.link_key("next pair", other(place + 1), "j")],
            className="pair-keys",
        )
    ]
    columns = html.Div(
        [
            _side(view, "Before", pair.before_call_id, None if same else pair.prompt_before, before, f"b-{place}"),
            _side(view, "After", pair.after_call_id, None if same else pair.prompt_after, after, f"a-{place}"),
        ],
        className="pair",
    )
    question = [html.P(words.first_line(pair.prompt_before, 400), className="pair-question")] if same else []
    title = "The same question, before and after" if same else "The nearest questions, before and after"
    return parts.card(title, [*question, columns], note=f"pair {place + 1} of {n}", tools=tools)


def _side(view: View, title: str, call_id: str, prompt: str | None, pieces: Sequence[Piece], name: str) -> html.Div:
    call = view.services.store.call(call_id)
    head: list[Child] = [title]
    if call is not None:
        head.append(f", {words.day_and_clock(call.start_ns)}")
        answered = call.response_model or call.request_model
        head.append(f", {answered}" if answered else "")
        head = [html.A(head, href=view.to(f"/traces/{call.trace_id}", span=call.span_id), title="Open the call")]
    question = [html.P(words.first_line(prompt, 400), className="pair-question")] if prompt else []
    text = html.Div(
        html.Div([_piece(piece) for piece in pieces], className="text"), className="fold", id=f"fold-{name}",
        **{"data-fold": ""},
    )  # fmt: skip
    return html.Div([*question, html.Div(head, className="chip"), text])


def _piece(piece: Piece) -> Child:
    if piece.kind == "same":
        return piece.text
    return html.Del(piece.text) if piece.kind == "gone" else html.Ins(piece.text)
