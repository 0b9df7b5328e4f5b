"""What became of a comparison: a verdict, the tests behind it, what moved and by how much."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from collector.verdict import Cluster, Effect, WindowTest

if TYPE_CHECKING:
    from evaluators.drift.report.svg import Plot, Theme

Outcome = Literal[
    "no_change", "model_changed", "traffic_changed", "quality_dropped", "cannot_separate", "not_enough_data"
]

__all__ = ["Cluster", "Comparison", "Outcome", "PromptPair", "WindowTest"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptPair:
    """Two answers to the same or the nearest prompt: positions in the frames that were given, and the texts."""

    row_before: int
    row_after: int
    prompt_before: str
    prompt_after: str
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The typed result of `compare` and of every window of a monitor.

    `p_value` belongs to the verdict: adjusted for there being several tests, so that over all comparisons in which
    nothing changed the share with p_value <= a is at most a. No data, no figures: it is None for not_enough_data.
    """

    verdict: Outcome
    p_value: float | None
    alpha: float
    n_reference: int
    n_current: int
    tests: Mapping[str, WindowTest]
    """By name: output, model, input, quality, retrieval; those for which there was something to compare."""
    effects: Mapping[str, Effect]
    """By behaviour, furthest first."""
    explanation: str
    guarantee: str
    clusters: Sequence[Cluster] = ()
    """Topics of the prompts, those that changed most first."""
    pairs: Sequence[PromptPair] = ()
    notes: Sequence[str] = field(default=())
    """What was left out or could not be tested, and why."""

    def to_dict(self) -> dict[str, Any]:
        """Nothing but what JSON has."""
        return asdict(self)

    def to_html(self) -> str:
        """A page of its own, with nothing to load."""
        from evaluators.drift import report  # only those who look need it

        return report.page(self)

    def plot_effects(self, *, n: int = 12, theme: "Theme" = "light") -> "Plot":
        """The `n` behaviours that moved furthest, with intervals; `.save(path)` writes the SVG."""
        from evaluators.drift import report

        return report.effects_plot(self, n=n, theme=theme)

    def plot_clusters(self, *, n: int = 12, theme: "Theme" = "light") -> "Plot":
        """The `n` topics or segments that changed most: their shares before and after."""
        from evaluators.drift import report

        return report.clusters_plot(self, n=n, theme=theme)

    def _repr_html_(self) -> str:
        from evaluators.drift import report

        return report.fragment(self)
