"""What tests of monitors share: a clock, a small configuration, and what the text consumer leaves behind."""

from collections.abc import Iterator, Sequence

from collector.call import Call
from collector.store.base import TextVector
from evaluators import features, topics
from evaluators.drift.config import DriftConfig
from evaluators.vectors import OUTPUT_FEATURES, PROMPT_FEATURES, PROMPT_TOPICS

SMALL = DriftConfig(n_reference=40, n_window=20)
MARCH, JUNE = ("opinionqa", "gpt-4-0314"), ("opinionqa", "gpt-4-0613")


class Clock:
    """A nanosecond later each time it is asked."""

    def __init__(self) -> None:
        self.now_ns = 1_795_262_400_000_000_000

    def __call__(self) -> int:
        self.now_ns += 1
        return self.now_ns


def vectors_of(calls: Sequence[Call]) -> Iterator[TextVector]:
    for call in calls:
        if not call.error_type and call.output_text.strip():
            yield _vector(call, OUTPUT_FEATURES, features.VERSION, features.features(call.output_text))
        if call.prompt_text.strip():
            yield _vector(call, PROMPT_FEATURES, features.VERSION, features.features(call.prompt_text))
            yield _vector(call, PROMPT_TOPICS, topics.VERSION, topics.topic(call.prompt_text).tolist())


def _vector(call: Call, kind: str, version: str, values: Sequence[float]) -> TextVector:
    return TextVector(call_id=call.call_id, call_start_ns=call.start_ns, kind=kind, version=version, values=values)
