"""The tables of the system page: everything that was counted, with what it means."""

from collections.abc import Callable

from dash import html

from collector.readings import Tally
from collector.system import SystemFigures
from dashboard import parts, words
from dashboard.pages import system_words
from dashboard.pages.base import View
from dashboard.pages.system_findings import LAG_WARN_S
from dashboard.pages.system_words import Told
from dashboard.table import Cell, Column, Row, Table, Tone

_COUNTS = (
    Column(title="What", width="24%"),
    Column(title="Recent", numeric=True, width="104px"),
    Column(title="Since the start", numeric=True, width="128px"),
    Column(title="What it means, and what to do"),
)


def counts(figures: SystemFigures) -> Table:
    rows = [
        _count(f"{system_words.SIGNALS[t.labels['signal']]} over {_transport(t)}", t, "Acknowledged: they are on disk.")
        for t in figures.accepted
    ]
    rows += [
        _count("Spans stored", figures.stored_spans, "Accepted, less duplicates and what sampling leaves out."),
        _count("Model calls stored", figures.stored_calls, "Spans, but no calls? See docs/otlp.md for what is read."),
        _count(
            "Duplicates", figures.duplicate_spans,
            "Sent before, stored once. Many: a sender gives up too early, or two exporters send the same.",
        ),
        _count("Calls without a price", figures.unpriced_calls,
               "Their cost is unknown, which is not free: add prices to the configuration, see docs/prices.md."),
        _count("Left out by sampling", figures.sampled_out_spans, "As the sampling rate of their key says."),
        _count("Named another project", figures.overridden_project_spans,
               "They are in the project of their key; mend the resource attribute of the sender."),
    ]  # fmt: skip
    return Table(label="What came in since the start", columns=_COUNTS, rows=rows)


def _count(what: str, tally: Tally, told: str) -> Row:
    tone: Tone | None = None if tally.total else "quiet"
    numbers = [Cell(text=f"{n:,}", tone=tone) for n in (tally.recent, tally.total)]
    return Row(cells=[Cell(text=what), *numbers, Cell(text=told, tone="quiet")])


_REASONS = (
    Column(title="What", width="24%"),
    Column(title="Recent", numeric=True, width="104px"),
    Column(title="Since the start", numeric=True, width="128px"),
    Column(title="Why"),
    Column(title="What to do", width="36%"),
)


def by_reason(figures: SystemFigures) -> html.Section:
    rows = [
        _reason(f"Requests over {_transport(t)} refused", f"{t.labels['reason']}: ", t, system_words.refused)
        for t in figures.refused
    ]
    rows += [_reason(f"{_records(t)} not kept", "", t, system_words.rejected) for t in figures.rejected]
    rows += [_reason(f"{_records(t)} changed", "", t, system_words.adapted) for t in figures.adapted]
    title = "Refused, left out and changed"
    if not rows:
        told = "Nothing since the start. A request that is refused, a record that cannot be kept and a value that is "
        return parts.card(title, html.P(f"{told}cut each leave a row here, with the reason.", className="nothing-here"))
    table = Table(label="Refused, left out and changed, by reason", columns=_REASONS, rows=rows)
    return parts.card(title, parts.table("reasons", table), note="by reason", class_name="told")


def _reason(what: str, before: str, tally: Tally, tell: Callable[[str], Told]) -> Row:
    told = tell(tally.labels.get("reason") or tally.labels["what"])
    is_now = bool(tally.recent) and "what" not in tally.labels
    recent = Cell(text=f"▲ {tally.recent:,}" if is_now else f"{tally.recent:,}", tone="crit" if is_now else None)
    cells = [
        Cell(text=what),
        recent,
        Cell(text=f"{tally.total:,}"),
        Cell(text=before + told.what),
        Cell(text=told.do, tone="quiet"),
    ]
    return Row(cells=cells)


