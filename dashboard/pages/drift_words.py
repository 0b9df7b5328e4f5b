"""Drift verdicts in words: what each outcome is called, the sentence on top of a page, what a guarantee promises."""

from collections.abc import Mapping
from dataclasses import dataclass

from dash import html

from collector.verdict import Verdict
from dashboard import words
from dashboard.parts import Child, Tone

ALARMING = ("model_changed", "quality_dropped")
"""Outcomes that wait for an answer."""

FEEDBACK: Mapping[str, tuple[str, Tone]] = {
    "accepted": ("accepted as the new normal", "good"),
    "false_alarm": ("reported as false", "quiet"),
}
_SAME = 0.05
"""A test with a p-value above this found nothing; the explanations of verdicts draw the line there, too."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """`text` stands in tables, with `tone`."""

    text: str
    tone: Tone | None


OUTCOMES: Mapping[str, Outcome] = {
    "no_change": Outcome("✓ no change", None),
    "model_changed": Outcome("▲ model changed", "crit"),
    "quality_dropped": Outcome("▲ quality dropped", "crit"),
    "traffic_changed": Outcome("questions changed", "warn"),
    "cannot_separate": Outcome("cannot be separated", "warn"),
    "released": Outcome("new release", "quiet"),
    "not_enough_data": Outcome("not enough data", "quiet"),
}


def outcome_of(verdict: Verdict) -> Outcome:
    if verdict.outcome == "traffic_changed" and _is_retrieval(verdict):
        return Outcome("retrieval changed", "warn")
    return OUTCOMES.get(verdict.outcome, Outcome(verdict.outcome.replace("_", " "), None))


def tone_of(verdict: Verdict, feedback: str | None) -> Tone:
    """Of the card; what was answered is calm again."""
    if verdict.outcome == "no_change":
        return "good"
    if feedback is not None:
        return "quiet"
    if verdict.outcome in ALARMING:
        return "warn" if verdict.severity == "warning" or verdict.held_back is not None else "crit"
    return "warn" if verdict.outcome == "cannot_separate" else "quiet"


def title_of(verdict: Verdict) -> str:
    """gpt-4 in support; the name of a monitor that people made."""
    return verdict.monitor_name or _segment(verdict)


def _segment(verdict: Verdict) -> str:
    model = verdict.request_model or "The unnamed model"
    return f"{model} in {verdict.service}" if verdict.service else model


def when_ns(verdict: Verdict) -> int:
    """When the change began, as far as it is known."""
    return verdict.current_start_ns if verdict.onset_ns is None else verdict.onset_ns


def sentence(verdict: Verdict) -> list[Child]:
    """The answer on top: what changed, when, and whether the questions did."""
    model = html.B(verdict.request_model or ("every model" if verdict.monitor_name else "the unnamed model"))
    place = f" in {verdict.service}" if verdict.service else ""
    around = f" around {words.day_and_clock(when_ns(verdict))}."
    match verdict.outcome:
        case "model_changed":
            return ["The model behind ", model, f"{place} changed{around}{_questions(verdict)}"]
        case "quality_dropped":
            return ["The quality of ", model, f"{place} dropped{around}{_questions(verdict)}"]
        case "traffic_changed" if _is_retrieval(verdict):
            return ["What is retrieved for ", model, f"{place} changed{around}"]
        case "traffic_changed":
            return ["Questions for ", model, f"{place} changed{around}{_model(verdict)}"]
        case "cannot_separate":
            return ["Questions and answers of ", model,
                    f"{place} changed{around} Whether the model did cannot be told."]  # fmt: skip
        case "released":
            return ["A new release of ", model, f"{place} began{around} That is no alarm."]
        case "no_change":
            return ["No change found in the answers of ", model, f"{place}."]
        case "not_enough_data":
            return ["Too little data to compare the answers of ", model, f"{place}."]
    return [outcome_of(verdict).text.capitalize(), ": ", model, f"{place}."]


def _questions(verdict: Verdict) -> str:
    test = verdict.tests.get("input")
    if test is None:
        return ""
    return " Questions did not." if test.p_value > _SAME else " Questions changed, too."


def _model(verdict: Verdict) -> str:
    test = verdict.tests.get("model")
    return " The model did not." if test is not None and test.p_value > _SAME else ""


def _is_retrieval(verdict: Verdict) -> bool:
    found = {name: verdict.tests[name].p_value for name in ("input", "retrieval") if name in verdict.tests}
    return bool(found) and min(found, key=lambda name: found[name]) == "retrieval"


def questions_fact(verdict: Verdict) -> tuple[str, str, str]:
    """(value, note, hint): whether the questions changed."""
    test = verdict.tests.get("input")
    if test is None:
        return "Not compared", "prompts are not known, or not looked at", ""
    note = f"{words.p_value(test.p_value)}, n = {test.n_reference:,} and {test.n_current:,}"
    return ("Unchanged" if test.p_value > _SAME else "Changed"), note, test.guarantee


def in_a_hundred(alpha: float) -> str:
    """1 false alarm in 100"""
    n = 1 / alpha
    return f"1 false alarm in {n:,.0f}" if abs(n - round(n)) < 1e-6 * n else f"1 false alarm in {words.digits(n)}"
