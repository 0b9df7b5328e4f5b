"""What is wrong with the way in now, worst first: a pure function of the figures."""

from collections.abc import Iterator
from dataclasses import dataclass

from collector.readings import Tally
from collector.system import SystemFigures
from dashboard import words
from dashboard.pages import system_words
from dashboard.parts import Tone

QUEUE_WARN, QUEUE_CRIT = 0.5, 0.9
COMMIT_WARN_S = 1.0
MIN_COMMITS = 5
FREE_WARN_BYTES, FREE_CRIT_BYTES = 2 * 10**9, 500 * 10**6
LAG_WARN_S = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    tone: Tone
    what: str
    do: str


def findings(figures: SystemFigures) -> list[Finding]:
    found = [*_problems(figures), *_refusals(figures), *_pressure(figures), *_spool(figures), *_lags(figures)]
    return sorted(found, key=lambda finding: finding.tone != "crit")


def _problems(figures: SystemFigures) -> Iterator[Finding]:
    for name, problem in figures.problems.items():
        if problem is not None:
            yield Finding(tone="crit", what=_sentence(f"{name}: {problem}"), do=system_words.PROBLEMS.get(name, ""))


def _refusals(figures: SystemFigures) -> Iterator[Finding]:
    for tally in figures.refused:
        if tally.recent:
            reason = tally.labels["reason"]
            told = system_words.refused(reason)
            what = f"{words.plural(tally.recent, 'request')} over {_transport(tally)} refused ({reason}): {told.what}"
            yield Finding(tone="crit" if reason in system_words.URGENT else "warn", what=f"{what}.", do=told.do)
    for tally in figures.rejected:
        if tally.recent:
            told = system_words.rejected(tally.labels["reason"])
            records = system_words.SIGNALS[tally.labels["signal"]].lower()
            yield Finding(tone="warn", what=f"{tally.recent:,} {records} not kept: {told.what}.", do=told.do)


def _pressure(figures: SystemFigures) -> Iterator[Finding]:
    share = figures.queue_bytes / figures.max_queue_bytes
    if share >= QUEUE_WARN:
        do = "The disk is slower than what comes in. Beyond the bound requests are refused with 503 and come again."
        what = f"{words.percent(share)} of the queue is full."
        yield Finding(tone="crit" if share >= QUEUE_CRIT else "warn", what=what, do=do)
    slow = figures.commit_p99_s
    if slow is not None and slow >= COMMIT_WARN_S and figures.commits.recent >= MIN_COMMITS:
        do = "Senders wait this long for their answer. Look for other load on the disk of server.data_dir."
        yield Finding(tone="warn", what=f"One commit in a hundred takes {words.seconds(slow)} or more.", do=do)
    disk = figures.footprint
    if disk is not None and disk.free_bytes < FREE_WARN_BYTES:
        tone: Tone = "crit" if disk.free_bytes < FREE_CRIT_BYTES else "warn"
        do = "When it is full, telemetry is refused with 503 until there is room. Free some, or keep fewer days."
        yield Finding(tone=tone, what=f"{words.size(disk.free_bytes)} are left on the disk.", do=do)


def _spool(figures: SystemFigures) -> Iterator[Finding]:
    spool = figures.spool
    if spool is None:
        return
    share = spool.held.n_bytes / spool.max_bytes
    if spool.store_problem is not None:
        age = words.seconds(spool.oldest_age_s)
        what = f"The store has not taken anything for {age}, {words.plural(spool.held.n_spans, 'span')} wait for it"
        do = "They are on this disk and go to the store when it is back, in order. "
        do += f"{words.percent(share)} of collector.spool.max_bytes is full; beyond it senders get 503."
        yield Finding(tone="crit" if share >= QUEUE_CRIT else "warn", what=f"{what}: {spool.store_problem}.", do=do)
    elif share >= QUEUE_WARN:
        do = "The store is slower than what comes in. Beyond collector.spool.max_bytes senders get 503 and come again."
        what = f"{words.percent(share)} of the spool is full."
        yield Finding(tone="crit" if share >= QUEUE_CRIT else "warn", what=what, do=do)
    if spool.rejected.n_entries:
        what = f"The store does not take {words.plural(spool.rejected.n_spans, 'span')}; they are set aside."
        do = "The log says why. They are tried again at the next start, such as that of a version that mends it."
        yield Finding(tone="warn", what=what, do=do)


def _lags(figures: SystemFigures) -> Iterator[Finding]:
    for lag in figures.lags or ():
        if lag.wait_s >= LAG_WARN_S:
            what = f"The {lag.evaluator} evaluator is {words.seconds(lag.wait_s)} behind, with {lag.n_calls:,} calls."
            do = "Scores, drift and alarms on them come late. Calls wait in the store; give it more CPU, or sample."
            yield Finding(tone="warn", what=what, do=do)


def _transport(tally: Tally) -> str:
    name = tally.labels.get("transport", "")
    return system_words.TRANSPORTS.get(name, name)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:].rstrip(".") + "."
