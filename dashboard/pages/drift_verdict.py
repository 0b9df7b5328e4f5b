"""One drift verdict: the sentence, the four facts, what moved, where."""

from collections.abc import Mapping, Sequence

from dash import html

from collector.times import NS_PER_S
from collector.verdict import Cluster, Effect, Verdict
from dashboard import parts, words
from dashboard.filters import href
from dashboard.pages.base import View
from dashboard.pages.drift_words import (
    ALARMING,
    FEEDBACK,
    in_a_hundred,
    outcome_of,
    questions_fact,
    sentence,
    tone_of,
    when_ns,
)
from dashboard.parts import Child
from evaluators.features import BY_NAME

_N_EFFECTS = 11
_N_CLUSTERS = 10
_SHOWN_WORDS = 6


def verdict_card(view: View, verdict: Verdict, said: Mapping[str, str], *, can_accept: bool) -> html.Section:
    """The sentence first, what changed and who says so under it, the two answers at its right."""
    feedback = said.get(verdict.verdict_id)
    told: list[Child] = [verdict.explanation, " ", _tested(view, verdict)]
    if verdict.contributors:
        told = [verdict.explanation, f" Most of it comes from {', '.join(verdict.contributors[:3])}. ",
                _tested(view, verdict)]  # fmt: skip
    text = html.Div(
        [html.H1(sentence(verdict)), html.P(told), *_held_back(verdict), html.P(_links(view, verdict))],
        className="sentence",
    )
    buttons = _buttons(verdict, feedback, can_accept=can_accept)
    return html.Section(
        [text, html.Div(buttons, className="buttons")], className=f"card verdict {tone_of(verdict, feedback)}"
    )


def _tested(view: View, verdict: Verdict) -> html.Span:
    sessions = words.plural(verdict.n_current, "session")
    since = words.day_and_clock(verdict.current_start_ns)
    ago = parts.ago(verdict.decided_ns, view.now_ns)
    return html.Span(["Tested ", ago, f", on {sessions} since {since} UTC."])


def _held_back(verdict: Verdict) -> list[html.P]:
    return [] if verdict.held_back is None else [html.P(f"No alert of its own: {verdict.held_back}.")]


def _links(view: View, verdict: Verdict) -> list[Child]:
    monitor = html.A("Open the monitor", href=f"/drift/monitors/{verdict.monitor}")
    every = html.A("All monitors", href="#w-monitors")
    return [html.A("Open these calls", href=calls_href(view, verdict)), " · ", monitor, " · ", every]


def _buttons(verdict: Verdict, feedback: str | None, *, can_accept: bool) -> list[Child]:
    buttons: list[Child] = []
    if feedback is not None:
        buttons.append(parts.chip(*FEEDBACK.get(feedback, (feedback, "quiet"))))
    if verdict.outcome == "released":
        buttons.append(html.A("Compare across this release", className="button", href=across_href(verdict)))
    is_change = verdict.outcome in (*ALARMING, "cannot_separate", "traffic_changed")
    if is_change and can_accept and feedback != "accepted":
        is_primary = verdict.outcome in ALARMING
        buttons.append(
            parts.button("Accept as the new normal", "accept", primary=is_primary, verdict_id=verdict.verdict_id)
        )
    if verdict.outcome in ALARMING and feedback is None:
        buttons.append(parts.button("Report as false", "report_false", verdict_id=verdict.verdict_id))
    return buttons


