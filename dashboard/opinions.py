"""Scores as people read them: a chip with a sign, a word and a number."""

from collections.abc import Mapping, Sequence

from dash import html

from collector.score import Score
from dashboard import parts, words
from dashboard.parts import Tone
from dashboard.table import Cell

_TONES: Mapping[tuple[str, str], Tone] = {
    ("groundedness", "grounded"): "good", ("groundedness", "doubtful"): "warn", ("groundedness", "ungrounded"): "crit",
    ("refusal", "refused"): "warn", ("refusal", "deflected"): "warn", ("refusal", "answered"): "quiet",
    ("injection", "injection"): "crit", ("injection", "none"): "good",
    ("pii", "pii"): "crit", ("pii", "none"): "good",
    ("human:groundedness", "grounded"): "good", ("human:groundedness", "ungrounded"): "crit",
    ("judge:groundedness", "yes"): "good", ("judge:groundedness", "no"): "crit",
}  # fmt: skip

_WORDS: Mapping[tuple[str, str], str] = {
    ("injection", "injection"): "injection attempt", ("injection", "none"): "no injection",
    ("pii", "pii"): "personal data", ("pii", "none"): "no personal data",
}  # fmt: skip

_VALUE_IS_SHOWN = ("groundedness", "injection")
"""Where the number says more than the label."""


def latest(scores: Sequence[Score]) -> list[Score]:
    """The newest of each evaluator and author: what an older version said is history. Groundedness first."""
    newest: dict[tuple[str, str | None], Score] = {}
    for score in sorted(scores, key=lambda score: score.created_ns):
        newest[score.evaluator, score.author] = score
    told = [score for score in newest.values() if score.label != "withdrawn"]
    return sorted(told, key=lambda score: (score.evaluator != "groundedness", score.evaluator, score.author or ""))


def tone(score: Score) -> Tone:
    return _TONES.get((score.evaluator, score.label or ""), "quiet")


def word(score: Score) -> str:
    """ungrounded 0.41, refused, helpfulness 4"""
    kind, _, name = score.evaluator.rpartition(":")
    label = score.label or ""
    said = _WORDS.get((score.evaluator, label), label if (score.evaluator, label) in _TONES else f"{name} {label}")
    if score.value is not None and (score.evaluator in _VALUE_IS_SHOWN or not label):
        said = f"{said.strip()} {words.score(score.value)}"
    by = {"judge": ", says the judge", "human": f", says {score.author or 'a person'}"}.get(kind, "")
    return f"{said.strip()}{by}"


def chip(score: Score) -> html.Span:
    return parts.chip(word(score), tone(score), hint=score.explanation)


def cell(score: Score) -> Cell:
    """The label with its sign."""
    text = f"{parts.SIGNS[tone(score)]} {score.label or words.NONE}".strip()
    return Cell(text=text, tone=tone(score), hint=score.explanation)
