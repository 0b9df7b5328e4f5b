"""Has the quality dropped, or risen? Asked after every score in [0, 1].

The detector bets that scores are lower (or higher) than the reference's mean by more than a tolerance. As long as the
expected score, given all scores before, stays within the tolerance, no bet wins on average, and the Shiryaev-Roberts
sum of the bets is on average at most the number of scores (`evidence.py`). No independence is asked for.

How much evidence an alarm needs is found on the reference itself (`baseline.py`): of months of its own scores, drawn
anew in blocks of consecutive ones, as many may have an alarm as was promised. Blocks keep the likeness of neighbours.

Source: Shin, Ramdas & Rinaldo (2024), "E-detectors: a nonparametric framework for sequential change detection"; Künsch
(1989), "The jackknife and the bootstrap for general stationary observations", for the blocks.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from evaluators.drift.streams.alarm import Alarm
from evaluators.drift.streams.baseline import AIMS, Baseline, check_scores
from evaluators.drift.streams.evidence import Evidence
from evaluators.drift.streams.seasons import N_SEASONS, seasons_of

Floats = NDArray[np.float64]

DIRECTIONS = ("dropped", "rose")


@dataclass(frozen=True, slots=True, kw_only=True)
class Betting:
    """Where a stream of scores stands. A value: `steps` gives the next one."""

    baseline: Baseline
    evidence: Evidence
    """Shape (2, len(AIMS)); in scores."""
    now_ns: int
    n_scores: int = 0
    n_missing: int = 0
    """Scores that were NaN and were passed over."""
    alarm: Alarm | None = None
    """The first one; there is no second before a new stream is begun."""

    @classmethod
    def begin(cls, baseline: Baseline, *, began_ns: int) -> Self:
        return cls(baseline=baseline, evidence=Evidence.none((len(DIRECTIONS), len(AIMS))), now_ns=began_ns)

    def steps(self, scores: Sequence[float] | Floats, *, starts_ns: Sequence[int]) -> "Betting":
        """After more scores, in the order of arrival. Many at once come to the same, bit for bit, as one by one.

        Raises:
            ValueError: if a score is out of range; the stream is as it was.
        """
        values = np.asarray(scores, dtype=np.float64)
        check_scores(values)
        evidence, now_ns, alarm = self.evidence, self.now_ns, self.alarm
        is_missing = np.isnan(values)
        for value, start_ns, season, skip in zip(values, starts_ns, seasons_of(starts_ns), is_missing, strict=True):
            if skip:
                continue
            now_ns = max(now_ns, start_ns)
            evidence = evidence.grow(self.baseline.factors(value, season), weight=1.0, at_ns=now_ns)
            alarm = alarm or self._alarm(evidence, now_ns)
        n_missing = int(is_missing.sum())
        return replace(
            self,
            evidence=evidence,
            now_ns=now_ns,
            n_scores=self.n_scores + len(values) - n_missing,
            n_missing=self.n_missing + n_missing,
            alarm=alarm,
        )

    def _alarm(self, evidence: Evidence, now_ns: int) -> Alarm | None:
        by_direction = evidence.sums.mean(axis=1)
        best = int(by_direction.argmax())
        if by_direction[best] < self.baseline.threshold:
            return None
        return Alarm(
            subject=DIRECTIONS[best],
            at_ns=now_ns,
            onset_ns=evidence.onset_ns(best),
            evidence=float(by_direction[best]),
            threshold=self.baseline.threshold,
        )

    def level(self) -> float:
        """The evidence as a share of what an alarm needs; to be shown on a logarithmic scale."""
        return float(self.evidence.sums.mean(axis=1).max()) / self.baseline.threshold

    def e_value(self) -> float:
        """Evidence against "within the tolerance so far" for `many.py`; at most 1 on average at any moment that was
        fixed beforehand, such as a tick."""
        return float(self.evidence.sums.mean()) / self.n_scores if self.n_scores else 1.0

    def guarantee(self) -> str:
        base = self.baseline
        by_part = f", in each of {N_SEASONS} parts of the week," if base.has_seasons else ""
        near = f", but for a mean up to {base.also_normal:g} away" if base.also_normal else ""
        return (
            f"At most {base.alarms_per_month:g} false alarms per month of {base.scores_per_month:,.0f} scores, if "
            f"these come as the {base.n_scores:,} of the reference did{near}. However they depend on one another: at "
            f"most one in {base.threshold / len(DIRECTIONS):,.0f} scores, as long as the expected score{by_part} is "
            f"within {base.low.min():.3f} to {base.high.max():.3f}."
        )

    def to_json(self) -> dict[str, Any]:
        return {
            "baseline": self.baseline.to_json(),
            "evidence": self.evidence.to_json(),
            "now_ns": self.now_ns,
            "n_scores": self.n_scores,
            "n_missing": self.n_missing,
            "alarm": None if self.alarm is None else asdict(self.alarm),
        }

    @classmethod
    def from_json(cls, saved: Mapping[str, Any]) -> Self:
        parts = {
            "baseline": Baseline.from_json(saved["baseline"]),
            "evidence": Evidence.from_json(saved["evidence"]),
            "alarm": None if saved["alarm"] is None else Alarm(**saved["alarm"]),
        }
        return cls(**{**saved, **parts})
