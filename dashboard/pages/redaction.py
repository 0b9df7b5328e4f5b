"""What redaction searches in each project, for what, and what it does not: from the values that it works with."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from dash import html

from collector.call import DEFAULT_PROJECT
from collector.errors import BadRequest
from collector.redaction import Coverage, Mode, Policy
from dashboard import parts, words
from dashboard.pages.base import Content, Page, View
from dashboard.pages.system_words import kind as kind_words
from dashboard.table import Cell, Column, Row, Table

MODES: Mapping[str, str] = {
    Mode.OFF: "off: everything is stored as it was sent",
    Mode.MASK: "mask: what is found becomes a word such as [EMAIL]",
    Mode.HASH: "hash: what is found becomes a token, the same for the same value",
    Mode.DROP_CONTENT: "drop content: texts of people and models are not stored, all else is masked",
}
TABLES: Mapping[str, str] = {
    "spans": "Spans", "parts": "Calls", "opinions": "Feedback in telemetry", "logs": "Log records",
    "points": "Data points", "scores": "Scores of people",
}  # fmt: skip
_NOT_SCANNED = ""


def answer(view: View) -> Content:
    redactions = view.services.redactions
    policies = {name: redactions.policy(name) for name in redactions.projects()}
    project = _chosen(view, list(policies))
    coverage = redactions.coverage(project)
    totals = {tally.labels["kind"]: tally.total for tally in view.services.health.figures().redactions}
    body = [
        _headline(policies),
        parts.card(
            "Projects", parts.table("projects", _projects(view, policies, project)), note="choose one to see it"
        ),
        _kinds(project, coverage, totals),
        _columns(project, coverage),
        _not_searched(coverage),
    ]
    return Content(title="Redaction coverage", body=body)


def _chosen(view: View, known: Sequence[str]) -> str:
    if view.filters.project is None:
        return DEFAULT_PROJECT if DEFAULT_PROJECT in known else known[0]
    if view.filters.project not in known:
        raise BadRequest(f"project: {view.filters.project[:80]!r} is not known here; the list is at /system/redaction")
    return view.filters.project


def _headline(policies: Mapping[str, Policy]) -> html.Div:
    back = html.A("System", href="/system")
    off = [name for name, policy in policies.items() if policy.mode is Mode.OFF]
    if off:
        names = ", ".join(off[:3]) + (" and others" if len(off) > 3 else "")
        sentence = [back, f" / Redaction is off in {names}: what is sent there is stored as it is."]
        return parts.answer("warn", sentence, word="Off")
    sentence = [back, f" / Redaction is on in {_all(len(policies))}."]
    return parts.answer("good", sentence, word="On", aside="before the first byte is stored")


def _all(n: int) -> str:
    return "the only project" if n == 1 else f"all {n} projects"


def _projects(view: View, policies: Mapping[str, Policy], chosen: str) -> Table:
    columns = (
        Column(title="Project", width="18%", sortable=True),
        Column(title="What is done"),
        Column(title="Kinds", numeric=True, width="72px"),
        Column(title="Own patterns", width="24%"),
    )
    rows = [
        Row(
            href=view.here(project=name),
            selected=name == chosen,
            cells=[
                Cell(text=name, sort=name),
                Cell(text=MODES[policy.mode], tone="warn" if policy.mode is Mode.OFF else None),
                Cell(text="0" if policy.mode is Mode.OFF else f"{len(policy.kinds):,}"),
                Cell(text=", ".join(pattern.name for pattern in policy.patterns) or words.NONE),
            ],
        )
        for name, policy in policies.items()
    ]
    return Table(label="Projects and their policies", columns=columns, rows=rows)


def _kinds(project: str, coverage: Coverage, totals: Mapping[str, int]) -> html.Section:
    title = f"What is searched for in {project}"
    if not coverage.kinds:
        told = "Nothing: redaction is off, or no kind is chosen. Set collector.redaction in the configuration."
        return parts.card(title, html.P(told, className="nothing-here"))
    columns = (
        Column(title="Kind", width="18%", sortable=True),
        Column(title="Becomes", width="18%"),
        Column(title="How it is found"),
        Column(title="Masked since the start", numeric=True, width="172px", sortable=True, hint="In all projects"),
    )
    rows = [
        Row(cells=[
            Cell(text=kind_words(kind.kind), sort=kind.kind),
            Cell(text=f"[{kind.label}{':token' if coverage.mode == Mode.HASH else ''}]"),
            Cell(text=kind.how_found + ("; beside a word that says so" if kind.needs_word else ""),
                 hint=kind.needs_word),
            Cell(text=f"{totals.get(kind.kind, 0):,}", sort=totals.get(kind.kind, 0)),
        ])
        for kind in coverage.kinds
    ]  # fmt: skip
    table = Table(label=title, columns=columns, rows=rows)
    note = "counts are those of all projects"
    return parts.card(title, parts.table("kinds", table), note=note, class_name="told")


def _columns(project: str, coverage: Coverage) -> html.Section:
    found: dict[str, dict[str, list[str]]] = {table: defaultdict(list) for table in TABLES}
    for column in coverage.columns:
        action = column.action if column.form else _NOT_SCANNED
        found.setdefault(column.table, defaultdict(list))[action].append(column.column)
    columns = (
        Column(title="What is stored", width="16%"),
        Column(title="Scanned, and what becomes of a find", width="38%"),
        Column(title="Not scanned"),
    )
    rows = [
        Row(cells=[
            Cell(text=TABLES.get(table, table)),
            Cell(text="; ".join(f"{action}: {', '.join(names)}" for action, names in actions.items()
                                if action != _NOT_SCANNED)),
            Cell(text=", ".join(actions[_NOT_SCANNED]), tone="quiet"),
        ])
        for table, actions in found.items()
    ]  # fmt: skip
    title = f"What is scanned in {project}"
    note = "of JSON every key and value; what is not scanned holds ids, times, numbers and names of services and models"
    table = Table(label=title, columns=columns, rows=rows)
    return parts.card(title, parts.table("columns", table), note=note, class_name="told")


def _not_searched(coverage: Coverage) -> html.Section:
    items = [html.Li(what[:1].upper() + what[1:] + ".") for what in coverage.not_searched]
    reach = f"A word such as “phone” counts when it stands within {coverage.word_reach_chars} characters of the number."
    body = [html.Ul(items, className="plain-list"), html.P(reach, className="below-table")]
    return parts.card("What is not searched for", body, note="in any project")


REDACTION = Page(
    name="system-detail",
    path="/system/redaction",
    title="Redaction coverage",
    group=None,
    answer=answer,
    skeleton=[parts.bone(50), parts.bone(120), parts.bone(320), parts.bone(320)],
    in_range=False,
    live=False,
)
