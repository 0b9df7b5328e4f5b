"""Which days are written anew only because they take less room that way, and are read faster."""

from collections.abc import Sequence

from collector.errors import StoreUnavailable
from collector.retention import Kept
from collector.store.duckdb.days import NS_PER_DAY, Day, Days
from collector.store.duckdb.rewriting import Change, Rewriting, log, size_of
from collector.times import NS_PER_S

SETTLED_S = 3600.0
"""After its end a day still gets what was on its way."""
QUIET_S = 600.0
MAX_BESIDE_SHARE = 0.05
"""Of the bytes of a day, in other files than its largest: a few late rows are not worth writing all of it anew."""
MAX_FREE_SHARE = 0.25
MIN_FREE_BYTES = 16 << 20


def compact(days: Days, rewriting: Rewriting, *, now_ns: int, now_s: float) -> Kept:
    """Rewrite the days that are worth it. A day that fails is left as it is, and counted.

    Args:
        now_s: of the clock that tells when a day was last written.
    """
    done = Kept()
    for number in sorted({day.number for day in days.all()}):
        lanes = days.lanes(number)
        if not is_over(number, now_ns) or any(_is_written(day, now_s) for day in lanes):
            continue
        try:
            if not (_has_much_beside(lanes) or _has_much_room(days, lanes)):
                continue
            rewritten = rewriting.rewrite(number, lambda cursor, lanes: Change())
        except StoreUnavailable as error:
            log.warning("a day could not be compacted, and is left as it is: %s", error)
            done += Kept(n_failed=1)
            continue
        if rewritten is not None:
            done += Kept(n_days_compacted=1, bytes_freed=rewritten.n_bytes_before - rewritten.n_bytes_after)
    return done


def is_over(number: int, now_ns: int) -> bool:
    """Whether the day of that number has ended so long ago that little more of it will come."""
    return (number + 1) * NS_PER_DAY + int(SETTLED_S * NS_PER_S) <= now_ns


def _is_written(day: Day, now_s: float) -> bool:
    return day.written_s is not None and now_s - day.written_s < QUIET_S


def _has_much_beside(lanes: Sequence[Day]) -> bool:
    sizes = [size_of(day) for day in lanes]
    return sum(sizes) - max(sizes) > MAX_BESIDE_SHARE * sum(sizes)


def _has_much_room(days: Days, lanes: Sequence[Day]) -> bool:
    """Whether much of the files is blocks that nothing stands in any more."""
    n_free = n_all = 0
    with days.cursor(lanes) as cursor:
        names = {day.name for day in lanes}
        for name, _, block_size, n_blocks, _, n_free_blocks, *_ in cursor.execute("PRAGMA database_size").fetchall():
            if name in names:
                n_free += block_size * n_free_blocks
                n_all += block_size * n_blocks
    return n_free >= MIN_FREE_BYTES and n_free > MAX_FREE_SHARE * n_all
