"""What is computed from one call alone: pure functions, run in the child process."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from evaluators import features, grounding, safety, topics
from evaluators.features import ToolCall
from evaluators.vectors import OUTPUT_FEATURES, PROMPT_FEATURES, PROMPT_TOPICS


class CallTexts(NamedTuple):
    """`output` is "" for a call that failed or answered no text; without `tool_calls` either, there is no answer."""

    prompt: str
    output: str
    contexts: tuple[str, ...]
    tool_calls: tuple[ToolCall, ...] = ()


class Finding(NamedTuple):
    """A score without its call."""

    evaluator: str
    version: str
    value: float | None
    label: str | None
    explanation: str | None
    marks: tuple[Mapping[str, Any], ...] = ()


class Scored(NamedTuple):
    """`features` are by kind of vector; an answer or a prompt that is not there has none."""

    findings: tuple[Finding, ...]
    features: Mapping[str, Sequence[float]]


def score(texts: CallTexts) -> Scored:
    """Behaviours of prompt and answer, topic of the prompt, groundedness, safety."""
    return Scored(
        findings=(*_grounding(texts), *_safety(texts)),
        features=dict(_behaviours(texts)),
    )


def _behaviours(texts: CallTexts) -> Iterator[tuple[str, Sequence[float]]]:
    if texts.output.strip() or texts.tool_calls:
        yield OUTPUT_FEATURES, features.features(texts.output, texts.tool_calls)
    if texts.prompt.strip():
        yield PROMPT_FEATURES, features.features(texts.prompt)
        yield PROMPT_TOPICS, topics.topic(texts.prompt).tolist()


def _grounding(texts: CallTexts) -> Iterator[Finding]:
    found = grounding.ground(texts.output, texts.contexts)
    if found is not None:
        yield Finding(
            evaluator="groundedness",
            version=grounding.VERSION,
            value=found.value,
            label=found.label,
            explanation=found.explanation,
            marks=tuple(found.marks),
        )


def _safety(texts: CallTexts) -> Iterator[Finding]:
    """The checks that have something to read: a call without an answer did not refuse, and did not comply."""
    found = safety.assess(texts.prompt, texts.output, texts.contexts)
    reads_answer = bool(texts.output.strip())
    reads_input = bool(texts.prompt.strip() or texts.contexts)
    for evaluator, finding, is_due in (
        ("refusal", found.refusal, reads_answer),
        ("pii", found.pii, reads_answer),
        ("injection", found.injection, reads_input),
    ):
        if is_due:
            yield Finding(
                evaluator=evaluator,
                version=safety.VERSION,
                value=finding.value,
                label=finding.label,
                explanation=finding.explanation,
                marks=tuple(finding.marks),
            )
