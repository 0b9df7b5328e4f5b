"""One call at a time for a person to label, without what the models said of it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from dash import html
from dash.development.base_component import Component

from collector.errors import BadRequest
from dashboard import parts, words
from dashboard.pages import review_reveal, your_name
from dashboard.pages.base import Badge, Content, Outcome, Page, View
from dashboard.pages.review_call import asked_and_answered, rests_on
from dashboard.parts import Child
from dashboard.services import Services
from evaluators.review import GUIDELINE

if TYPE_CHECKING:
    from evaluators.review import Label, ReviewCounts, ReviewItem

_KEYS: Mapping[Label, str] = {"grounded": "g", "ungrounded": "u", "cannot tell": "c"}


def answer(view: View) -> Content:
    if not your_name.is_known(view.author):
        return Content(title="Review", body=_who_are_you(view))
    item, counts = view.services.review.next(view.author), view.services.review.counts()
    body = _nothing(view, counts) if item is None else _labelling(view, item, counts)
    return Content(title="Review", body=body, controls=[your_name.menu(view)])


def _labelling(view: View, item: ReviewItem, counts: ReviewCounts) -> list[Component]:
    # Another id is another element: what was unfolded, scrolled or typed for one call means nothing for the next.
    into_view: dict[str, Any] = {"id": f"item-{item.item_id}", "data-into-view": ""}
    question = "Is every claim of this answer supported by the retrieved text?"
    columns = [
        parts.card("Question and answer", html.Div(asked_and_answered(item.call), className="inside")),
        parts.card("Retrieved text", html.Div(rests_on(item.call), className="inside"), note="what it should rest on"),
    ]
    return [
        html.Div(parts.answer("quiet", question, aside=_progress(view, counts)), **into_view),
        *review_reveal.of_last(view),
        html.P(_guideline(), className="guideline"),
        html.Div(columns, className="review-columns", id=f"call-{item.item_id}"),
        _actions(view, item),
    ]


def _actions(view: View, item: ReviewItem) -> html.Section:
    """What can be said of the call, each by its key too."""
    labels = [
        parts.button(label.capitalize(), "review-label", shortcut=key, item=item.item_id, label=label,
                     then=view.here(last=item.item_id))
        for label, key in _KEYS.items()
    ]  # fmt: skip
    back = view.here(last=None)
    others = [
        parts.button("Skip", "review-skip", shortcut="s", item=item.item_id, then=back),
        _undo_button(view),
    ]
    comment = {"name": "comment", "label": "Comment, optional", "hideLabel": True, "argument": True, "long": True}
    fields = {"fields": [comment | {"placeholder": "Comment, optional"}]}
    return html.Section(
        [
            html.Div(labels, className="labels", role="group", **{"aria-label": "Label"}),
            parts.widget("form", f"comment-{item.item_id}", fields, class_name="comment"),
            html.Div(others, className="others"),
        ],
        className="card review-actions",
        **{"aria-label": "Your label"},
    )


def _guideline() -> list[Child]:
    """What each label means, in one line."""
    told = [child for label, means in GUIDELINE.items() for child in (html.B(label.capitalize()), f": {means}. ")]
    return [*told, "Your own knowledge of the subject does not count."]


def _undo_button(view: View) -> html.Button:
    return parts.button("Undo the last", "review-undo", shortcut="z", then=view.here(last=None))


def _progress(view: View, counts: ReviewCounts) -> list[Child]:
    own = counts.done_today_by.get(view.author, 0)
    others = [
        f"{name} {n:,}" for name, n in sorted(counts.done_today_by.items(), key=lambda of: -of[1])
        if name != view.author
    ]  # fmt: skip
    today = f"Labelled today: {', '.join([f'you {own:,}', *others[:3]])}"
    more = f" and {words.plural(len(others) - 3, 'more person', 'more people')}" if len(others) > 3 else ""
    return [html.Div(html.B(f"{words.plural(counts.open, 'call')} to go")), html.Div(f"{today}{more}")]


def _who_are_you(view: View) -> list[Component]:
    n = view.services.review.counts().open
    sentence = f"{words.plural(n, 'call')} to review." if n else "No call waits for a review."
    why = "Every label is kept by the name of who gave it, so that two people can be compared. It is asked once."
    return [
        parts.answer("quiet", sentence),
        html.Section(
            parts.empty("Who reviews?", [html.P(why), your_name.form(view, "reviewer", "Start")]), className="card"
        ),
    ]


def _nothing(view: View, counts: ReviewCounts) -> list[Component]:
    """Why there is no call to show, and what brings the next."""
    fills = (
        "Calls with an answer and retrieved contexts enter it by themselves: each one whose groundedness is doubtful, "
        "and a random share of all, from which rates are computed."
    )
    again = html.Button("Look again", className="button", **{"data-action": "reload"})
    if counts.open:
        sentence = "Every open call is with another reviewer now."
        why = f"{words.plural(counts.open, 'call')} will come back when whoever has it leaves it for 15 minutes."
        if counts.open > 1:
            why = f"The {counts.open:,} calls come back when those who have them leave them for 15 minutes."
    elif counts.done + counts.skipped:
        sentence = "Nothing is left to review."
        why = f"{words.plural(counts.done, 'call')} labelled and {counts.skipped:,} skipped so far. {fills}"
    else:
        sentence = "No call waits for a review."
        why = f"The queue has been empty so far. {fills}"
    undo = [_undo_button(view)] if counts.done + counts.skipped else []
    return [
        parts.answer("quiet", sentence, aside=_progress(view, counts)),
        *review_reveal.of_last(view),
        html.Section([html.P(why), html.Div([again, *undo], className="others")], className="card padded"),
    ]


def _reviewer(author: str) -> str:
    if not your_name.is_known(author):
        raise BadRequest("labels are kept by name, and yours is not known; reload the page and say who you are")
    return author


def _label(services: Services, author: str, order: Mapping[str, Any]) -> Outcome:
    label = str(order.get("label"))
    services.review.label(
        str(order.get("item")), reviewer=_reviewer(author), label=cast("Label", label), comment=_comment(order),
        seconds=_seconds(order.get("seconds")),
    )  # fmt: skip
    return Outcome(text=f"Saved: {label}.", href=order.get("then"))


def _skip(services: Services, author: str, order: Mapping[str, Any]) -> Outcome:
    services.review.skip(str(order.get("item")), reviewer=_reviewer(author), reason=_comment(order))
    return Outcome(text="Skipped.", href=order.get("then"))


def _undo(services: Services, author: str, order: Mapping[str, Any]) -> Outcome:
    if services.review.undo(_reviewer(author)) is None:
        return Outcome(text="There is nothing of yours to undo.")
    return Outcome(text="Taken back: label this call anew.", href=order.get("then"))


def _comment(order: Mapping[str, Any]) -> str | None:
    return str(order.get("comment") or "").strip() or None


def _seconds(given: object) -> float | None:
    """How long the call stood before the reviewer, as the browser measured it."""
    known = isinstance(given, (int, float)) and math.isfinite(given) and given >= 0
    return float(cast("float", given)) if known else None


def _badge(services: Services) -> Badge:
    return Badge(n=services.review.counts().open, urgent=False, what="calls to review")


REVIEW = Page(
    name="review",
    path="/review",
    title="Review",
    group="Respond",
    answer=answer,
    skeleton=[
        parts.bone(58),
        html.Div([parts.bone(420), parts.bone(420)], className="review-columns"),
        parts.bone(110),
    ],
    in_range=False,
    live=False,  # a call that somebody reads stays where it is
    shared=False,
    badge=_badge,
    commands={"review-label": _label, "review-skip": _skip, "review-undo": _undo},
)
