"""One drift verdict: the sentence, the facts, the evidence over time, what moved."""

from collections.abc import Mapping, Sequence

from dash import html

from collector.times import NS_PER_S
from collector.verdict import Effect, Verdict
from dashboard import parts, words
from dashboard.figures import Chart, Series, Steps
from dashboard.filters import href
from dashboard.pages.base import View
from evaluators.features import BY_NAME

CHANGED = "model_changed"
_N_EFFECTS = 11
_N_OTHERS = 8
_FEEDBACK: Mapping[str, tuple[str, parts.Tone]] = {
    "accepted": ("accepted as the new normal", "good"),
    "false_alarm": ("reported as false", "quiet"),
}


def title_of(verdict: Verdict) -> str:
    """gpt-4 in support"""
    model = verdict.request_model or "The unnamed model"
    return f"{model} in {verdict.service}" if verdict.service else model


def verdict_card(view: View, verdict: Verdict, said: Mapping[str, str]) -> html.Section:
    """The sentence first, what changed and who says so under it, the two answers at its right."""
    is_change, feedback = verdict.outcome == CHANGED, said.get(verdict.verdict_id)
    model, place = html.B(verdict.request_model or "unnamed"), f" in {verdict.service}" if verdict.service else ""
    if is_change:
        sentence = [
            "The model behind ",
            model,
            f"{place} changed around {words.day_and_clock(verdict.current_start_ns)}.",
        ]
    else:
        sentence = ["No change found in the answers of ", model, f"{place}."]
    told: list[parts.Child] = [
        verdict.explanation, " Tested ", parts.ago(verdict.decided_ns, view.now_ns),
        f", on {words.plural(verdict.n_current, 'session')} since {words.day_and_clock(verdict.current_start_ns)} UTC.",
    ]  # fmt: skip
    calls = html.A("Open these calls", href=calls_href(view, verdict))
    buttons: list[parts.Child] = []
    if feedback is not None:
        buttons.append(parts.chip(*_FEEDBACK.get(feedback, (feedback, "quiet"))))
    if is_change and feedback != "accepted":
        buttons.append(parts.button("Accept as the new normal", "accept", primary=True, verdict_id=verdict.verdict_id))
    if is_change and feedback is None:
        buttons.append(parts.button("Report as false", "report_false", verdict_id=verdict.verdict_id))
    text = html.Div([html.H1(sentence), html.P(told), html.P(calls)], className="sentence")
    tone = "crit" if is_change and feedback is None else "good" if not is_change else "quiet"
    return html.Section([text, html.Div(buttons, className="buttons")], className=f"card verdict {tone}")


