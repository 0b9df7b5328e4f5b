"""Streams on simulated months of real answers: false alarms, delays, blame and speed.

    python bench/drift_streams.py [months quality delays pools segments speed]

Reads ../shared/data and prints the tables of docs/drift.md, section "Streams". A month has 10,000 calls a day in
sessions of 10 to 30 calls on one topic; one call of each session is kept, so 15,000 units, drawn from the answers of
one model. Which topics are asked about, and how much, depends on the hour and on the weekend.
"""

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, pairwise
from typing import Any

import numpy as np
from metrics import read_rows
from numpy.typing import NDArray

from evaluators.drift import Rows, drift_test
from evaluators.drift.many import Node, blamed, ranked
from evaluators.drift.streams import Baseline, Betting, Conformal, Scorer, seasons_of
from evaluators.drift.streams.conformal import BETS, MONTH_NS, rank, tie_of
from evaluators.drift.streams.seasons import DAY_NS
from evaluators.drift.windows.clusters import cluster
from evaluators.features import NAMES, feature_rows
from evaluators.topics import topic_rows

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

SESSIONS_A_DAY = 500
N_REFERENCE, N_FIT = 2_000, 600
REFERENCE_DAYS = 12
WATCH_DAY = 14
N_AT_ONCE = 20
"""Streams that are simulated side by side, as one stream of so many times the scores."""
N_BEFORE, N_AFTER = 500, 1_500
BREAKS: dict[str, dict[str, Any]] = {
    "the same; all calls of each session, for 3 days": {"thin": False},
    "8 of 10 questions on one topic from day 10": {"moved_from_day": 10},
    "one topic only from 12 to 14 o'clock, not in the reference": {"batch_h": 2},
}
LLMDRIFT = (
    ("opinionqa", "gpt-4-0314", "gpt-4-0613"),
    ("prime_full", "gpt-4-0314", "gpt-4-0613"),
    ("prime_full", "gpt-3.5-turbo-0301", "gpt-3.5-turbo-0613"),
)


@dataclass(frozen=True)
class Population:
    """All answers of one model, and the topic of each."""

    rows: Rows
    topics: Ints

    def draw(self, starts_ns: Ints, rng: np.random.Generator, *, swing: float) -> Ints:
        """Positions of answers that are given at these times, by topic as much as the hour and the day have it."""
        n_topics = int(self.topics.max()) + 1
        phase = np.arange(n_topics) / n_topics * 2 * np.pi
        hour = (starts_ns % DAY_NS / DAY_NS * 2 * np.pi)[:, None]
        is_weekend = (seasons_of(starts_ns) >= 4)[:, None]
        weights = np.exp(swing * np.cos(hour - phase) + swing / 2 * is_weekend * np.cos(phase + 1))
        chances = (weights / weights.sum(axis=1, keepdims=True)).cumsum(axis=1)
        return self.about((chances < rng.random((len(starts_ns), 1))).sum(axis=1), rng)

    def about(self, topics: Ints, rng: np.random.Generator) -> Ints:
        """The position of a random answer on each of these topics."""
        order = np.argsort(self.topics, kind="stable")
        n_on = np.bincount(self.topics)
        return order[(n_on.cumsum() - n_on)[topics] + (rng.random(topics.shape) * n_on[topics]).astype(np.int64)]


def times(n_days: int, since_day: int, rng: np.random.Generator, *, swing: float, a_day: int = SESSIONS_A_DAY) -> Ints:
    """When calls are made: more by day than by night."""
    hours = np.arange(24 * 60)
    chances = 1 + swing * np.sin(hours / len(hours) * 2 * np.pi)
    minutes = rng.choice(hours, size=(n_days, a_day), p=chances / chances.sum())
    days = np.arange(since_day, since_day + n_days)[:, None]
    return np.sort((days * DAY_NS + (minutes + rng.random(minutes.shape)) * 60 * 10**9).astype(np.int64).ravel())


def main() -> None:
    wanted = sys.argv[1:] or ["months", "pools", "delays", "quality", "segments", "speed"]
    parts: dict[str, Callable[[], None]] = {
        "months": bench_months,
        "pools": bench_pools,
        "delays": bench_delays,
        "quality": bench_quality,
        "segments": bench_segments,
        "speed": bench_speed,
    }
    for name in wanted:
        parts[name]()


