"""Units among the calls that are stored: for references that were pinned, and for replays."""

from collections.abc import Iterator

from collector.call import Call
from collector.query import Filters
from collector.store.base import TelemetryReader
from evaluators.drift.monitors.comparable import is_comparable
from evaluators.drift.monitors.definition import MAX_REFERENCE, Monitor, Pinned
from evaluators.drift.monitors.record import Memory
from evaluators.drift.monitors.reference import LEFT_OUT_DAYS, N_DAYS, NS_PER_DAY, day_of
from evaluators.drift.monitors.release import release_key, release_of
from evaluators.drift.monitors.segment import Segment, digest
from evaluators.drift.monitors.unit import Unit
from evaluators.judge.sample import draw

MAX_CALLS = 100_000
_PAGE = 1_000
_EVER_NS = 2**62


def reference_of(store: TelemetryReader, monitor: Monitor, *, now_ns: int) -> Memory:
    """What a new monitor begins with: its pinned reference, or the last days if they hold enough, else nothing."""
    if isinstance(monitor.reference, Pinned):
        calls = (call for call in _pinned(store, monitor, monitor.reference))
        return _memory(monitor, calls, is_rolling=False, frozen_ns=now_ns)
    today = day_of(now_ns)
    since_ns, until_ns = (today - N_DAYS) * NS_PER_DAY, (today - LEFT_OUT_DAYS) * NS_PER_DAY
    found = _memory(monitor, calls_in(store, monitor.segment, since_ns, until_ns), is_rolling=True, frozen_ns=now_ns)
    return found if len(found.reference) >= monitor.n_reference else Memory()


def calls_in(store: TelemetryReader, segment: Segment, since_ns: int, until_ns: int) -> Iterator[Call]:
    """Comparable calls of the segment, newest first, at most MAX_CALLS looked at."""
    filters = Filters(
        since_ns=since_ns,
        until_ns=until_ns,
        project=segment.project,
        service=segment.service or None,
        request_model=segment.request_model or None,
        environment=segment.environment or None,
    )
    for call in _all(store, filters):
        if segment.holds(call) and is_comparable(call):
            yield call


def _all(store: TelemetryReader, filters: Filters) -> Iterator[Call]:
    cursor: str | None = None
    n_seen = 0
    while n_seen < MAX_CALLS:
        page = store.calls(filters, limit=_PAGE, cursor=cursor)
        yield from page.items
        n_seen += len(page.items)
        cursor = page.next_cursor
        if cursor is None:
            return


def _pinned(store: TelemetryReader, monitor: Monitor, pinned: Pinned) -> Iterator[Call]:
    # A golden set was imported under names of its own.
    segment = Segment(monitor.project) if pinned.is_golden_set else monitor.segment
    since_ns, until_ns = pinned.since or 0, pinned.until or _EVER_NS
    for call in calls_in(store, segment, since_ns, until_ns):
        made = release_of(call)
        metadata = call.metadata or {}
        if (
            (pinned.version is None or pinned.version in (made.get("version"), made.get("prompt version")))
            and (pinned.tag is None or pinned.tag in (call.tags or ()))
            and all(str(metadata.get(key)) == value for key, value in pinned.metadata.items())
        ):
            yield call


def _memory(monitor: Monitor, calls: Iterator[Call], *, is_rolling: bool, frozen_ns: int) -> Memory:
    """One random call of each session, at most MAX_REFERENCE of them."""
    chosen: dict[str, Unit] = {}
    releases: dict[str, dict[str, str]] = {}
    for call in calls:
        session = call.call_id if call.session_id is None else digest(call.session_id)
        made = release_of(call)
        key = release_key(made)
        of_call = draw(b"", f"{monitor.monitor_id}/stored", call.call_id)
        part = monitor.segment.part_of(call)
        unit = Unit(of_call, call.call_id, call.seq or 0, call.start_ns, key, part, bool(call.contexts))
        chosen[session] = min(unit, chosen.get(session, unit))
        releases[key] = made
    units = sorted(chosen.values(), key=lambda unit: draw(b"", "history", unit.call_id))[:MAX_REFERENCE]
    units.sort(key=lambda unit: (unit.start_ns, unit.call_id))
    used = {unit.release for unit in units}
    return Memory(
        reference=tuple(units),
        is_rolling=is_rolling,
        frozen_ns=frozen_ns,
        releases={key: made for key, made in releases.items() if key in used},
    )
