"""How the way in fares: what was taken, refused, changed and stored, and what to do where that is bad."""

from collections.abc import Sequence

from dash import html

from collector.spool.status import SpoolStatus
from collector.system import SystemFigures
from dashboard import parts, words
from dashboard.pages import refusals, system_tables
from dashboard.pages.base import Content, Page, View
from dashboard.pages.system_findings import (
    COMMIT_WARN_S,
    FREE_WARN_BYTES,
    LAG_WARN_S,
    MIN_COMMITS,
    QUEUE_WARN,
    Finding,
    findings,
)
from dashboard.parts import Child, Figure


def answer(view: View) -> Content:
    figures = view.services.health.figures()
    found = findings(figures)
    body = [_headline(view, figures, found)]
    if found:
        body.append(_what_to_do(found))
    body += [
        parts.figures(_figures(figures)),
        parts.card(
            "What came in, and what became of it",
            parts.table("counts", system_tables.counts(figures)),
            note=_window(figures),
            class_name="told",
        ),
        system_tables.by_reason(figures),
        html.Div(
            [
                system_tables.redacted(view, figures),
                system_tables.evaluators(figures),
                system_tables.checks(figures),
                system_tables.disk(figures),
            ],
            className="grid",
        ),
    ]
    return Content(title="System", body=body)


def _window(figures: SystemFigures) -> str:
    return f"recent: the last {_minutes(figures)}" if figures.window_s >= 1 else "just started"


def _minutes(figures: SystemFigures) -> words.Quantity:
    """The window as people say it: 45 s, 10 min."""
    return words.span_s(round(figures.window_s / 60) * 60 if figures.window_s >= 120 else round(figures.window_s))


def _headline(view: View, figures: SystemFigures, found: Sequence[Finding]) -> html.Div:
    aside: list[Child] = ["started ", parts.ago(figures.started_ns, figures.time_ns)]
    if found:
        more = f" · {words.plural(len(found) - 1, 'more finding')}" if len(found) > 1 else ""
        word = "Critical" if found[0].tone == "crit" else "Warning"
        return parts.answer(found[0].tone, found[0].what, word=word, aside=[*aside, more])
    n = sum(tally.recent for tally in figures.accepted)
    if not n and not any(tally.total for tally in figures.accepted):
        sentence = ["Nothing was sent so far. ", html.A("Send the first span", href=view.to("/")), "."]
        return parts.answer("quiet", sentence, aside=aside)
    over = f"in the last {_minutes(figures)}"
    taken = f"{words.plural(n, 'record')} taken {over}" if n else f"Nothing was sent {over}"
    return parts.answer("good", f"{taken}; nothing refused.", word="All well", aside=aside)


def _what_to_do(found: Sequence[Finding]) -> html.Section:
    items = [
        html.Li([html.B(f"{parts.SIGNS[finding.tone]} {finding.what}"), html.Span(finding.do)], className=finding.tone)
        for finding in found
    ]
    return parts.card("What to do", html.Ul(items, className="findings"), note="worst first")


def _figures(figures: SystemFigures) -> list[Figure]:
    trends, seconds = figures.trends, max(figures.window_s, 1.0)
    n_taken = sum(tally.recent for tally in figures.accepted)
    n_refused = sum(tally.recent for tally in figures.refused)
    n_left_out = sum(tally.recent for tally in figures.rejected)
    disk, share = figures.footprint, figures.queue_bytes / figures.max_queue_bytes
    lag = max(figures.lags or (), key=lambda lag: lag.wait_s, default=None)
    slow = figures.commit_p99_s or 0.0
    is_slow = slow >= COMMIT_WARN_S and figures.commits.recent >= MIN_COMMITS
    few = disk is not None and disk.free_bytes < FREE_WARN_BYTES
    free = "" if disk is None else f"{words.size(disk.free_bytes)} free"
    refused_note = f"▲ and {n_left_out:,} records" if n_left_out else "▲ see below"
    return [
        Figure(
            label="Accepted per s",
            value=words.count(n_taken / seconds),
            note=f"{sum(tally.total for tally in figures.accepted):,} in all",
            trend=trends.accepted_per_s,
            hint="Spans, log records and data points that were acknowledged",
        ),
        Figure(
            label="Refused requests",
            value=words.count(n_refused),
            note=f"{sum(tally.total for tally in figures.refused):,} since the start",
            wrong=refused_note if n_refused or n_left_out else None,
            trend=trends.refused_per_s,
        ),
        Figure(
            label="Stored per s",
            value=words.count(figures.stored_spans.recent / seconds),
            note=f"{words.count(figures.duplicate_spans.total)} duplicates left out",
            trend=trends.stored_per_s,
        ),
        Figure(
            label="Commit time p99",
            value=words.seconds(figures.commit_p99_s),
            note=f"p50 {words.seconds(figures.commit_p50_s)}",
            wrong=f"▲ over {words.seconds(COMMIT_WARN_S)}" if is_slow else None,
            trend=trends.commit_p99_s,
            hint="How long a sender waits for the disk, at least",
        ),
        Figure(
            label="Queue",
            value=words.size(figures.queue_bytes),
            note=f"{words.percent(share)} full, load {words.percent(figures.load)}",
            wrong=f"▲ {words.percent(share)} full" if share >= QUEUE_WARN else None,
            trend=trends.queue_bytes,
            hint="Decoded and waiting for the disk; load: share of the last seconds in which requests waited for it",
        ),
        *([] if figures.spool is None else [_spool(figures.spool)]),
        Figure(
            label="On disk",
            value=words.size(None if disk is None else disk.n_bytes),
            note=free if disk is None else f"{words.plural(disk.n_days, 'day')}, {free}",
            wrong=f"▲ {free}" if few else None,
        ),
        Figure(
            label="Evaluators behind",
            value=words.seconds(None if lag is None else lag.wait_s),
            note="" if lag is None else f"{lag.evaluator}: {words.plural(lag.n_calls, 'call')}",
            wrong=f"▲ {lag.evaluator}" if lag is not None and lag.wait_s >= LAG_WARN_S else None,
        ),
    ]


def _spool(spool: SpoolStatus) -> Figure:
    return Figure(
        label="Waiting for the store",
        value=words.size(spool.held.n_bytes),
        note=f"{words.plural(spool.held.n_spans, 'span')}, oldest {words.seconds(spool.oldest_age_s)}",
        wrong="▲ the store is away" if spool.store_problem else None,
        hint="Acknowledged, and on this machine's disk until the store has it",
    )


SYSTEM = Page(
    name="system",
    path="/system",
    title="System",
    group="Operate",
    answer=answer,
    skeleton=[parts.bone(50), parts.bone(123), parts.bone(360), parts.bone(208)],
    in_range=False,
    badge=refusals.badge,
)
