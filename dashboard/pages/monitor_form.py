"""Make a monitor or change one, with a replay of history before it is saved."""

from collections.abc import Mapping, Sequence
from typing import Any

from dash import html
from dash.development.base_component import Component

from collector.errors import BadRequest, Forbidden
from collector.query import Dimension
from collector.query import Filters as CallFilters
from collector.times import NS_PER_S, format_rfc3339
from dashboard import parts, words
from dashboard.filters import href
from dashboard.pages.base import Content, Outcome, Page, View
from dashboard.pages.drift import find_verdict
from dashboard.pages.monitor_draft import Draft, DraftError, address_of, draft_from, draft_of, monitor_of
from dashboard.pages.monitor_fields import sections
from dashboard.pages.monitor_list import monitor_href
from dashboard.services import Services
from evaluators.drift.monitors.definition import Monitor, Pinned, new_monitor_id
from evaluators.drift.monitors.state import MonitorState

_DAY_NS = 86_400 * NS_PER_S
_REPLAYED_DAYS = 14
_KNOWN_DAYS = 30
_NEW = "new"


def answer(view: View) -> Content:
    state = _edited(view)
    monitor = None if state is None else state.monitor
    draft, errors = _draft(view, monitor)
    since_ns, until_ns = _range(view)
    title = "New monitor" if monitor is None else f"Change {monitor.name}"
    explained = (
        "Choose the calls that it watches and what they are compared with. A replay shows what it would have said of "
        "calls that are over; nothing is saved until you save it."
    )
    head = html.Section(
        html.Div([html.H1(title), html.P(explained)], className="sentence"), className="card verdict form-head"
    )
    body: list[Component] = [head, _form(view, draft, errors, monitor, since_ns, until_ns)]
    if view.filters.draft or view.filters.verdict:
        body += [] if errors else _replay(view.place or _NEW, draft, since_ns, until_ns)
    return Content(title=title, body=body)


def _edited(view: View) -> MonitorState | None:
    if not view.place:
        return None
    state = view.services.monitors.state(view.place)
    if state is None:
        raise BadRequest("there is no such monitor; the list of all is at /drift")
    return state


def _draft(view: View, monitor: Monitor | None) -> tuple[Draft, Mapping[str, str]]:
    """The fields, and what is wrong with them if somebody filled them in."""
    if view.filters.draft:
        draft = draft_from(view.filters.draft)
        try:
            monitor_of(draft, monitor_id="replay")
        except DraftError as error:
            return draft, error.by_field
        return draft, {}
    if monitor is not None:
        return draft_of(monitor), {}
    if view.filters.verdict:
        return draft_of(_across(view, view.filters.verdict)), {}
    return draft_of(_fresh(view)) | {"name": ""}, {}


def _fresh(view: View) -> Monitor:
    """A new one, with the settings of those that make themselves."""
    services, filters = view.services, view.filters
    automatic = next((s.monitor for s in services.monitors.states() if s.monitor.automatic), None)
    project = services.project or filters.project or _projects(view)[0]
    settings = {"n_window", "n_reference", "alpha", "false_alarms_per_month", "tolerance", "score"}
    return Monitor(
        monitor_id=_NEW,
        name=_NEW,
        project=project,
        service=filters.service,
        request_model=filters.request_model,
        environment=filters.environment,
        **({} if automatic is None else automatic.model_dump(include=settings)),
    )


