"""The fields of the form of a monitor. assets/sheet.js draws them."""

from collections.abc import Mapping, Sequence
from typing import Any

from dashboard.pages.monitor_draft import Draft

_LABELS = {"service": "Service", "request_model": "Model, as it is asked for", "environment": "Environment"}
_KINDS = (
    ("model", "Answers", "do they change more than the questions explain?"),
    ("input", "Questions", "did what people ask change?"),
    ("retrieval", "Retrieval", "did the documents that are found change?"),
    ("quality", "Scores", "did the mean of a score fall?"),
    ("stream", "Stream of answers", "small changes that gather over many windows"),
)


def sections(
    draft: Draft,
    errors: Mapping[str, str],
    *,
    known: Mapping[str, Sequence[str]],
    projects: Sequence[str],
    is_fixed: bool,
    is_new: bool,
) -> list[dict[str, Any]]:
    """The fields by what they decide, each with its value, its hint and what is wrong with it.

    Args:
        known: values that calls have had lately, by dimension.
        is_fixed: it made itself for its service and model, and stays with them.
    """

    def field(name: str, label: str, kind: str = "text", **more: Any) -> dict[str, Any]:
        return {"name": name, "label": label, "type": kind, "value": draft.get(name, ""), "error": errors.get(name),
                **more}  # fmt: skip

    chosen = [
        field(name, label, "select", options=_options(str(draft.get(name, "")), known[name]), fixed=is_fixed)
        for name, label in _LABELS.items()
    ]
    project = field("project", "Project", "select", options=[[p, p] for p in projects], fixed=not is_new)
    if len(projects) < 2:
        project["type"] = "hidden"
    pinned = {"policy": "pinned"}
    return [
        {"title": "What it watches", "note": "It made itself for this service and model, and stays with them."
         if is_fixed else "", "fields": [
            field("name", "Name", wide=True, placeholder="answers of the refund assistant"),
            project,
            *chosen,
            field("prompt_template", "Prompt template", placeholder="any", fixed=is_fixed),
            field("route", "Route", placeholder="any", fixed=is_fixed),
        ]},
        {"title": "What it looks at", "note": "", "fields": [
            field("kinds", "Kinds of change", "checks", options=[list(kind) for kind in _KINDS], wide=True),
            field("score", "Score", hint="evaluator whose values are the quality, such as groundedness"),
            field("tolerance", "Tolerance", hint="how much its mean may fall without an alarm: 0.02"),
        ]},
        {"title": "When it decides", "note": "", "fields": [
            field("n_window", "Window, sessions", hint="a decision each so many; small changes need more"),
            field("alpha", "Level of a window", hint="share of false alarms without change: 0.01 is 1 in 100"),
            field("false_alarms_per_month", "False alarms a month", hint="of each stream, at most: 0.1"),
            field("effect_floor", "Smallest effect", hint="in standard deviations; less is no alarm: 0.1"),
        ]},
        {"title": "What it compares with", "note": "", "fields": [
            field("policy", "Reference", "select", wide=True, options=[
                ["rolling", "Rolling: the last 14 days less 2, frozen until a change is accepted"],
                ["pinned", "Pinned: chosen by hand, never refreshed"],
            ]),
            field("n_reference", "First reference, sessions", hint="until there is so much history; whole windows",
                  when={"policy": "rolling"}),
            field("pin_since", "From, UTC", "datetime", when=pinned),
            field("pin_until", "To, UTC", "datetime", when=pinned, hint="empty: until now"),
            field("pin_version", "Version", when=pinned, hint="of the service or the prompt: a release"),
            field("pin_tag", "Tag", when=pinned, hint="of a golden set that was imported"),
            field("pin_metadata", "Metadata", when=pinned, hint="key=value, with commas between them"),
        ]},
    ]  # fmt: skip


def _options(value: str, known: Sequence[str]) -> list[list[str]]:
    options = [["", "any"], *([f"={name}", name] for name in known)]
    if value and value not in (found for found, _ in options):
        options.append([value, value[1:] or "those that have none"])
    return options
