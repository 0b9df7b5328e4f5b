"""What is alarmed now, what was, and what would be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dash import html

from collector.errors import BadRequest
from dashboard import parts, words
from dashboard.pages import alert_lists, your_name
from dashboard.pages.alert_card import alarm
from dashboard.pages.alert_lists import last_ended_ns, matches
from dashboard.pages.alert_words import TONES
from dashboard.pages.base import Badge, Content, Outcome, Page, View
from dashboard.pages.headline import by_urgency
from dashboard.parts import Child
from dashboard.services import Services

if TYPE_CHECKING:
    from evaluators.alerts import Alert, Rule


def answer(view: View) -> Content:
    rules = view.services.alerts.rules()
    opened = by_urgency(view.services.alerts.open_alerts())
    shown = [alert for alert in opened if matches(view, alert)]
    chosen = _chosen(view, shown)
    n_hidden = sum(alert not in shown and alert != chosen for alert in opened)
    rule_of = {rule.rule_id: rule for rule in rules}
    body = [_headline(view, opened)]
    if chosen is not None:
        body.append(parts.card("This alarm", _alarms(view, rule_of, [chosen])))
    if shown or n_hidden:
        body.append(_open(view, rule_of, shown, n_hidden=n_hidden))
    body += [alert_lists.history(view), alert_lists.rules(rules)]
    controls = [your_name.menu(view)] if your_name.is_known(view.author) else []
    return Content(title="Alerts", body=body, controls=controls)


def _chosen(view: View, shown: Sequence[Alert]) -> Alert | None:
    """The alarm that the address names, where it is not among those shown anyway."""
    if view.filters.alert is None or any(alert.alert_id == view.filters.alert for alert in shown):
        return None
    found = view.services.alerts.alert(view.filters.alert)
    if found is None:
        raise BadRequest(f"there is no alarm {view.filters.alert[:40]!r}; the list of all is at /alerts")
    return found


def _headline(view: View, opened: Sequence[Alert]) -> html.Div:
    firing = [alert for alert in opened if alert.state == "firing"]
    n_pending = len(opened) - len(firing)
    if not firing and n_pending:
        return parts.answer("quiet", f"No alarm fires; {words.plural(n_pending, 'is pending', 'are pending')}.")
    if not firing:
        return parts.answer("good", _last_end(view), word="All well")
    n_critical = sum(alert.severity == "critical" for alert in firing)
    alone = [alert for alert in firing if alert.acknowledged_ns is None]
    kinds = f", {n_critical:,} critical" if n_critical and len(firing) > 1 else ""
    if len(firing) == 1:
        cared_for = "not acknowledged" if alone else "acknowledged"
    else:
        cared_for = {0: "all acknowledged", len(firing): "none acknowledged"}.get(
            len(alone), f"{len(alone):,} not acknowledged"
        )
    sentence = f"{words.plural(len(firing), 'alarm fires', 'alarms fire')}{kinds}; {cared_for}."
    if n_pending:
        sentence += f" {n_pending:,} pending."
    since = ["The oldest began ", parts.ago(min(alert.since_ns for alert in firing), view.now_ns)]
    return parts.answer(
        TONES[firing[0].severity], sentence, word=firing[0].severity.capitalize(), aside=html.Div(since)
    )


def _last_end(view: View) -> list[Child]:
    ended_ns = last_ended_ns(view)
    if ended_ns is None:
        return ["No alarm so far."]
    return ["No alarm is open. The last one ended ", parts.ago(ended_ns, view.now_ns), "."]


def _alarms(view: View, rule_of: Mapping[str, Rule], alerts: Sequence[Alert]) -> list[Child]:
    deliveries = view.services.alerts.deliveries([alert.alert_id for alert in alerts])
    return [alarm(view, a, rule_of.get(a.rule_id), deliveries.get(a.alert_id, ())) for a in alerts]


def _open(view: View, rule_of: Mapping[str, Rule], shown: Sequence[Alert], *, n_hidden: int) -> html.Section:
    """A filter never hides an open alarm without saying so."""
    blocks = _alarms(view, rule_of, shown)
    if n_hidden:
        every = html.A("Show all", href=view.here(project=None, environment=None, service=None, request_model=None))
        hidden = f"▲ {words.plural(n_hidden, 'open alarm')} elsewhere, hidden by the filters above. "
        blocks.append(html.P([hidden, every], className="hidden-alarms"))
    return parts.card("Open", blocks, note="most urgent first" if len(shown) > 1 else "")


def _acknowledge(services: Services, author: str, order: Mapping[str, Any]) -> Outcome:
    if not your_name.is_known(author):
        raise BadRequest("an acknowledgement is kept by name, and yours is not known; reload the page and say it")
    alert = services.alerts.acknowledge(str(order.get("alert")), author, services.clock())
    return Outcome(text=f"Acknowledged by {alert.acknowledged_by}.")


def _switch(services: Services, _author: str, order: Mapping[str, Any]) -> Outcome:
    rule = next((rule for rule in services.alerts.rules() if rule.rule_id == order.get("rule")), None)
    if rule is None:
        raise BadRequest("there is no such rule any more; reload the page")
    enabled = order.get("enabled") is True
    services.alerts.save_rule(rule.model_copy(update={"enabled": enabled}), services.clock())
    after = "It is looked at again from now on." if enabled else "Its open alarms end at the next look."
    return Outcome(text=f"{rule.name} is {'on' if enabled else 'off'}. {after}")


def _badge(services: Services) -> Badge:
    firing = [alert for alert in services.alerts.open_alerts() if alert.state == "firing"]
    urgent = any(alert.severity == "critical" for alert in firing)
    return Badge(n=len(firing), urgent=urgent, what="alarms firing")


ALERTS = Page(
    name="alerts",
    path="/alerts",
    title="Alerts",
    group="Respond",
    answer=answer,
    skeleton=[parts.bone(50), parts.bone(360), parts.bone(200), parts.bone(208)],
    shared=False,  # it shows who would acknowledge
    badge=_badge,
    commands={"acknowledge-alert": _acknowledge, "switch-rule": _switch},
)
