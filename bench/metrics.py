"""Figures of merit that the bench scripts share."""

import gzip
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import rankdata

DATA = Path(__file__).parents[1].parent / "shared" / "data"


def read_rows(name: str) -> list[dict[str, Any]]:
    with gzip.open(DATA / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def auroc(scores: Sequence[float], is_positive: Sequence[bool]) -> float:
    """Chance that a positive scores above a negative, ties half: 0.5 is a coin."""
    ranks = rankdata(scores)
    positive = np.asarray(is_positive, dtype=bool)
    n_positive, n_negative = int(positive.sum()), int((~positive).sum())
    if not n_positive or not n_negative:
        return float("nan")
    return float((ranks[positive].sum() - n_positive * (n_positive + 1) / 2) / (n_positive * n_negative))


def rate(hits: Sequence[bool]) -> float:
    return float(np.mean(hits)) if len(hits) else float("nan")
