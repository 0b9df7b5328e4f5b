"""Verdicts in words, for whoever is on call."""

from collections.abc import Iterator, Sequence

from collector.verdict import Effect
from evaluators.features import BY_NAME

_MOST_NAMED = 5


def guarantee(alpha: float) -> str:
    """What the level of a window test promises: "At most 1 false alarm in 100 windows in which nothing changed"."""
    windows = next(n for n in (100, 1_000, 10_000, 100_000) if alpha * n >= 1 - 1e-9)
    alarms = f"{alpha * windows:.3g}"
    return f"At most {alarms} false alarm{'' if alarms == '1' else 's'} in {windows:,} windows in which nothing changed"


def explain_change(subject: str, effects: Sequence[Effect], *, p_value: float, n_reference: int, n_current: int) -> str:
    """What is different now, the behaviours that moved furthest first.

    Args:
        subject: whose answers these are, such as "gpt-4 in survey".
        effects: furthest first, as `effects()` gives them.
    """
    evidence = _evidence(p_value, n_reference, n_current)
    moved = list(_moved(effects))
    if not moved:
        return f"Answers of {subject} changed, in many behaviours a little ({evidence})."
    return f"Answers of {subject} changed: {', '.join(moved[:_MOST_NAMED])} ({evidence})."


def explain_no_change(subject: str, *, p_value: float, n_reference: int, n_current: int) -> str:
    return f"No change found in the answers of {subject} ({_evidence(p_value, n_reference, n_current)})."


def explain_small_change(subject: str, floor: float, *, p_value: float, n_reference: int, n_current: int) -> str:
    return (
        f"Answers of {subject} differ, but by less than matters: no behaviour moved by {floor:g} standard deviations "
        f"({_evidence(p_value, n_reference, n_current)})."
    )


def _evidence(p_value: float, n_reference: int, n_current: int) -> str:
    return f"p = {p_value:.3g}, {n_current:,} answers now against {n_reference:,} before"


def _moved(effects: Sequence[Effect]) -> Iterator[str]:
    """One clause per behaviour whose interval leaves out 0; several measures of the same thing make one clause."""
    said: set[str] = set()
    for effect in effects:
        behaviour = BY_NAME[effect.behaviour]
        clause = behaviour.more if effect.d > 0 else behaviour.less
        if effect.low <= 0 <= effect.high or clause in said:
            continue
        said.add(clause)
        before, after = effect.reference_mean, effect.current_mean
        if behaviour.kind == "length":
            yield f"{_by_how_much(before, after)}{clause}"
        elif behaviour.kind == "count":
            yield f"{clause} ({before:.2g} → {after:.2g})"
        else:
            yield f"{clause} ({_percent(before)} → {_percent(after)})"


def _by_how_much(before: float, after: float) -> str:
    if before <= 0 or after > 10 * before:
        return "many times "
    return f"{_percent(abs(after / before - 1))} "


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share == 0 or share >= 0.0095 else f"{100 * share:.1f} %"
