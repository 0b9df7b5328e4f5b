"""Charts as columns. assets/charts.js holds the one template and draws them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from collector.query import Columns
from collector.times import NS_PER_S

_STEPS_S = (
    1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 7 * 86_400,
)  # fmt: skip

Unit = Literal["count", "per_s", "s", "percent", "usd", "evidence"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """The steps of time that all charts of a page share, as the store cuts them: multiples of `step_s` since 1970."""

    since_ns: int
    until_ns: int
    step_s: int

    @classmethod
    def over(cls, since_ns: int, until_ns: int, *, at_most: int = 120) -> "Steps":
        """The finest round step that cuts the range into at most about `at_most`."""
        width_s = (until_ns - since_ns) / NS_PER_S
        step_s = next((s for s in _STEPS_S if width_s / s <= at_most), math.ceil(width_s / at_most / 86_400) * 86_400)
        return cls(since_ns=since_ns, until_ns=until_ns, step_s=step_s)

    @property
    def step_ns(self) -> int:
        return self.step_s * NS_PER_S

    @property
    def starts_ns(self) -> list[int]:
        first = self.since_ns - self.since_ns % self.step_ns
        return list(range(first, self.until_ns, self.step_ns))

    def covered_s(self, start_ns: int) -> float:
        """How much of a step lies in the range: the first and the last one are seldom whole."""
        return (min(start_ns + self.step_ns, self.until_ns) - max(start_ns, self.since_ns)) / NS_PER_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One line or area. `y`, `low`, `high` and `n` are as long as the chart's times; None is a gap.

    `colour` is a CSS variable. `only` are the filters that lead to its calls, `links` where each point leads instead.
    `x_ns` are its own times, where it does not stand on the steps of the chart.
    """

    name: str
    colour: str
    y: Sequence[float | None]
    low: Sequence[float | None] | None = None
    high: Sequence[float | None] | None = None
    n: Sequence[int | None] | None = None
    only: Mapping[str, str] | None = None
    links: Sequence[str] | None = None
    notes: Sequence[str] | None = None
    """What is said of each point instead of its value."""
    alarms: Sequence[bool] | None = None
    """Which points are alarms; they are drawn larger, in the critical colour."""
    x_ns: Sequence[int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """`kind` lines: each value for itself; stacked: steps on top of each other.

    `unit_text` follows the value in the hover; `calls` is the address of the calls behind the chart, without a range.
    `tint_ns` is when something has been wrong since. `threshold` stands as a dashed line with its words.
    """

    label: str
    steps: Steps
    series: Sequence[Series]
    unit: Unit
    kind: Literal["lines", "stacked", "area"] = "lines"
    calls: str | None = None
    from_zero: bool = True
    log: bool = False
    can_log: bool = False
    threshold: tuple[float, str] | None = None
    marks: Sequence[tuple[int, str]] = ()
    """Moments (Unix ns) with a word each: dotted lines."""
    tint_ns: int | None = None
    times_ns: Sequence[int] | None = None
    """Where the values do not stand on steps."""

    def to_json(self) -> dict[str, Any]:
        times_ns = self.steps.starts_ns if self.times_ns is None else self.times_ns
        return {
            "label": self.label,
            "kind": self.kind,
            "unit": self.unit,
            "x": [t // 1_000_000 for t in times_ns],
            "range": [self.steps.since_ns // 1_000_000, self.steps.until_ns // 1_000_000],
            "step": self.steps.step_s * 1000 if self.times_ns is None else 0,
            "calls": self.calls,
            "fromZero": self.from_zero,
            "log": self.log,
            "canLog": self.can_log,
            "threshold": self.threshold,
            "marks": [(time_ns // 1_000_000, text) for time_ns, text in self.marks],
            "tint": None if self.tint_ns is None else self.tint_ns // 1_000_000,
            "series": [_series_json(series) for series in self.series],
        }

    @property
    def is_empty(self) -> bool:
        return not any(value is not None for series in self.series for value in series.y)


def _series_json(series: Series) -> dict[str, Any]:
    columns = {key: getattr(series, key) for key in ("y", "low", "high", "n")}
    return {
        "name": series.name,
        "colour": series.colour,
        "only": series.only,
        "links": series.links,
        "notes": series.notes,
        "alarms": series.alarms,
        "x": None if series.x_ns is None else [t // 1_000_000 for t in series.x_ns],
        **{key: None if values is None else [_short(v) for v in values] for key, values in columns.items()},
    }


def _short(value: float | None) -> float | None:
    """Five digits are more than a pixel shows; the answer stays small."""
    return None if value is None or not math.isfinite(value) else float(f"{value:.5g}")


def spread(columns: Columns, metric: str, steps: Steps) -> list[float | None]:
    """One metric of an aggregation without dimensions, at every step; None where there was nothing."""
    at = dict(zip(columns["time_ns"], columns[metric], strict=True))
    return [at.get(start_ns) for start_ns in steps.starts_ns]


def spread_by(columns: Columns, dimension: str, metric: str, steps: Steps) -> dict[str | None, list[float | None]]:
    """One metric of an aggregation by one dimension, at every step, by the dimension's values."""
    at: dict[str | None, dict[int, float | None]] = {}
    for time_ns, name, value in zip(columns["time_ns"], columns[dimension], columns[metric], strict=True):
        at.setdefault(name, {})[time_ns] = value
    return {name: [values.get(start_ns) for start_ns in steps.starts_ns] for name, values in at.items()}


def per_second(values: Sequence[float | None], steps: Steps) -> list[float | None]:
    """Counts as rates. A step of which the range covers little says nothing: it is left out."""
    rates: list[float | None] = []
    for start_ns, value in zip(steps.starts_ns, values, strict=True):
        covered_s = steps.covered_s(start_ns)
        rates.append(None if covered_s < 0.5 * steps.step_s else (value or 0) / covered_s)
    return rates


def wilson(share: float | None, n: float | None, z: float = 1.959964) -> tuple[float, float] | None:
    """The 95 % interval of a share of n. Source: Wilson (1927), "Probable inference"."""
    if share is None or not n:
        return None
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return max(0.0, centre - half), min(1.0, centre + half)


def with_rest(series: Sequence[Series], n_named: int) -> list[Series]:
    """The `n_named` largest series, and the sum of the others as one grey one."""
    ranked = sorted(series, key=lambda s: -sum(value or 0 for value in s.y))
    named, rest = ranked[:n_named], ranked[n_named:]
    if not rest:
        return list(named)
    columns = zip(*(s.y for s in rest), strict=True)
    total = [sum(known) if (known := [v for v in column if v is not None]) else None for column in columns]
    return [*named, replace(rest[0], name="other", colour="s6", y=total, only=None)]
