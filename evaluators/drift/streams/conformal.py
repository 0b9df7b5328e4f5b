"""Has the model behind a name changed? Asked after every call, with a promise that holds for all of these questions.

A conformal p-value says how a score ranks among those of the same part of the week before it: the calibration rows of
the reference and the stream so far. If these are exchangeable, such p-values are independent and uniform, whatever the
scores are. A bet that multiplies its stake by 1 + b (2p - 1) then wins nothing on average, and a Shiryaev-Roberts sum
of such bets, over all moments at which a change may have come, is on average the time that has passed
(`evidence.py`). Each of K scores has a sum of its own, and each must reach K times what one alone would need to.

The pool of earlier scores grows: a fixed one has a sampling error that bets take for a change, unless each bet pays
for that error, which costs more delay than a growing pool does (measured: docs/drift.md, "Streams").

Feed it one call per session: the calls of one session are not exchangeable with those of others.

Source: Vovk, Gammerman & Shafer (2022), "Algorithmic Learning in a Random World", chapter 8, for the p-values; Shin,
Ramdas & Rinaldo (2024), "E-detectors", for the sums.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from evaluators.drift.streams.alarm import Alarm
from evaluators.drift.streams.evidence import Evidence
from evaluators.drift.streams.packing import pack, unpack
from evaluators.drift.streams.scores import N_BINS
from evaluators.drift.streams.seasons import DAY_NS, N_SEASONS, joined, seasons_of

Ints = NDArray[np.int64]

BETS = np.array([-0.9, -0.3, 0.3, 0.9])
"""On high and on low scores; large ones for large changes."""
MONTH_NS = 30 * DAY_NS
_BINS = np.arange(N_BINS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Conformal:
    """Where a stream stands. A value: `steps` gives the next one."""

    names: Sequence[str]
    """Of the K scores."""
    alarms_per_month: float
    counts: NDArray[np.int32]
    """How many earlier rows fell in each bin, shape (N_SEASONS, K, N_BINS)."""
    pools: Ints
    """For each part of the week the one whose counts it shares, shape (N_SEASONS,): a thin one has none of its own."""
    evidence: Evidence
    """Shape (K, len(BETS)); in months."""
    began_ns: int
    now_ns: int
    n_calibration: int
    n_units: int = 0
    alarm: Alarm | None = None
    """The first one; there is no second before a new stream is begun."""

    @classmethod
    def begin(
        cls,
        names: Sequence[str],
        calibration: Ints,
        starts_ns: Sequence[int],
        *,
        began_ns: int,
        alarms_per_month: float = 0.1,
    ) -> Self:
        """Args:
            names: of the scores, `Scorer.names`.
            calibration: bins of reference rows that the scorer was not fitted on, shape (n, K).
            starts_ns: when those calls were.
            began_ns: the moment from which the promise counts.
        Raises:
            ValueError: if there is nothing to calibrate with or the promise is not above 0.
        """
        if not len(calibration) or calibration.shape != (len(starts_ns), len(names)):
            raise ValueError(f"calibration needs rows of {len(names)} bins with a time each, got {calibration.shape}")
        if not alarms_per_month > 0:
            raise ValueError(f"alarms_per_month must be above 0, got {alarms_per_month}; try 0.1")
        counts = np.zeros((N_SEASONS, len(names), N_BINS), dtype=np.int32)
        seasons = seasons_of(starts_ns)
        pools = joined(np.bincount(seasons, minlength=N_SEASONS))
        np.add.at(counts, (pools[seasons][:, None], np.arange(len(names)), calibration), 1)
        return cls(
            names=tuple(names),
            alarms_per_month=alarms_per_month,
            counts=counts,
            pools=pools,
            evidence=Evidence.none((len(names), len(BETS))),
            began_ns=began_ns,
            now_ns=began_ns,
            n_calibration=len(calibration),
        )

    @property
    def threshold(self) -> float:
        """Of the evidence, in months."""
        return len(self.names) / self.alarms_per_month

    def steps(self, bins: Ints, *, call_ids: Sequence[str], starts_ns: Sequence[int]) -> "Conformal":
        """After more calls, in the order of arrival. Many at once come to the same, bit for bit, as one by one.

        Args:
            bins: `Scorer.bins` of the calls, shape (n, K).
            call_ids: seed the choice among equal ranks, so that a replay repeats it.
            starts_ns: when the calls were; one that comes late counts as of the latest before it.
        """
        counts, evidence, now_ns, alarm = self.counts.copy(), self.evidence, self.now_ns, self.alarm
        pools = self.pools[seasons_of(starts_ns)]
        for row, call_id, start_ns, pool in zip(bins, call_ids, starts_ns, pools, strict=True):
            p_values = rank(counts[pool], row, tie=tie_of(call_id))
            factors = 1 + np.multiply.outer(2 * p_values - 1, BETS)
            elapsed_ns = max(0, start_ns - now_ns)
            now_ns += elapsed_ns
            evidence = evidence.grow(factors, weight=elapsed_ns / MONTH_NS, at_ns=now_ns)
            alarm = alarm or self._alarm(evidence, now_ns)
        return replace(
            self, counts=counts, evidence=evidence, now_ns=now_ns, n_units=self.n_units + len(bins), alarm=alarm
        )

    def _alarm(self, evidence: Evidence, now_ns: int) -> Alarm | None:
        by_score = evidence.sums.mean(axis=1)
        best = int(by_score.argmax())
        if by_score[best] < self.threshold:
            return None
        return Alarm(
            subject=self.names[best],
            at_ns=now_ns,
            onset_ns=evidence.onset_ns(best),
            evidence=float(by_score[best]),
            threshold=self.threshold,
        )

    def level(self) -> float:
        """The evidence as a share of what an alarm needs; to be shown on a logarithmic scale."""
        return float(self.evidence.sums.mean(axis=1).max()) / self.threshold

    def e_value(self) -> float:
        """Evidence against "nothing has changed so far" for `many.py`; at most 1 on average at any moment that was
        fixed beforehand, such as a tick."""
        elapsed = (self.now_ns - self.began_ns) / MONTH_NS
        return float(self.evidence.sums.mean()) / elapsed if elapsed > 0 else 1.0

    def guarantee(self) -> str:
        n_pools = len(set(self.pools.tolist()))
        within = f" within each of {n_pools} parts of the week" if n_pools > 1 else ""
        return (
            f"At most {self.alarms_per_month:g} false alarms per month at any traffic, as long as sessions are "
            f"exchangeable with one another and with the {self.n_calibration:,} of the reference{within}; "
            f"{len(self.names)} scores share this."
        )

    def to_json(self) -> dict[str, Any]:
        plain = {field.name: getattr(self, field.name) for field in fields(self)}
        alarm = None if self.alarm is None else asdict(self.alarm)
        return pack(plain) | {"evidence": self.evidence.to_json(), "alarm": alarm}

    @classmethod
    def from_json(cls, saved: Mapping[str, Any]) -> Self:
        parts = {
            "evidence": Evidence.from_json(saved["evidence"]),
            "alarm": None if saved["alarm"] is None else Alarm(**saved["alarm"]),
        }
        return cls(**unpack(saved) | parts)


def rank(counts: NDArray[np.int32], bins: Ints, *, tie: float) -> NDArray[np.float64]:
    """The p-value of each score, small for a low one; and count them as seen. `counts` has the shape (K, N_BINS)."""
    places = np.arange(len(bins))
    n_below = np.where(bins[:, None] > _BINS, counts, 0).sum(axis=1)
    counts[places, bins] += 1
    return np.asarray((n_below + tie * counts[places, bins]) / counts[0].sum())


def tie_of(call_id: str) -> float:
    """Uniform in (0, 1), the same for a call whenever it is asked."""
    digest = hashlib.blake2b(call_id.encode(errors="surrogatepass"), digest_size=4).digest()
    return (int.from_bytes(digest, "big") + 0.5) / 2**32
