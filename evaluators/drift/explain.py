"""Verdicts in words, for whoever is on call."""

from collections.abc import Iterator, Sequence

from collector.verdict import Effect
from evaluators.drift.comparison import Cluster, Outcome, WindowTest
from evaluators.drift.effects import SCORE
from evaluators.drift.windows.battery import Tested
from evaluators.drift.windows.prompts import MAX_AUC, MIN_EFFECTIVE_SHARE
from evaluators.features import BY_NAME

_MOST_NAMED = 5
_MOST_TOPICS = 2
_MIN_SHARE_MOVE = 0.05


def guarantee(alpha: float) -> str:
    """What the level of a window test promises: "At most 1 false alarm in 100 windows in which nothing changed"."""
    windows = next(n for n in (100, 1_000, 10_000, 100_000) if alpha * n >= 1 - 1e-9)
    alarms = f"{alpha * windows:.3g}"
    return f"At most {alarms} false alarm{'' if alarms == '1' else 's'} in {windows:,} windows in which nothing changed"


def sentence(
    verdict: Outcome,
    by: str | None,
    subject: str,
    found: Tested,
    moved: Sequence[Effect],
    dropped: Effect | None,
    floor: float,
) -> str:
    """What is different now, and what is not.

    Args:
        by: the test that the verdict stands on; None for no change.
        subject: whose answers these are, such as "gpt-4 in survey".
        moved: behaviours, furthest first, as `effects()` gives them.
        dropped: how far scores moved.
        floor: smallest |d| that matters.
    """
    strongest = found.tests[by] if by is not None else min(found.tests.values(), key=lambda test: test.p_value)
    evidence = _evidence(strongest)
    if verdict == "model_changed":
        changed = f"Answers of {subject} changed: {_what_moved(moved)} ({evidence})."
        return changed + _questions(found) + _scores_too(found, dropped)
    if verdict == "traffic_changed":
        what = "What is retrieved" if by == "retrieval" else "Questions"
        return f"{what} for {subject} changed ({evidence}).{_answers_then(found)}{_scores_too(found, dropped)}"
    if verdict == "quality_dropped":
        return f"Scores of {subject} dropped: {_scores(dropped)} ({evidence}).{_questions(found)}"
    if verdict == "cannot_separate":
        return (
            f"Answers of {subject} changed: {_what_moved(moved)} ({evidence}). What the model is given changed so "
            f"much that it cannot be told whether the model did: {_why_not_separable(found)}."
        )
    small = f", or by less than matters ({floor:g} standard deviations)" if strongest.p_value <= 0.05 else ""
    return f"No change found in the answers of {subject}{small} ({evidence})."


def topics(clusters: Sequence[Cluster]) -> str:
    """Which topics are asked about more and less than before: "More about refund, invoice (4 % → 31 %)."; "" if none
    stands out."""
    named = [cluster for cluster in clusters if cluster.words]
    moved = sorted(named, key=lambda cluster: -abs(cluster.share_after - cluster.share_before))
    told = []
    for direction, sign in (("More", 1), ("Less", -1)):
        found = [c for c in moved if sign * (c.share_after - c.share_before) >= _MIN_SHARE_MOVE][:_MOST_TOPICS]
        if found:
            about = "; ".join(
                f"{', '.join(c.words)} ({_percent(c.share_before)} → {_percent(c.share_after)}{', new' * c.is_new})"
                for c in found
            )
            told.append(f" {direction} about {about}.")
    return "".join(told)


def _evidence(test: WindowTest) -> str:
    return f"p = {test.p_value:.3g}, {test.n_current:,} answers now against {test.n_reference:,} before"


def _questions(found: Tested) -> str:
    """Whether the questions changed as well."""
    test = found.tests.get("input")
    if test is None:
        return (
            ""
            if found.overlap is not None
            else " Without the prompts it cannot be told whether the questions changed instead."
        )
    if test.p_value > 0.05:
        return f" Questions did not change (p = {test.p_value:.2g})."
    return f" Questions changed, too (p = {test.p_value:.2g}); what they explain is taken out."


def _answers_then(found: Tested) -> str:
    test = found.tests.get("model")
    if test is None or (found.overlap is not None and not found.overlap.is_enough):
        return " Too little of what the model is given is alike to tell whether it changed as well."
    return f" Answers changed by no more than that explains (p = {test.p_value:.2g})."


def _why_not_separable(found: Tested) -> str:
    overlap = found.overlap
    if overlap is None:
        return "the prompts are not known"
    if overlap.auc > MAX_AUC:
        return f"it tells old from new with an AUC of {overlap.auc:.2f}, and {MAX_AUC} is the most"
    return (
        f"only {_percent(overlap.effective_share)} of the reference is like the prompts of now, and "
        f"{_percent(MIN_EFFECTIVE_SHARE)} are needed"
    )


def _what_moved(effects: Sequence[Effect]) -> str:
    moved = list(_moved(effects))
    return ", ".join(moved[:_MOST_NAMED]) if moved else "many behaviours a little"


def _scores_too(found: Tested, dropped: Effect | None) -> str:
    """That scores dropped as well, by more than other questions explain."""
    test = found.tests.get("quality")
    if test is None or dropped is None or test.p_value > 0.05 or dropped.d >= 0:
        return ""
    return f" Scores dropped {_scores(dropped)} (p = {test.p_value:.2g})."


def _scores(dropped: Effect | None) -> str:
    return "" if dropped is None else f"from {dropped.reference_mean:.3g} to {dropped.current_mean:.3g}"


def _moved(effects: Sequence[Effect]) -> Iterator[str]:
    """One clause per behaviour whose interval leaves out 0; several measures of the same thing make one clause."""
    said: set[str] = set()
    for effect in effects:
        if effect.low <= 0 <= effect.high or effect.behaviour == SCORE:
            continue
        clause, detail = _clause(effect)
        if clause not in said:
            said.add(clause)
            yield detail


def _clause(effect: Effect) -> tuple[str, str]:
    """What it is called, by which it is said once, and how it is said."""
    before, after = effect.reference_mean, effect.current_mean
    behaviour = BY_NAME.get(effect.behaviour)
    if behaviour is None:
        return effect.title, f"{effect.title} {before:.3g} → {after:.3g}"
    clause = behaviour.more if effect.d > 0 else behaviour.less
    if behaviour.kind == "length":
        return clause, f"{_by_how_much(before, after)}{clause}"
    if behaviour.kind == "count":
        return clause, f"{clause} ({before:.2g} → {after:.2g})"
    return clause, f"{clause} ({_percent(before)} → {_percent(after)})"


def _by_how_much(before: float, after: float) -> str:
    if before <= 0 or after > 10 * before:
        return "many times "
    return f"{_percent(abs(after / before - 1))} "


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share == 0 or share >= 0.0095 else f"{100 * share:.1f} %"
