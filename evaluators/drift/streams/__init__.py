"""Drift of a stream, asked after every call, with a promise on false alarms over all the time that it runs.

    # The reference: Rows, one call per session; about 30 % of them fit, the others calibrate.
    scorer = Scorer.fit(reference.take(fit), names=NAMES)                     # kept as scorer.to_json()
    bins = scorer.bins(reference.take(calibration))
    stream = Conformal.begin(scorer.names, bins, starts_ns[calibration], began_ns=now_ns)
    stream = stream.steps(scorer.bins(rows), call_ids=ids, starts_ns=starts)  # new calls, one per session
    if stream.alarm: print(stream.alarm.subject, stream.alarm.onset_ns, stream.guarantee())
    save(stream.to_json()); stream = Conformal.from_json(load())              # goes on to the last bit

    baseline = Baseline.measure(scores, starts_ns, scores_per_month=3_000, rng=rng)
    quality = Betting.begin(baseline, began_ns=now_ns).steps(new_scores, starts_ns=new_starts)

Calls of one session are alike: give one call of each session to `Conformal`, and to `Betting` the mean of its scores.
"""

from evaluators.drift.streams.alarm import Alarm
from evaluators.drift.streams.baseline import Baseline
from evaluators.drift.streams.betting import Betting
from evaluators.drift.streams.conformal import Conformal
from evaluators.drift.streams.scores import Scorer
from evaluators.drift.streams.seasons import N_SEASONS, seasons_of

__all__ = ["N_SEASONS", "Alarm", "Baseline", "Betting", "Conformal", "Scorer", "seasons_of"]
