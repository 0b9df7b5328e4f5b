"""Evidence over time on one scale: how far windows and streams went towards an alarm."""

from collections.abc import Sequence

from dash import html

from collector.times import NS_PER_S
from dashboard import parts, words
from dashboard.figures import Chart, Series, Steps
from dashboard.filters import href
from dashboard.pages.drift_words import in_a_hundred
from evaluators.drift.monitors.state import Evidence, MonitorState

_N_RELATED = 6
_STREAMS = (("stream", "answers stream", "s2"), ("quality", "scores stream", "s3"))


def evidence_card(
    evidence: Sequence[Evidence],
    alpha: float,
    *,
    title: str = "Evidence",
    name: str = "evidence",
    related: Sequence[MonitorState] = (),
    marks: Sequence[tuple[int, str]] = (),
    tint_ns: int | None = None,
    alarms: frozenset[str] = frozenset(),
    linked: bool = True,
    empty: str = "No window was tested yet.",
) -> html.Section:
    """1 / p of each window, with the streams on the same way to their alarm, which all cross at one line.

    Args:
        related: monitors that stand grey behind.
        marks: (Unix ns, word) of releases.
        alarms: ids of the verdicts that alarmed.
        linked: whether each point leads to its verdict.
        empty: why there is none, and what would change that.
    """
    own = _series(evidence, alpha, alarms, linked=linked)
    if not own:
        return parts.card(title, html.P(empty, className="plot tall empty"))
    grey = [_grey(state, alpha) for state in _most_moved(related)]
    times_ns = [time_ns for series in own for time_ns in series.x_ns or ()] + ([] if tint_ns is None else [tint_ns])
    margin_ns = max((max(times_ns) - min(times_ns)) // 50, 60 * NS_PER_S)
    chart = Chart(
        label=title,
        steps=Steps(since_ns=min(times_ns) - margin_ns, until_ns=max(times_ns) + margin_ns, step_s=1),
        series=[*grey, *own],
        unit="evidence",
        log=True,
        threshold=(1 / alpha, f"alarm: {in_a_hundred(alpha)} windows, at most"),
        marks=marks,
        tint_ns=tint_ns,
        times_ns=[],
    )
    note = "1 / p, log scale"
    keys = [(series.name, series.colour) for series in own] if len(own) > 1 or grey else []
    if grey:
        keys.append(("related", "s6"))
    plot = parts.widget(
        "chart", name, chart.to_json(), class_name="plot tall", role="img", **{"aria-label": f"{title}, {note}"}
    )
    return parts.card(title, plot, note=note, keys=keys, tools=[parts.tool("table", "Show as table", "table")])


def _series(evidence: Sequence[Evidence], alpha: float, alarms: frozenset[str], *, linked: bool) -> list[Series]:
    windows = [(e, 1 / e.p_value, _window_note(e.p_value)) for e in evidence if e.p_value is not None]
    found = [_line("windows", "s1", windows, alarms, linked)] if windows else []
    for field, name, colour in _STREAMS:
        shares = [(e, share) for e in evidence if (share := getattr(e, field)) is not None]
        if shares:
            points = [(e, alpha**-share, f"{words.percent(share)} of the way to an alarm") for e, share in shares]
            found.insert(0, _line(name, colour, points, frozenset(), linked))
    return found


def _line(
    name: str, colour: str, points: Sequence[tuple[Evidence, float, str]], alarms: frozenset[str], linked: bool
) -> Series:
    return Series(
        name=name,
        colour=colour,
        y=[y for _, y, _ in points],
        x_ns=[e.time_ns for e, _, _ in points],
        notes=[note for _, _, note in points],
        alarms=[e.verdict_id in alarms for e, _, _ in points] if alarms else None,
        links=[href("/drift", verdict=e.verdict_id) for e, _, _ in points] if linked else None,
    )


def _window_note(p_value: float) -> str:
    return f"{words.p_value(p_value)}, evidence {words.digits(1 / p_value)}"


def _most_moved(states: Sequence[MonitorState]) -> list[MonitorState]:
    drawn = [state for state in states if len(state.sparkline) > 1]
    return sorted(drawn, key=lambda state: -state.sparkline[-1][1])[:_N_RELATED]


def _grey(state: MonitorState, alpha: float) -> Series:
    return Series(
        name=state.monitor.name,
        colour="s6",
        y=[alpha**-strength for _, strength in state.sparkline],
        x_ns=[time_ns for time_ns, _ in state.sparkline],
        notes=[f"{words.percent(strength)} of the way to an alarm" for _, strength in state.sparkline],
    )
