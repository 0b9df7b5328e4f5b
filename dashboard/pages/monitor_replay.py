"""What a monitor would have said of calls that are over. It is fetched by the form, which does not wait for it."""

from dash import html

from collector.errors import BadRequest
from dashboard import parts, words
from dashboard.pages.base import Content, Page, View
from dashboard.pages.drift_evidence import evidence_card
from dashboard.pages.drift_words import OUTCOMES
from dashboard.pages.monitor_draft import draft_from, monitor_of
from dashboard.parts import Child
from dashboard.table import Cell, Column, Row, Table
from evaluators.drift.monitors.replayed import Replay, ReplayedWindow

_COLUMNS = [
    Column(title="Window", width="200px"),
    Column(title="Outcome", width="210px", sortable=True),
    Column(title="p", numeric=True, width="80px", sortable=True),
    Column(title="Sessions", numeric=True, width="90px"),
    Column(title="What it would have said"),
]
_N_WINDOWS = 200


def answer(view: View) -> Content:
    if not view.filters.draft or view.filters.since_ns is None or view.filters.until_ns is None:
        raise BadRequest("a replay needs a monitor and a range; begin at /drift/new")
    monitor = monitor_of(draft_from(view.filters.draft), monitor_id=view.place)
    found = view.services.monitors.replay(monitor, since_ns=view.filters.since_ns, until_ns=view.filters.until_ns)
    body: list[Child] = [_sentence(found)]
    if found.windows:
        alarms = frozenset(e.verdict_id for e, w in zip(found.evidence, found.windows, strict=False) if w.alarms)
        body.append(
            evidence_card(
                found.evidence,
                monitor.alpha,
                title="What would have alarmed",
                name="replay-evidence",
                alarms=alarms,
                marks=[(w.start_ns, "release") for w in found.windows if w.outcome == "released"],
                linked=False,
            )
        )
        body.append(_windows(found))
    return Content(title="Replay", body=body)


def _sentence(found: Replay) -> html.Section:
    n = len(found.alarms)
    if not found.windows:
        tone, head = "quiet", found.note
    elif n:
        when = ", ".join(words.day_and_clock(w.onset_ns or w.start_ns) for w in found.alarms[:3])
        more = f" and {n - 3:,} more" if n > 3 else ""
        tone, head = "warn", f"▲ {words.plural(n, 'alarm')} would have been raised: {when}{more}."
    else:
        tone, head = "good", f"✓ No alarm in {words.plural(len(found.windows), 'window')}."
    looked = f"{words.plural(found.n_sessions, 'session')} of {words.plural(found.n_calls, 'call')} were looked at"
    told = [html.B(head, className=f"tone-{tone}"), html.P(f"{looked}. Compared with {found.reference}."),
            html.P(found.guarantee)]  # fmt: skip
    if found.windows and not found.is_complete:
        told.insert(1, html.P(found.note))
    return html.Section(told, className="card padded replay-sentence")


def _windows(found: Replay) -> html.Section:
    shown = sorted(found.windows, key=lambda w: (not w.alarms, -w.start_ns))[:_N_WINDOWS]
    note = "alarms first" if len(shown) == len(found.windows) else f"alarms first, the newest {_N_WINDOWS}"
    table = Table(label="Windows that would have been decided", columns=_COLUMNS, rows=[_row(w) for w in shown])
    return parts.card("Windows", parts.table("replayed-windows", table), note=note, class_name="scrolls")


def _row(window: ReplayedWindow) -> Row:
    outcome = OUTCOMES.get(window.outcome)
    text = window.outcome.replace("_", " ") if outcome is None else outcome.text
    if window.outcome in ("model_changed", "quality_dropped") and not window.alarms:
        text = f"{text.removeprefix('▲ ')}, not told"
    return Row(
        cells=[
            Cell(text=words.between(window.start_ns, window.end_ns)),
            Cell(text=text, tone="crit" if window.alarms else None),
            Cell(text=words.NONE if window.p_value is None else words.digits(window.p_value), sort=window.p_value),
            Cell(text=f"{window.n_current:,}"),
            Cell(text=window.explanation, tone="quiet"),
        ]
    )


MONITOR_REPLAY = Page(
    name="drift-detail",
    path="/drift/replay/",
    title="Replay",
    group=None,
    answer=answer,
    skeleton=[parts.bone(120), parts.bone(332)],
    in_range=False,
    live=False,
    slow=True,
    charts=True,
)
