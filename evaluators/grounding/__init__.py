"""Does an answer stay with what its contexts say?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from evaluators.grounding.evidence import read_evidence
from evaluators.grounding.marks import marks
from evaluators.grounding.rule import CheckedSentence, check_sentence
from evaluators.sentences import sentences

VERSION = "lexical-1"

Label = Literal["grounded", "doubtful", "ungrounded"]

GROUNDED_FROM = 0.6
UNGROUNDED_BELOW = 0.4
"""The largest steps of 0.05 that leave 1 in 4 and 1 in 8 supported answers below, over seven labelled sets.

What lies between belongs to a judge or a person.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grounding:
    """`value` is in [0, 1], 1 where the contexts hold each word, number and name of the answer.

    `marks` are unsupported characters of the answer: {"start", "end", "kind"}, in code points, end exclusive, with the
    kinds word, number and name.
    """

    value: float
    label: Label
    marks: Sequence[Mapping[str, Any]]
    explanation: str


def ground(answer: str, contexts: Sequence[str]) -> Grounding | None:
    """Compare an answer with its contexts, sentence by sentence.

    The value is the mean support of the sentences, weighted by how much each states. None where there is nothing to
    check against or nothing to check: no context, no answer, or an answer that only declines.
    """
    if not any(context.strip() for context in contexts):
        return None
    evidence = read_evidence(contexts)
    found = (check_sentence(answer, start, end, evidence) for start, end in sentences(answer))
    checked = [sentence for sentence in found if sentence is not None]
    if not checked:
        return None
    n_checked = sum(sentence.n_checked for sentence in checked)
    value = sum(sentence.support * sentence.n_checked for sentence in checked) / n_checked
    return Grounding(
        value=value,
        label="grounded" if value >= GROUNDED_FROM else "ungrounded" if value < UNGROUNDED_BELOW else "doubtful",
        marks=tuple(mark for sentence in checked for mark in marks(answer, sentence.unsupported)),
        explanation=_explain(answer, checked, value),
    )


def _explain(answer: str, checked: Sequence[CheckedSentence], value: float) -> str:
    missing = [(token.kind, answer[token.start : token.end]) for s in checked for token in s.unsupported]
    summary = f"{100 * value:.0f} % of the answer is supported by its contexts"
    notes = []
    for kind, title in (("number", "numbers"), ("name", "names")):
        found = list(dict.fromkeys(word for k, word in missing if k == kind))
        if found:
            notes.append(f"{title} not in them: {', '.join(found[:5])}{', ...' if len(found) > 5 else ''}")
    return "; ".join((summary, *notes)) + "."