def populations() -> dict[str, Population]:
    """With prompts: all tasks of a model in LLMDrift. Without: WildBench, topics being clusters of the answers."""
    rng, found = np.random.default_rng(0), {}
    llmdrift = read_rows("drift-llmdrift")
    for model in ("gpt-4-0314", "gpt-4-0613"):
        rows = [row for row in llmdrift if row["model"] == model]
        tasks = sorted({row["task"] for row in rows})
        found[model] = Population(_with_prompts(rows), np.array([tasks.index(row["task"]) for row in rows]))
    wildbench = read_rows("drift-wildbench")
    for model in sorted({row["model"] for row in wildbench}):
        outputs = [row["output"] for row in wildbench if row["model"] == model]
        topics = cluster(topic_rows(outputs), rng=rng)
        found[model] = Population(Rows(behaviours=feature_rows(outputs)), topics)
    return found


def _with_prompts(rows: Sequence[dict[str, str]]) -> Rows:
    prompts = [row["prompt"] for row in rows]
    return Rows(
        behaviours=feature_rows(row["output"] for row in rows),
        prompts=feature_rows(prompts),
        topics=topic_rows(prompts),
    )


@dataclass(frozen=True)
class Side:
    """Streams side by side: bins of every answer of each stream's population, shape (streams, answers, K), the streams
    as one, and how their evidence is read."""

    bins: NDArray[np.int8]
    stream: Conformal

    def feed(
        self, positions: Ints, starts_ns: Ints, *, label: str, is_fixed: bool = False, pays: float = 0.0
    ) -> tuple[Ints, Ints]:
        """Unit of the first alarm of each stream and that of its onset, -1 for none; what `Conformal.steps` does, of
        each stream by itself.

        Args:
            positions: of answers, shape (streams, units).
            is_fixed: earlier scores are those of the reference alone.
            pays: for the sampling error of a fixed pool.
        """
        n_streams, _, n_scores = self.bins.shape
        first, onsets, stream = np.full(n_streams, -1), np.full(n_streams, -1), self.stream
        counts, evidence, now_ns = stream.counts.copy(), stream.evidence, stream.began_ns
        pools, units = stream.pools[seasons_of(starts_ns)].tolist(), np.arange(n_streams)
        for i, (start_ns, pool) in enumerate(zip(starts_ns.tolist(), pools, strict=True)):
            seen = counts[pool].copy() if is_fixed else counts[pool]
            bins = self.bins[units, positions[:, i]].reshape(-1).astype(np.int64)
            p_values = rank(seen, bins, tie=tie_of(f"{label} {i}"))
            factors = (1 + np.multiply.outer(2 * p_values - 1, BETS)) / (1 + pays * np.abs(BETS))
            evidence = evidence.grow(factors, weight=(start_ns - now_ns) / MONTH_NS, at_ns=start_ns)
            now_ns = start_ns
            by_score = evidence.sums.mean(axis=1).reshape(n_streams, n_scores)
            is_alarm = by_score.max(axis=1) >= n_scores / stream.alarms_per_month
            for s in np.flatnonzero(is_alarm & (first < 0)).tolist():
                onset_ns = evidence.onset_ns(s * n_scores + int(by_score[s].argmax()))
                first[s], onsets[s] = i, np.searchsorted(starts_ns, onset_ns)
            if (first >= 0).all():
                break
        return first, onsets


def begin(before: Population, rng: np.random.Generator, *, swing: float, after: Population | None = None) -> Side:
    """Streams with a reference of their own each; `after`: whose answers are to come."""
    bins, calibrations = [], []
    starts = np.sort(rng.choice(times(REFERENCE_DAYS, 0, rng, swing=swing), N_REFERENCE, replace=False))
    order = rng.permutation(N_REFERENCE)
    fit, calibration = order[:N_FIT], order[N_FIT:]
    names: Sequence[str] = ()
    for _ in range(N_AT_ONCE):
        drawn = before.draw(starts, rng, swing=swing)
        scorer = Scorer.fit(before.rows.take(drawn[fit]), NAMES)
        names = [f"{i}" for i in range(N_AT_ONCE * len(scorer.names))]
        known = scorer.bins(before.rows)
        calibrations.append(known[drawn[calibration]])
        bins.append((known if after is None else scorer.bins(after.rows)).astype(np.int8))
    stream = Conformal.begin(
        names,
        np.hstack(calibrations),
        starts[calibration].tolist(),
        began_ns=WATCH_DAY * DAY_NS,
    )
    return Side(np.array(bins), stream)


