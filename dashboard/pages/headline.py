"""The answer on top of the overview: is something wrong, since when, what to open."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dash import html

from collector.times import NS_PER_S
from dashboard import parts, words
from dashboard.filters import href
from dashboard.pages.base import View

if TYPE_CHECKING:
    from evaluators.alerts import Alert

_RANK = {"critical": 0, "warning": 1, "info": 2}
_TONES: dict[str, parts.Tone] = {"critical": "crit", "warning": "warn", "info": "quiet"}
_LOOK_BACK_NS = 400 * 86_400 * NS_PER_S


def by_urgency(alerts: Sequence[Alert]) -> list[Alert]:
    """Firing before pending, critical before warning, the newest first."""
    return sorted(alerts, key=lambda a: (a.state != "firing", _RANK.get(a.severity, 3), -a.since_ns))


def headline(view: View, alerts: Sequence[Alert]) -> html.Div:
    firing = [alert for alert in by_urgency(alerts) if alert.state == "firing"]
    if not firing:
        return parts.answer("good", _last_alarm(view), word="All well", aside=["updated ", _now(view)])
    worst = firing[0]
    sentence = [html.A(shortened(worst.summary), href=alert_href(worst), title=worst.summary)]
    aside: list[parts.Child] = ["since ", parts.ago(worst.since_ns, view.now_ns), " · "]
    if len(firing) > 1:
        aside += [html.A(f"{words.plural(len(firing) - 1, 'more alarm')}", href="/alerts"), " · "]
    tone = _TONES.get(worst.severity, "warn")
    return parts.answer(tone, sentence, word=worst.severity.capitalize(), aside=[*aside, "updated ", _now(view)])


def _now(view: View) -> html.Time:
    return parts.ago(view.now_ns, view.now_ns)


def alert_href(alert: Alert) -> str:
    """What shows the alert best: the drift verdict or the calls behind it."""
    return next(iter(alert.links.values()), None) or href("/alerts", alert=alert.alert_id)


def shortened(summary: str, n_characters: int = 100) -> str:
    """The first clauses that fit on one line; the whole text stands where the link leads."""
    if len(summary) <= n_characters:
        return summary
    cut = summary[:n_characters]
    end = max(cut.rfind(mark) for mark in (". ", ", ", "; ", " ("))
    return f"{cut[: end if end > 40 else n_characters - 1].rstrip(' ,.;(')}…"


def _last_alarm(view: View) -> list[parts.Child]:
    recent = view.services.alerts.alerts(
        since_ns=max(0, view.now_ns - _LOOK_BACK_NS), until_ns=view.now_ns, state="resolved", limit=1
    )
    pending = [alert for alert in view.services.alerts.open_alerts() if alert.state == "pending"]
    waiting: list[parts.Child] = (
        [" ", html.A(f"{words.plural(len(pending), 'rule')} about to fire.", href="/alerts")] if pending else []
    )
    if not recent.items:
        return ["No alarm so far.", *waiting]
    ended_ns = recent.items[0].resolved_ns or recent.items[0].since_ns
    return ["No alarm since ", html.A(words.day_and_clock(ended_ns), href="/alerts"), ".", *waiting]
