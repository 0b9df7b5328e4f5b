"""Many questions at one moment: which of them may be answered with yes, however they depend on one another.

An e-value is evidence that is at most 1 on average if nothing changed: that of a stream (`Conformal.e_value`,
`Betting.e_value`), or a p-value turned into one. Averages of e-values are e-values.

Sources: Vovk & Wang (2021), "E-values: calibration, combination and applications"; Wang & Ramdas (2022), "False
discovery rate control with e-values".
"""

import math
from collections.abc import Sequence

import numpy as np


def e_from_p(p_value: float) -> float:
    """The mean of all calibrators k p^(k-1) with k in [0, 1]: no k to choose, and most of the evidence kept.

    Raises:
        ValueError: if the p-value is not in (0, 1].
    """
    if not 0 < p_value <= 1:
        raise ValueError(f"a p-value is in (0, 1], got {p_value}")
    # Near 1 the formula is 0 / 0; its limit is 1/2.
    if p_value > 1 - 1e-6:
        return 0.5
    log_p = math.log(p_value)
    return (1 - p_value + p_value * log_p) / (p_value * log_p * log_p)


def e_bh(e_values: Sequence[float], *, fdr: float) -> tuple[int, ...]:
    """Positions of the discoveries, strongest first; of these, on average at most the share `fdr` is false.

    Raises:
        ValueError: if an e-value is negative or NaN, or fdr is not between 0 and 1.
    """
    _check(fdr)
    if any(not e >= 0 for e in e_values):
        raise ValueError("e-values must be 0 or above")
    order = np.argsort([-e for e in e_values], kind="stable").tolist()
    n_found = max(
        (rank for rank, position in enumerate(order, 1) if e_values[position] * rank * fdr >= len(e_values)),
        default=0,
    )
    return tuple(order[:n_found])


def by(p_values: Sequence[float], *, fdr: float) -> tuple[int, ...]:
    """The same of p-values, strongest first.

    It finds more than `e_bh` of p-values turned into e-values, since it is e-BH with the calibrator that fits this
    number of questions (Wang & Ramdas). Source: Benjamini & Yekutieli (2001).

    Raises:
        ValueError: if a p-value is not in (0, 1], or fdr is not between 0 and 1.
    """
    _check(fdr)
    if any(not 0 < p <= 1 for p in p_values):
        raise ValueError("p-values must be in (0, 1]")
    n = len(p_values)
    level = fdr / n / sum(1 / i for i in range(1, n + 1)) if n else fdr
    order = np.argsort(p_values, kind="stable").tolist()
    n_found = max((rank for rank, position in enumerate(order, 1) if p_values[position] <= rank * level), default=0)
    return tuple(order[:n_found])


def _check(fdr: float) -> None:
    if not 0 < fdr < 1:
        raise ValueError(f"fdr must be between 0 and 1, got {fdr}; 0.05 is usual")