def bench_months(n_batches: int = 3) -> None:
    print("\n| months without a change | prompts | topics asked about | months | with a false alarm |")
    print("|---|---|---|---|---|")
    found = populations()
    for model in ("gpt-4-0314", "gpt-3.5-turbo-0125"):
        for swing, text in ((0.0, "the same at all times"), (0.7, "by hour and weekend")):
            alarms = [month(found[model], seed, swing) for seed in range(n_batches)]
            report(model, found[model], text, np.concatenate(alarms))
    for model in ("gpt-3.5-turbo-0125", "gpt-4-0314"):
        for text, kwargs in BREAKS.items():
            report(model, found[model], text, month(found[model], 0, 0.0, **kwargs))


def report(model: str, population: Population, text: str, first: Ints) -> None:
    prompts = "no" if population.rows.prompts is None else "yes"
    print(f"| {model} | {prompts} | {text} | {len(first)} | {(first >= 0).sum()} |", flush=True)


def month(
    population: Population,
    seed: int,
    swing: float,
    *,
    thin: bool = True,
    moved_from_day: int = 0,
    batch_h: int = 0,
) -> Ints:
    """First alarms of N_AT_ONCE months, whose topics follow one another differently."""
    rng = np.random.default_rng(seed)
    side = begin(population, rng, swing=swing)
    starts = times(30, WATCH_DAY, rng, swing=swing)
    drawn = np.array([population.draw(starts, rng, swing=swing) for _ in range(N_AT_ONCE)])
    in_topic = np.flatnonzero(population.topics == 0)
    if not thin:
        # A tenth of the month will do: calls of a session follow one another, ten of each of the first sessions.
        starts, drawn = starts[:1_500], drawn[:, :150].repeat(10, axis=1)
        drawn = population.about(population.topics[drawn], rng)
    if moved_from_day:
        is_moved = (starts >= (WATCH_DAY + moved_from_day) * DAY_NS) & (rng.random(drawn.shape) < 0.8)
        drawn = np.where(is_moved, rng.choice(in_topic, size=drawn.shape), drawn)
    if batch_h:
        hour = starts % DAY_NS / DAY_NS * 24
        drawn = np.where((hour >= 12) & (hour < 12 + batch_h), rng.choice(in_topic, size=drawn.shape), drawn)
    return side.feed(drawn, starts, label=f"{seed}")[0]


def bench_delays() -> None:
    print(f"\n| change | found in {N_AFTER:,} sessions | median delay | onset off by, median | false before |")
    print("|---|---|---|---|---|")
    for name, before, after in some_changes():
        first, onsets = delays(before, after)
        later = first[first >= N_BEFORE] - N_BEFORE
        off = f"{np.median(np.abs(onsets[first >= N_BEFORE] - N_BEFORE)):.0f}" if len(later) else ""
        median = f"{np.median(later) + 1:.0f}" if 2 * len(later) > len(first) else "none"
        early = int(((first >= 0) & (first < N_BEFORE)).sum())
        print(
            f"| {name} | {len(later) / len(first):.2f} | {median} | {off} | {early} of {len(first)} |",
            flush=True,
        )


def some_changes() -> list[tuple[str, Population, Population]]:
    """Those behind one name, and each model of WildBench to the next in the alphabet."""
    models = sorted({row["model"] for row in read_rows("drift-wildbench")})
    wanted = {f"{a} to {b}" for a, b in pairwise(models)}
    return [change for i, change in enumerate(changes()) if i < len(LLMDRIFT) or change[0] in wanted]


def changes() -> list[tuple[str, Population, Population]]:
    rows, found = sorted(read_rows("drift-llmdrift"), key=lambda row: row["id"]), []
    for task, *models in LLMDRIFT:
        sides = [[row for row in rows if (row["task"], row["model"]) == (task, model)] for model in models]
        populations_of = [Population(_with_prompts(side), np.zeros(len(side), dtype=np.int64)) for side in sides]
        found.append((f"{task}, {models[0]} to {models[1]}", *populations_of))
    wildbench = sorted(read_rows("drift-wildbench"), key=lambda row: row["id"])
    by_model = {
        model: feature_rows(row["output"] for row in wildbench if row["model"] == model)
        for model in sorted({row["model"] for row in wildbench})
    }
    as_population = {
        model: Population(Rows(behaviours=rows), np.zeros(len(rows), dtype=np.int64))
        for model, rows in by_model.items()
    }
    return found + [(f"{a} to {b}", as_population[a], as_population[b]) for a, b in combinations(as_population, 2)]


