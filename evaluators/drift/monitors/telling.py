"""Of many monitors' alarms, which people are told of: those that many tests do not explain, each change once, and no
more in a day than anybody reads."""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from evaluators.drift.many import Candidate, by, digest, e_bh
from evaluators.drift.monitors.definition import Monitor
from evaluators.drift.monitors.record import Alarm, Memory, Record
from evaluators.drift.monitors.reference import NS_PER_DAY, day_of
from evaluators.drift.monitors.state import Evidence
from evaluators.drift.monitors.table import Watched

FDR_OF_WINDOWS, FDR_OF_STREAMS = 0.04, 0.01
"""Of the alarms that are told, so many are false on average: 5 % of both together."""
SUM_OF_SHARES = 9.0
"""1 + 1/2 + ... + 1/4,500: enough for a window each ten minutes."""
N_TOLD = 100


def e_value_of(stream: float | None, quality: float | None) -> float:
    """The evidence of the streams together: the average of e-values is one."""
    return sum(1.0 if e is None else e for e in (stream, quality)) / 2


def tell(monitor: Monitor, record: Record, others: Sequence[Watched], *, most_per_day: int) -> None:
    """Decide whether people are told of the change that the newest window of `record` shows, and note it there.

    Args:
        others: the other monitors of the project.
        most_per_day: alarms of the project that people are told of in a UTC day.
    """
    memory = record.memory
    alarm, verdict = memory.alarm, record.undelivered[-1]
    if alarm is None or alarm.verdict_id != verdict.verdict_id:
        return
    if not (alarm.is_told or alarm.told_with):
        alarm = alarm._replace(told_with=_told_with(monitor, alarm, others) or "")
    held_back: str | None = alarm.told_with or None
    if not (alarm.is_told or held_back):
        held_back = _over_budget(monitor, memory) or _by_chance(memory.evidence[-1], others)
        held_back = held_back or _too_many(record, others, most_per_day)
        if held_back is None:
            alarm = alarm._replace(is_told=True)
            times = (*memory.told_ns, memory.evidence[-1].time_ns)[-N_TOLD:]
            memory = replace(memory, told_ns=times, n_alarms=memory.n_alarms + 1)
    record.memory = replace(memory, alarm=alarm)
    record.undelivered[-1] = replace(verdict, held_back=held_back)


def told_level(monitor: Monitor, memory: Memory) -> float:
    """The level at which people are told of the newest window: the t-th of a month has 1 / t of what is allowed for the
    month, so that the sum over all of them stays within it however many there turn out to be.

    By linearity of the expectation, `monitor.false_alarms_per_month` is the most false alarms that windows raise.
    """
    newest_ns = memory.evidence[-1].time_ns
    listed = sum(newest_ns - evidence.time_ns < 30 * NS_PER_DAY for evidence in memory.evidence)
    # The list is thinned; its first entry stays.
    months = max(1.0, (newest_ns - memory.evidence[0].time_ns) / (30 * NS_PER_DAY))
    n_windows = max(listed, math.ceil((memory.n_windows - 1) / months))
    return min(monitor.alpha, monitor.false_alarms_per_month / (n_windows * SUM_OF_SHARES))


def _over_budget(monitor: Monitor, memory: Memory) -> str | None:
    """Whether so much evidence comes up by chance more often than the monitor may raise false alarms. A stream that
    alarms has kept the promise by itself."""
    evidence, level = memory.evidence[-1], told_level(monitor, memory)
    if max(evidence.stream or 0.0, evidence.quality or 0.0) >= 1:
        return None
    if evidence.p_value is not None and evidence.p_value <= level:
        return None
    allowed = f"{monitor.false_alarms_per_month:g} false alarms a month"
    return f"p is above {level:.2g}, at which people are told, for at most {allowed}; the next window may tell"


def _by_chance(own: Evidence, others: Sequence[Watched]) -> str | None:
    """Benjamini-Yekutieli over the newest windows, and e-BH over the streams, of all monitors of the project that were
    tested within a day: both hold however these depend on one another."""
    newest = [other.record.memory.evidence[-1] for other in others if other.record.memory.evidence]
    at_once = [own, *(evidence for evidence in newest if abs(own.time_ns - evidence.time_ns) <= NS_PER_DAY)]
    windows = by([1.0 if evidence.p_value is None else evidence.p_value for evidence in at_once], fdr=FDR_OF_WINDOWS)
    if 0 in windows or 0 in e_bh([evidence.e_value for evidence in at_once], fdr=FDR_OF_STREAMS):
        return None
    n = len(at_once)
    if n == 1:
        return None
    return (
        f"among {n} monitors that were tested within a day, one may look like this by chance; the next window may tell"
    )


def _too_many(record: Record, others: Sequence[Watched], most_per_day: int) -> str | None:
    today = day_of(record.memory.evidence[-1].time_ns)
    memories = [record.memory, *(other.record.memory for other in others)]
    n_today = sum(day_of(at_ns) == today for memory in memories for at_ns in memory.told_ns)
    if n_today < most_per_day:
        return None
    return f"{n_today} alarms of this project were told of today, the most that are (drift.max_alarms_per_day)"


def _told_with(monitor: Monitor, alarm: Alarm, others: Sequence[Watched]) -> str | None:
    """That the change was told of already: by a monitor of the same alias, with an onset near this one."""
    known = {}
    routes = defaultdict(set)
    routes[monitor.request_model or ""].add(monitor.service)
    for other in others:
        at = other.record.memory.alarm
        routes[other.monitor.request_model or ""].add(other.monitor.service)
        if at is not None and at.is_told:
            known[other.monitor.monitor_id] = _candidate(other.monitor, at)
    own = _candidate(monitor, alarm)
    n_routes = {alias: len(services) for alias, services in routes.items()}
    groups = digest([own, *known.values()], routes=n_routes, most=len(known) + 1).shown
    together = next(group for group in groups if own in group.candidates)
    first = next((candidate for candidate in together.candidates if candidate is not own), None)
    if first is None:
        return None
    name = next(other.monitor.name for other in others if other.monitor.monitor_id == first.monitor_id)
    whose = "it is seen in several services, so presumably the provider's" if together.cause == "provider" else ""
    return f"told of with the alarm of {name}: the same model, at the same time{'; ' if whose else ''}{whose}"


def _candidate(monitor: Monitor, alarm: Alarm) -> Candidate:
    return Candidate(
        monitor_id=monitor.monitor_id,
        alias=monitor.request_model or "",
        route=monitor.service or "",
        onset_ns=alarm.onset_ns,
        evidence=0.0,
    )