def calls_href(view: View, verdict: Verdict) -> str:
    """The calls of the window."""
    since_ns = verdict.current_start_ns // NS_PER_S * NS_PER_S
    until_ns = (verdict.current_end_ns // NS_PER_S + 1) * NS_PER_S
    return href(
        "/traces", since_ns=since_ns, until_ns=until_ns, service=verdict.service, request_model=verdict.request_model
    )


def facts(verdict: Verdict, now_ns: int) -> html.Section:
    n_moved = sum(not effect.low <= 0 <= effect.high for effect in verdict.effects)
    largest = verdict.effects[0] if verdict.effects else None
    compared = f"reference {words.between(verdict.reference_start_ns, verdict.reference_end_ns)}"
    cells = [
        ("Guarantee", f"1 false alarm in {words.digits(1 / verdict.alpha)}",
         "windows in which nothing changed, at most", verdict.guarantee),
        ("Evidence", words.p_value(verdict.p_value), f"alarm at {verdict.alpha:g} and below", verdict.explanation),
        ("Compared", f"{verdict.n_reference:,} and {words.plural(verdict.n_current, 'session')}", compared, compared),
        ("Moved", f"{n_moved} of {words.plural(len(verdict.effects), 'behaviour')}",
         f"most: {largest.title}" if largest else "nothing to compare", "Those whose 95 % interval leaves out 0"),
    ]  # fmt: skip
    return html.Section(
        [
            html.Div([html.Div(label), html.Strong(value), html.Div(note, title=hint)], title=hint)
            for label, value, note, hint in cells
        ],
        className="card four-facts",
    )


def evidence_card(view: View, selected: Verdict, verdicts: Sequence[Verdict]) -> html.Section:
    """p-values over time; those of other monitors stand grey behind."""
    others = [m for m in dict.fromkeys(v.monitor for v in verdicts) if m != selected.monitor][:_N_OTHERS]
    own = [v for v in verdicts if v.monitor == selected.monitor]
    if selected not in own:
        own = [selected, *own]
    series = [
        _line([v for v in verdicts if v.monitor == monitor], "s6") for monitor in others
    ] + [_line(own, "s1")]  # fmt: skip
    times_ns = [v.decided_ns for v in (*verdicts, selected)]
    margin_ns = max((max(times_ns) - min(times_ns)) // 50, 60 * NS_PER_S)
    steps = Steps(since_ns=min(times_ns) - margin_ns, until_ns=max(times_ns) + margin_ns, step_s=1)
    alarm = f"alarm at {selected.alpha:g}: 1 false alarm in {words.digits(1 / selected.alpha)} windows, at most"
    chart = Chart(
        label="Evidence over time",
        steps=steps,
        series=series,
        unit="p",
        log=True,
        threshold=(selected.alpha, alarm),
        times_ns=[],
    )
    keys = [(title_of(selected), "s1")] + ([("others", "s6")] if others else [])
    label = "Evidence over time, p-value of each tested window on a logarithmic scale"
    plot = parts.widget(
        "chart", "evidence", chart.to_json(), class_name="plot tall", role="img", **{"aria-label": label}
    )
    tools = [parts.tool("table", "Show as table", "table")]
    return parts.card("Evidence over time", plot, note="p-value of each window, log scale", keys=keys, tools=tools)


def _line(verdicts: Sequence[Verdict], variable: str) -> Series:
    ordered = sorted(verdicts, key=lambda v: v.decided_ns)
    return Series(
        name=title_of(ordered[0]),
        colour=variable,
        y=[v.p_value for v in ordered],
        x_ns=[v.decided_ns for v in ordered],
        n=[v.n_current for v in ordered],
        links=[href("/drift", verdict=v.verdict_id) for v in ordered],
    )


def effects_card(verdict: Verdict) -> html.Section:
    """Dots with intervals, sorted by size: moved ones coloured, the rest grey."""
    shown = sorted(verdict.effects, key=lambda e: (e.low <= 0 <= e.high, -abs(e.d)))[:_N_EFFECTS]
    note = "standardised difference, 95 % interval, by size"
    if not shown:
        return parts.card("What moved", html.P("No behaviour differs at all.", className="plot tall empty"), note=note)
    bound = max(0.5, *(min(5.0, max(abs(e.low), abs(e.high))) for e in shown))
    rows = [_effect(effect, bound) for effect in shown]
    body = html.Div(rows, className="effects plot tall", role="list")
    return parts.card("What moved", body, note=note, keys=[("moved", "s1"), ("did not", "s6")])


def _effect(effect: Effect, bound: float) -> html.Div:
    moved = not effect.low <= 0 <= effect.high

    def place(value: float) -> float:
        return 50 + 50 * max(-1.0, min(1.0, value / bound))

    low, high = place(effect.low), place(effect.high)
    hint = f"d = {effect.d:+.2f}, 95 % interval {effect.low:+.2f} to {effect.high:+.2f}"
    lane = html.Div(
        [
            html.I(className="range", style={"left": f"{low:.1f}%", "width": f"{high - low:.1f}%"}),
            html.I(className="dot", style={"left": f"{place(effect.d):.1f}%"}),
        ],
        className="lane",
    )
    return html.Div(
        [html.Span(effect.title, title=effect.title), lane, html.Span(amount(effect), className="number")],
        className="effect moved" if moved else "effect", title=hint, role="listitem",
    )  # fmt: skip


def amount(effect: Effect) -> str:
    """How far, in the unit of the behaviour: +61 %, 0 to 1.5, +34 pp."""
    before, after = effect.reference_mean, effect.current_mean
    kind = BY_NAME[effect.behaviour].kind if effect.behaviour in BY_NAME else "count"
    if kind in ("share", "flag"):
        return words.points_change(after, before) or words.NONE
    if kind == "length":
        return words.relative_change(after, before) or f"{before:.2g} to {after:.2g}"
    return f"{before:.2g} to {after:.2g}"
