"""What the evaluators said of the call that was labelled last: shown once the label is saved, never before."""

from collections.abc import Sequence

from dash import html
from dash.development.base_component import Component

from collector.errors import BadRequest
from collector.query import Filters as CallFilters
from collector.score import Score
from dashboard import opinions, words
from dashboard.pages.base import View
from dashboard.parts import Child

_ABOUT = {"groundedness": "The local evaluator", "judge:groundedness": "The judge"}
_LABELS = {"yes": "grounded", "no": "ungrounded"}
"""A judge's words in those of a reviewer."""


def of_last(view: View) -> list[Component]:
    """One line about `view.filters.last`; nothing where there is none, or its label was taken back."""
    if view.filters.last is None:
        return []
    try:
        found = view.services.review.revealed(view.filters.last)
    except BadRequest:
        return []
    told = [score for score in opinions.latest(found) if score.evaluator in _ABOUT]
    if not told:
        return [_line(["Saved. No evaluator has looked at this call yet."])]
    own = _own(view, told[0])
    children: list[Child] = [f"You said {own}. "] if own else []
    for score in told:
        children += [_ABOUT[score.evaluator], " ", *_said(score, own)]
    if told[0].trace_id is not None:
        children.append(html.A("Open the trace", href=view.to(f"/traces/{told[0].trace_id}")))
    return [_line(children)]


def _said(score: Score, own: str | None) -> list[Child]:
    label = _LABELS.get(score.label or "", score.label or "")
    value = "" if score.value is None or score.label in _LABELS else f" ({words.score(score.value)})"
    verb = "was in doubt" if label == "doubtful" else f"{'agrees' if label == own else 'says'}: {label}"
    why = f", {words.first_line(score.explanation, 200).rstrip('.')}" if score.explanation else ""
    return [html.B(f"{verb}{value}"), f"{why}. "]


def _own(view: View, score: Score) -> str | None:
    """What this reviewer said of the same call."""
    instant = CallFilters(since_ns=score.target_start_ns, until_ns=score.target_start_ns + 1)
    human = "human:groundedness"
    given: Sequence[Score] = view.services.store.scores(instant, evaluator=human, target_id=score.target_id).items
    return next((s.label for s in opinions.latest(given) if s.author == view.author), None)


def _line(children: Sequence[Child]) -> html.P:
    return html.P(list(children), className="reveal", role="status")