def calls_href(view: View, verdict: Verdict) -> str:
    """The calls of the window."""
    since_ns = verdict.current_start_ns // NS_PER_S * NS_PER_S
    until_ns = (verdict.current_end_ns // NS_PER_S + 1) * NS_PER_S
    return href(
        "/traces", since_ns=since_ns, until_ns=until_ns, service=verdict.service, request_model=verdict.request_model
    )


def across_href(verdict: Verdict) -> str:
    """A replay of the calls after a release against those before it."""
    since_ns = verdict.current_start_ns // NS_PER_S * NS_PER_S
    return href("/drift/new", verdict=verdict.verdict_id, since_ns=since_ns)


def facts(verdict: Verdict) -> html.Section:
    """Guarantee, evidence, what was compared, whether the questions changed."""
    compared = f"reference {words.between(verdict.reference_start_ns, verdict.reference_end_ns)}"
    if verdict.p_value is not None:
        evidence = words.p_value(verdict.p_value), f"alarm at {verdict.alpha:g} and below"
    elif verdict.statistic is not None:
        evidence = f"e = {words.count(verdict.statistic)}", "of the stream that alarmed"
    else:
        evidence = "None", f"{outcome_of(verdict).text}: nothing was tested"
    questions, about, hint = questions_fact(verdict)
    sides = f"{verdict.n_reference:,} and {words.plural(verdict.n_current, 'session')}"
    promise = in_a_hundred(verdict.alpha), "windows in which nothing changed, at most"
    if verdict.outcome == "released":
        promise = "No alarm", "a release of one's own never is one"
        sides, compared = "Not compared", f"{sides} before and after it"
    cells = [
        ("Guarantee", *promise, verdict.guarantee),
        ("Evidence", *evidence, verdict.explanation),
        ("Compared", sides, compared, compared),
        ("Questions", questions, about, hint or about),
    ]
    return html.Section(
        [
            html.Div([html.Div(label), html.Strong(value), html.Div(note, title=hint)], title=hint)
            for label, value, note, hint in cells
        ],
        className="card four-facts",
    )


def effects_card(verdict: Verdict) -> html.Section:
    """Dots with intervals, sorted by size: moved ones coloured, the rest grey."""
    shown = sorted(verdict.effects, key=lambda e: (e.low <= 0 <= e.high, -abs(e.d)))[:_N_EFFECTS]
    n_moved = sum(_moved(effect) for effect in verdict.effects)
    note = f"{n_moved} of {len(verdict.effects)}; standardised difference, 95 % interval"
    bound = max(0.5, *(min(5.0, max(abs(e.low), abs(e.high))) for e in shown))
    rows = [_effect(effect, bound) for effect in shown]
    body = html.Div(rows, className="effects plot tall", role="list")
    return parts.card("What moved", body, note=note, keys=[("moved", "s1"), ("did not", "s6")])


def _moved(effect: Effect) -> bool:
    return not effect.low <= 0 <= effect.high


def _effect(effect: Effect, bound: float) -> html.Div:
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
        className="effect moved" if _moved(effect) else "effect", title=hint, role="listitem",
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


def clusters_card(verdict: Verdict) -> html.Section:
    """Topics of the questions: their words, which share of the calls they are, and how far their answers moved."""
    shown = verdict.clusters[:_N_CLUSTERS]
    bound = max((max(c.share_before, c.share_after) for c in shown), default=1.0) or 1.0
    head = html.Div(
        [html.Span("Topic or segment"), html.Span("Share of the calls"),
         html.Span("before → after", className="number"), html.Span("Answers", className="number")],
        className="topic head",
    )  # fmt: skip
    body = html.Div([head, *(_cluster(cluster, bound) for cluster in shown)], className="topics")
    hidden = len(verdict.clusters) - len(shown)
    note = "topics and segments, those that changed most first" + (f"; {hidden} more" if hidden else "")
    return parts.card("Where", body, note=note, keys=[("before", "s6"), ("after", "s1")])


def _cluster(cluster: Cluster, bound: float) -> html.Div:
    text = ", ".join(cluster.words[:_SHOWN_WORDS]) or "no typical words"
    named: list[Child] = [html.Span(text, title=", ".join(cluster.words))]
    if cluster.is_new:
        named.append(parts.chip("new topic", "warn"))
    bars = html.Div(
        [
            html.I(className="bar before", style={"width": f"{100 * cluster.share_before / bound:.1f}%"}),
            html.I(className="bar after", style={"width": f"{100 * cluster.share_after / bound:.1f}%"}),
        ],
        className="bars",
    )
    moved = cluster.p_value is not None and cluster.p_value <= 0.05
    answers = "too few" if cluster.p_value is None else words.p_value(cluster.p_value)
    hint = f"{cluster.n_before:,} calls before, {cluster.n_after:,} after" + (
        "; its answers moved" if moved else "" if cluster.p_value is None else "; its answers did not move"
    )
    return html.Div(
        [
            html.Div(named, className="topic-words"),
            bars,
            html.Span(
                f"{words.percent(cluster.share_before)} → {words.percent(cluster.share_after)}", className="number"
            ),
            html.Span(answers, className="number strong" if moved else "number"),
        ],
        className="topic",
        title=hint,
    )


def tests_card(verdict: Verdict) -> html.Section:
    """Every test behind the verdict, and what could not be tested."""
    rows = [
        html.Tr(
            [
                html.Td(_TESTS.get(name, name)),
                html.Td(words.p_value(test.p_value), className="number"),
                html.Td(f"{test.n_reference:,} and {test.n_current:,}", className="number"),
                html.Td(test.guarantee, title=test.guarantee),
            ]
        )
        for name, test in verdict.tests.items()
    ]
    heads = [html.Th("Test"), html.Th("p", className="number"), html.Th("n", className="number"), html.Th("Guarantee")]
    body: list[Child] = []
    if rows:
        table = html.Table([html.Thead(html.Tr(heads)), html.Tbody(rows)], className="tests")
        body.append(html.Div(table, className="table told"))
    body.append(html.P(verdict.guarantee, className="below-table"))
    if verdict.notes:
        body.append(html.Ul([html.Li(note) for note in verdict.notes], className="plain-list"))
    return parts.card("How it was tested", body, note=f"decided {words.absolute(verdict.decided_ns)}")


_TESTS: Mapping[str, str] = {
    "model": "Answers, given the questions",
    "output": "Answers alone",
    "input": "Questions",
    "retrieval": "What is retrieved",
    "quality": "Scores",
}


def marks_of(verdicts: Sequence[Verdict]) -> list[tuple[int, str]]:
    """Releases, to stand on a time axis."""
    return [(when_ns(v), "release") for v in verdicts if v.outcome == "released"]


def alarms_of(verdicts: Sequence[Verdict]) -> frozenset[str]:
    """Ids of those that people were told of."""
    return frozenset(v.verdict_id for v in verdicts if v.outcome in ALARMING and v.held_back is None)
