"""What a window is compared with: which units, chosen by their times alone."""

import math
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence

from collector.times import NS_PER_S
from evaluators.drift.monitors.definition import MAX_REFERENCE
from evaluators.drift.monitors.unit import Unit, span_of
from evaluators.judge.sample import draw

NS_PER_HOUR = 3_600 * NS_PER_S
NS_PER_DAY = 24 * NS_PER_HOUR

N_DAYS = 14
LEFT_OUT_DAYS = 2
"""The newest days stay out, so that a change does not slip into what it is compared with."""
FROZEN_DAYS = 28
UNITS_A_DAY = 250
"""So many random units of a day are remembered: more than the 12 days need for MAX_REFERENCE."""
FIT_SHARE = 0.3
MIN_MATCHED = 2
"""A matched reference has at least so many units for each of the window; with less, time is left out of account."""


def day_of(time_ns: int) -> int:
    """The number of its UTC day."""
    return time_ns // NS_PER_DAY


def kept_by_day(units: Iterable[Unit]) -> list[Unit]:
    """A random choice of each day's units that does not depend on the order in which they came."""
    by_day: dict[int, set[Unit]] = defaultdict(set)
    for unit in units:
        by_day[day_of(unit.start_ns)].add(unit)
    return [
        unit
        for _, of_day in sorted(by_day.items())
        for unit in sorted(of_day, key=lambda unit: (_place(unit), unit.call_id))[:UNITS_A_DAY]
    ]


def rolling(history: Sequence[Unit], now_ns: int, *, since_ns: int) -> list[Unit] | None:
    """The reference of the last days, oldest first; None: the history is not so long yet.

    Args:
        history: units of some weeks, each day's a random choice.
        since_ns: what came before is another time: a change that was accepted, or a release.
    """
    today = day_of(now_ns)
    first, end = today - N_DAYS, today - LEFT_OUT_DAYS
    if not history or max(since_ns, min(unit.start_ns for unit in history)) >= (first + 1) * NS_PER_DAY:
        return None
    chosen = [unit for unit in history if first <= day_of(unit.start_ns) < end and unit.start_ns >= since_ns]
    chosen = sorted(chosen, key=lambda unit: (_place(unit), unit.call_id))[:MAX_REFERENCE]
    return sorted(chosen, key=lambda unit: unit.start_ns)


def is_worn(frozen_ns: int, now_ns: int) -> bool:
    """Whether a reference has been in use for so long that it is to be refreshed."""
    return now_ns - frozen_ns >= FROZEN_DAYS * NS_PER_DAY


def matched(reference: Sequence[Unit], window: Sequence[Unit]) -> list[Unit]:
    """As many of `reference` as can be had with the window's share of each hour of the week; where that leaves too
    few, of each hour of the day; else all of them. Times alone decide: nothing that is compared is looked at."""
    first_ns, last_ns = span_of(reference)
    for bin_of, n_days in ((_hour_of_week, 7), (_hour_of_day, 2)):
        if last_ns - first_ns < n_days * NS_PER_DAY:
            continue
        found = _in_proportion(reference, window, bin_of)
        if len(found) >= MIN_MATCHED * len(window):
            return found
    return list(reference)


def _in_proportion(reference: Sequence[Unit], window: Sequence[Unit], bin_of: Callable[[int], Hashable]) -> list[Unit]:
    there: dict[Hashable, list[Unit]] = defaultdict(list)
    for unit in sorted(reference, key=lambda unit: (_place(unit), unit.call_id)):
        there[bin_of(unit.start_ns)].append(unit)
    wanted: dict[Hashable, int] = defaultdict(int)
    for unit in window:
        wanted[bin_of(unit.start_ns)] += 1
    factor = min(len(there[place]) / n for place, n in wanted.items())
    found = [unit for place, n in wanted.items() for unit in there[place][: math.floor(factor * n)]]
    return sorted(found, key=lambda unit: unit.start_ns)


def split(reference: Sequence[Unit]) -> tuple[list[Unit], list[Unit]]:
    """30 % on which scores are fitted and 70 % with which they are calibrated: never the same units."""
    fit = [unit for unit in reference if draw(b"", "fit", unit.call_id) < FIT_SHARE]
    calibrate = [unit for unit in reference if draw(b"", "fit", unit.call_id) >= FIT_SHARE]
    return fit, calibrate


def _place(unit: Unit) -> float:
    # Another draw than the one that chose the unit within its session: that one is lower in long sessions.
    return draw(b"", "history", unit.call_id)


def _hour_of_day(time_ns: int) -> int:
    return time_ns // NS_PER_HOUR % 24


def _hour_of_week(time_ns: int) -> int:
    return time_ns // NS_PER_HOUR % 168