def redacted(view: View, figures: SystemFigures) -> html.Section:
    link = html.P(
        ["What is searched, and what is not: ", html.A("coverage by project", href=view.to("/system/redaction")), "."],
        className="below-table",
    )
    if not figures.redactions:
        told = html.P("Nothing was masked since the start.", className="nothing-here")
        return parts.card("Redacted before storing", [told, link])
    columns = (
        Column(title="Kind", sortable=True),
        Column(title="Recent", numeric=True, sortable=True, width="104px"),
        Column(title="Since the start", numeric=True, sortable=True, width="140px"),
    )
    rows = [
        Row(cells=[
            Cell(text=system_words.kind(t.labels["kind"])),
            *(Cell(text=f"{n:,}", sort=n) for n in (t.recent, t.total)),
        ])
        for t in figures.redactions
    ]  # fmt: skip
    table = Table(label="Values masked, by kind", columns=columns, rows=rows)
    body = [parts.table("redacted", table), link]
    return parts.card("Redacted before storing", body, note="values, by kind", class_name="narrow")


def evaluators(figures: SystemFigures) -> html.Section:
    if not figures.lags:
        is_unknown = figures.lags is None
        told = "How far the evaluators are is not known now." if is_unknown else "No call has been evaluated yet."
        return parts.card("Evaluators", html.P(told, className="nothing-here"))
    columns = (
        Column(title="Evaluator"),
        Column(title="Calls waiting", numeric=True, width="128px"),
        Column(title="Oldest waits", numeric=True, width="128px"),
    )
    rows = [
        Row(cells=[
            Cell(text=lag.evaluator),
            Cell(text=f"{lag.n_calls:,}"),
            Cell(text=str(words.seconds(lag.wait_s)), tone="warn" if lag.wait_s >= LAG_WARN_S else None),
        ])
        for lag in figures.lags
    ]  # fmt: skip
    told = "They follow what is stored and wait while much comes in; a restart goes on where it stopped."
    table = parts.table("lags", Table(label="How far the evaluators are", columns=columns, rows=rows))
    return parts.card("Evaluators", [table, html.P(told, className="below-table")], class_name="narrow")


def checks(figures: SystemFigures) -> html.Section:
    rows = [
        Row(cells=[
            Cell(text=name),
            Cell(text="✓ ok", tone="good") if problem is None else Cell(text=f"▲ {problem}", tone="crit"),
        ])
        for name, problem in figures.problems.items()
    ]  # fmt: skip
    table = Table(label="Checks", columns=(Column(title="Check", width="30%"), Column(title="State")), rows=rows)
    note = "as /readyz answers them"
    return parts.card("Checks", parts.table("checks", table), note=note, class_name="told narrow")


def disk(figures: SystemFigures) -> html.Section:
    disk = figures.footprint
    if disk is None:
        told = "The store does not answer now; its log says why. What was acknowledged is kept."
        return parts.card("On disk", html.P(told, className="nothing-here"))
    facts = [
        ("Stored", str(words.size(disk.n_bytes))),
        ("Free on that disk", str(words.size(disk.free_bytes))),
        ("Days", f"{disk.n_days:,}" + (f", {disk.first_day} to {disk.last_day}" if disk.n_days else "")),
        ("Commits", f"{figures.commits.total:,} since the start, {figures.commits.recent:,} recent"),
        ("Queue", f"{words.size(figures.queue_bytes)} of {words.size(figures.max_queue_bytes)}"),
    ]
    rows = [Row(cells=[Cell(text=name), Cell(text=value)]) for name, value in facts]
    table = Table(label="On disk", columns=(Column(title="What", width="30%"), Column(title="Now")), rows=rows)
    told = "Days are deleted by retention ([collector.retention]); free space is looked at, not reserved."
    return parts.card(
        "On disk", [parts.table("disk", table), html.P(told, className="below-table")], class_name="narrow"
    )


def _transport(tally: Tally) -> str:
    name = tally.labels["transport"]
    return system_words.TRANSPORTS.get(name, name)


def _records(tally: Tally) -> str:
    return system_words.SIGNALS[tally.labels["signal"]]