def _across(view: View, verdict_id: str) -> Monitor:
    """The monitor of a verdict about a release, with what was there before pinned as its reference."""
    verdict = find_verdict(view.services.store, verdict_id)
    state = None if verdict is None else view.services.monitors.state(verdict.monitor)
    if verdict is None or state is None:
        raise BadRequest("there is no such verdict, or its monitor was deleted; begin anew at /drift/new")
    until_ns = (verdict.reference_end_ns // (60 * NS_PER_S) + 1) * 60 * NS_PER_S
    since, until = format_rfc3339(verdict.reference_start_ns), format_rfc3339(until_ns)
    pinned = Pinned.model_validate({"since": since, "until": until})
    release = words.day_and_clock(verdict.current_start_ns)
    name = f"{state.monitor.name[:80]}, across {release}"
    return state.monitor.model_copy(update={"name": name, "reference": pinned, "automatic": False})


def _range(view: View) -> tuple[int, int]:
    """What is replayed: the address says, else the last days."""
    minute_ns = 60 * NS_PER_S
    until_ns = view.filters.until_ns or (view.now_ns // minute_ns + 1) * minute_ns
    since_ns = until_ns - _REPLAYED_DAYS * _DAY_NS if view.filters.since_ns is None else view.filters.since_ns
    return since_ns, until_ns


def _form(
    view: View, draft: Draft, errors: Mapping[str, str], monitor: Monitor | None, since_ns: int, until_ns: int
) -> html.Section:
    may_save = view.services.may_administer
    cancel = "/drift" if monitor is None else monitor_href(monitor.monitor_id)
    spec = {
        "sections": sections(
            draft,
            errors,
            known={name: _known(view, name) for name in ("service", "request_model", "environment")},
            projects=_projects(view),
            is_fixed=monitor is not None and monitor.automatic,
            is_new=monitor is None,
        ),
        "range": {"since": format_rfc3339(since_ns)[:16], "until": format_rfc3339(until_ns)[:16]},
        "error": errors.get(""),
        "save": {"name": "save-monitor", "monitor_id": view.place} if may_save else None,
        "saveText": "Create this monitor" if monitor is None else "Save the changes",
        "replayed": bool(view.filters.draft) and not errors,
        "cancel": cancel,
    }
    note = "" if may_save else "your key may look, not save: that needs scope admin"
    form = parts.widget("sheet", "monitor-form", spec, class_name="sheet")
    return parts.card("The monitor", form, note=note)


def _known(view: View, dimension: Dimension) -> Sequence[str]:
    since_ns = view.now_ns - _KNOWN_DAYS * _DAY_NS
    return view.services.store.values(dimension, CallFilters(since_ns=since_ns, until_ns=view.now_ns))[:100]


def _projects(view: View) -> Sequence[str]:
    if view.services.project is not None:
        return [view.services.project]
    return list(_known(view, "project")) or ["default"]


def _replay(place: str, draft: Draft, since_ns: int, until_ns: int) -> list[Component]:
    """A place that is filled when the replay is done."""
    asked = href(f"/drift/replay/{place}", draft=address_of(draft), since_ns=since_ns, until_ns=until_ns)
    waiting = html.P(
        f"Replaying the calls of {words.between(since_ns, until_ns)}, as they would have been decided then …",
        className="plot tall empty",
    )
    return [
        parts.widget("part", "replay", {"url": f"/_ui/answer{asked}", "into": "replayed"}, class_name="none"),
        html.Div(parts.card("What would have alarmed", waiting), id="replayed", className="replayed"),
    ]


def save(services: Services, author: str, order: Mapping[str, Any]) -> Outcome:
    """Create the monitor of a form, or change the one that was edited."""
    require_admin(services)
    draft = draft_from(str(order.get("draft", "")))
    monitor_id = str(order.get("monitor_id") or "")
    state = services.monitors.state(monitor_id) if monitor_id else None
    if monitor_id and state is None:
        raise BadRequest("there is no such monitor any more; the list of all is at /drift")
    try:
        if state is None:
            made = services.monitors.create(monitor_of(draft, monitor_id=new_monitor_id()), author)
            return Outcome(text=f"{made.monitor.name} is created.", href=monitor_href(made.monitor_id))
        edited = monitor_of(draft, monitor_id=monitor_id, paused=state.monitor.paused)
        services.monitors.edit(edited, author)
    except DraftError as error:
        path = f"/drift/edit/{monitor_id}" if monitor_id else "/drift/new"
        return Outcome(text=f"Nothing was saved: {error}.", href=href(path, draft=address_of(draft)))
    return Outcome(text=f"{edited.name} is changed.", href=monitor_href(monitor_id))


def require_admin(services: Services) -> None:
    if not services.may_administer:
        raise Forbidden("monitors are made and changed with a key that has scope admin; sign in with one that has")


_SKELETON = [parts.bone(110), parts.bone(640)]

MONITOR_NEW = Page(
    name="drift-detail",
    path="/drift/new",
    title="New monitor",
    group=None,
    answer=answer,
    skeleton=_SKELETON,
    in_range=False,
    live=False,
    charts=True,
    commands={"save-monitor": save},
)
MONITOR_EDIT = Page(
    name="drift-detail",
    path="/drift/edit/",
    title="Change a monitor",
    group=None,
    answer=answer,
    skeleton=_SKELETON,
    in_range=False,
    live=False,
    charts=True,
)
