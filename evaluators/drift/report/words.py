"""Figures and verdicts as people read them."""

from dataclasses import dataclass
from typing import Literal

from collector.verdict import Effect
from evaluators.drift.comparison import Cluster, Comparison, Outcome
from evaluators.features import BY_NAME

Tone = Literal["crit", "warn", "good", "quiet"]


@dataclass(frozen=True, slots=True)
class Headline:
    """A verdict as a mark, a word and a sentence: colour alone tells nobody enough."""

    tone: Tone
    mark: str
    word: str
    sentence: str


HEADLINES: dict[Outcome, Headline] = {
    "no_change": Headline("good", "✓", "No change", "No change was found."),
    "model_changed": Headline("crit", "▲", "Model changed", "The model answers differently now."),
    "traffic_changed": Headline("warn", "◆", "Traffic changed", "What goes in changed; the model was not seen to."),
    "quality_dropped": Headline("crit", "▼", "Quality dropped", "The answers score lower now."),
    "cannot_separate": Headline(
        "warn", "?", "Cannot separate", "The questions changed so much that nothing can be said of the model."
    ),
    "not_enough_data": Headline("quiet", "…", "Not enough data", "There is not enough data to tell."),
}


TESTS = {
    "output": "answers as they are",
    "model": "answers, without what their questions explain",
    "input": "questions",
    "quality": "scores",
    "retrieval": "what was retrieved",
}
"""What each test looks at; one that is not here speaks for itself."""


def cluster_name(cluster: Cluster) -> str:
    return ", ".join(cluster.words) or "no typical words"


def digits(value: float) -> str:
    """Three significant digits, never an exponent, a true minus."""
    if abs(value) < 1e-12:
        return "0"
    rounded = float(f"{value:.3g}")
    shown = f"{rounded:,.0f}" if abs(rounded) >= 100 else f"{rounded:.12f}".rstrip("0").rstrip(".")
    return shown.replace("-", "−")


def signed(value: float) -> str:
    """+0.52, −1.30, ±0."""
    shown = f"{abs(value):.2f}"
    return "±0" if float(shown) == 0 else f"{'+' if value > 0 else '−'}{shown}"


def percent(share: float) -> str:
    """A share that is not 0 never reads as 0."""
    shown = 100 * share
    return f"{shown:.0f} %" if shown == 0 or shown >= 9.95 else f"{digits(float(f'{shown:.2g}'))} %"


def p_value(value: float | None) -> str:
    return "–" if value is None else digits(value)


def has_moved(effect: Effect) -> bool:
    """Whether the interval leaves out 0."""
    return not effect.low <= 0 <= effect.high


def before_and_after(effect: Effect) -> tuple[str, str]:
    """The two means, in the unit of the behaviour."""
    behaviour = BY_NAME.get(effect.behaviour)
    is_share = behaviour is not None and behaviour.kind in ("share", "flag")
    shown = percent if is_share else digits
    return shown(effect.reference_mean), shown(effect.current_mean)


def by_interest(comparison: Comparison) -> list[Effect]:
    """What moved first, furthest first."""
    return sorted(comparison.effects.values(), key=lambda effect: (not has_moved(effect), -abs(effect.d)))


def bound_of(effects: list[Effect]) -> float:
    """Where the axis of d ends: far enough for what is shown, and not where one extreme would squeeze the rest."""
    reach = [max(abs(effect.low), abs(effect.high)) for effect in effects]
    return max(0.5, *(min(5.0, r) for r in reach)) if reach else 0.5