def delays(before: Population, after: Population, **how: Any) -> tuple[Ints, Ints]:
    """First alarms and onsets of N_AT_ONCE streams in which the model changes after N_BEFORE units."""
    rng = np.random.default_rng(1)
    n_old = len(before.rows)
    side = begin(before, rng, swing=0.0, after=replace(before, rows=joined(before.rows, after.rows)))
    starts = times(n_days=(N_BEFORE + N_AFTER) // SESSIONS_A_DAY, since_day=WATCH_DAY, rng=rng, swing=0.0)
    old = rng.integers(n_old, size=(N_AT_ONCE, N_BEFORE))
    new = n_old + rng.integers(len(after.rows), size=(N_AT_ONCE, N_AFTER))
    return side.feed(np.hstack((old, new)), starts, label="change", **how)


def joined(before: Rows, after: Rows) -> Rows:
    def both(a: Floats | None, b: Floats | None) -> Floats | None:
        return None if a is None or b is None else np.concatenate((a, b))

    return Rows(
        behaviours=np.concatenate((before.behaviours, after.behaviours)),
        prompts=both(before.prompts, after.prompts),
        topics=both(before.topics, after.topics),
    )


def bench_pools() -> None:
    """A growing pool against a fixed one, with bets that pay for its sampling error and with bets that do not."""
    some = [some_changes()[i] for i in (1, 3, 5)]
    print("\n| pool of earlier scores | promise | " + " | ".join(name for name, _, _ in some) + " |")
    print("|---|---|---|---|---|")
    # A mean of m uniform values is within sqrt(log(2 K / .01) / (6 m)) of 1/2 for all K scores at once in 99 of 100.
    pays = 2 * float(np.sqrt(np.log(2 * 101 / 0.01) / (6 * (N_REFERENCE - N_FIT))))
    for name, how in (
        ("growing | holds", {}),
        (f"fixed, bets pay {pays:.3f} | holds for 99 of 100 references", {"is_fixed": True, "pays": pays}),
        ("fixed | does not hold", {"is_fixed": True}),
    ):
        firsts = [delays(before, after, **how)[0] - N_BEFORE for _, before, after in some]
        print(f"| {name} | " + " | ".join(f"{np.median(first[first >= 0]) + 1:.0f}" for first in firsts) + " |")


def bench_quality() -> None:
    print("\n| scores, 2,000 in the reference | then | streams | alarms in 3,000 | median delay | before the change |")
    print("|---|---|---|---|---|---|")
    for text, n, before, afters, how in (
        ("passes .90", 80, 0.9, (0.85, 0.8, 0.7), {}),
        ("passes .60", 40, 0.6, (0.5,), {}),
        ("passes .90, each repeats the last in half of the cases", 40, 0.9, (0.8,), {"repeats": 0.5}),
        ("means of 10 such", 40, 0.9, (0.8,), {"repeats": 0.5, "mean_of": 10}),
        ("passes .90, +-.05 by the hour", 40, 0.9, (0.8,), {"swing": 0.05}),
    ):
        found = np.array([quality(seed, before, (before, *afters), **how) for seed in range(n)])
        for after, first in zip((before, *afters), found.T, strict=True):
            since = 500 if after != before else 0
            later, early = first[first >= since] - since, ((first >= 0) & (first < since)).mean()
            delay = f"{np.median(later) + 1:.0f} | {early:.2f}" if since and len(later) else " | "
            print(f"| {text} | {after:.2f} | {n} | {len(later) / n:.2f} | {delay} |", flush=True)


def quality(
    seed: int, before: float, afters: Sequence[float], *, repeats: float = 0.0, swing: float = 0.0, mean_of: int = 1
) -> list[int]:
    """Unit of the first alarm, -1 for none, for each rate to which the 500th unit changes; 100 units a day."""
    rng = np.random.default_rng(seed)

    def scores(rates: Floats, starts: Ints) -> Floats:
        hourly = (rates + swing * np.sin(starts % DAY_NS / DAY_NS * 2 * np.pi)).repeat(mean_of)
        drawn = (rng.random(len(hourly)) < hourly).astype(float)
        for i in np.flatnonzero(rng.random(len(drawn)) < repeats).tolist():
            drawn[i] = drawn[max(i - 1, 0)]
        return drawn.reshape(-1, mean_of).mean(axis=1)

    reference, later = (np.arange(n) * (DAY_NS // 100) + day * DAY_NS for n, day in ((2_000, 0), (3_000, 21)))
    known = scores(np.full(2_000, before), reference)
    baseline = Baseline.measure(known, reference.tolist(), scores_per_month=3_000, rng=rng)
    firsts = []
    for after in afters:
        given, stream = scores(np.repeat((before, after), (500, 2_500)), later), Betting.begin(baseline, began_ns=0)
        for low in range(0, 3_000, 100):
            stream = stream.steps(given[low : low + 100], starts_ns=later[low : low + 100].tolist())
            if stream.alarm:
                break
        firsts.append(int(np.searchsorted(later, stream.alarm.at_ns)) if stream.alarm else -1)
    return firsts


def bench_segments(n_runs: int = 100, n_reference: int = 75, n_window: int = 50) -> None:
    print("\n| one of four segments changes | runs | ranked first | named | others named, per run |")
    print("|---|---|---|---|---|")
    rng, answers = np.random.default_rng(0), {name: (a.rows.behaviours, b.rows.behaviours) for name, a, b in changes()}
    n_first = n_named = n_others = n_all = 0
    wide = {name: sides for name, sides in answers.items() if min(map(len, sides)) >= 4 * (n_reference + n_window)}
    for name, (old, new) in wide.items():
        counts = np.zeros(3, dtype=int)
        for _ in range(n_runs // 10):
            nodes = segments(old, new, n_reference, n_window, rng)
            named = {node.path for node in blamed(nodes)}
            parts = [node for node in ranked(nodes) if len(node.path) == 2]
            counts += (parts[0].path[1] == "0", ("all", "0") in named, len(named - {("all", "0")}))
        print(f"| {name} | {n_runs // 10} | " + " | ".join(f"{c / (n_runs // 10):.2f}" for c in counts) + " |")
        n_first, n_named, n_others = (np.array((n_first, n_named, n_others)) + counts).tolist()
        n_all += n_runs // 10
    print(f"| all | {n_all} | {n_first / n_all:.2f} | {n_named / n_all:.2f} | {n_others / n_all:.2f} |")


def segments(old: Floats, new: Floats, n: int, m: int, rng: np.random.Generator) -> list[Node]:
    """Four routes of one alias, whose prompts do not overlap; the model of route 0 changes."""
    prompts = rng.permutation(min(len(old), len(new))).reshape(-1)[: 4 * (n + m)].reshape(4, n + m)
    reference = [old[part[:n]] for part in prompts]
    current = [(new if route == 0 else old)[part[n:]] for route, part in enumerate(prompts)]
    nodes = [Node.of(("all",), drift_test(np.vstack(reference), np.vstack(current), rng=rng))]
    for route in range(4):
        nodes.append(Node.of(("all", f"{route}"), drift_test(reference[route], current[route], rng=rng)))
    return nodes


def bench_speed() -> None:
    rng = np.random.default_rng(0)
    rows = [row for row in read_rows("drift-llmdrift") if row["model"] == "gpt-4-0314"]
    given, starts = _with_prompts(rows), list(range(0, len(rows) * 10**9, 10**9))
    order = rng.permutation(len(rows))
    fit, rest = order[:N_FIT], order[N_FIT:]
    scorer = Scorer.fit(given.take(fit), NAMES)
    stream = Conformal.begin(scorer.names, scorer.bins(given.take(rest)), [starts[i] for i in rest], began_ns=0)
    began = time.process_time()
    stream.steps(scorer.bins(given), call_ids=[row["id"] for row in rows], starts_ns=starts)
    print(f"\n{len(scorer.names)} scores: {len(rows) / (time.process_time() - began):,.0f} calls per CPU second")
    scores = (rng.random(len(rows)) < 0.9).astype(float)
    began = time.process_time()
    baseline = Baseline.measure(scores, starts, scores_per_month=3_000, rng=rng)
    print(f"a baseline of scores: {time.process_time() - began:.2f} CPU s")
    began = time.process_time()
    Betting.begin(baseline, began_ns=0).steps(scores, starts_ns=starts)
    print(f"scores: {len(rows) / (time.process_time() - began):,.0f} per CPU second")


if __name__ == "__main__":
    main()
