"""The consumer that scores every call: behaviours, groundedness, safety."""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from collector.call import Call
from collector.score import Score, target_facts
from collector.store.base import TextVector
from evaluators import features, topics
from evaluators.features import ToolCall
from evaluators.runner import Consumer, Results
from evaluators.scoring import CallTexts, Finding
from evaluators.vectors import PROMPT_TOPICS
from evaluators.worker import Worker

TEXT = "text"


@dataclass(frozen=True, slots=True)
class TextEvaluator:
    """Sends the texts of calls to the child process and makes scores and vectors of what comes back."""

    worker: Worker
    clock: Callable[[], int] = time.time_ns

    def evaluate(self, calls: Sequence[Call]) -> Results:
        """Raises WorkerUnavailable when there is no child process to ask."""
        scored = self.worker.score([texts_of(call) for call in calls])
        now_ns = self.clock()
        done = [(call, found) for call, found in zip(calls, scored, strict=True) if found is not None]
        return Results(
            scores=[_score(call, finding, now_ns) for call, found in done for finding in found.findings],
            vectors=[
                TextVector(
                    call_id=call.call_id,
                    call_start_ns=call.start_ns,
                    kind=kind,
                    version=topics.VERSION if kind == PROMPT_TOPICS else features.VERSION,
                    values=values,
                )
                for call, found in done
                for kind, values in found.features.items()
            ],
            n_failed=len(calls) - len(done),
        )


def text_consumer(
    worker: Worker,
    *,
    clock: Callable[[], int] = time.time_ns,
    after: Callable[[Sequence[Call], Sequence[Score]], object] | None = None,
) -> Consumer:
    return Consumer(name=TEXT, evaluate=TextEvaluator(worker, clock).evaluate, after=after)


def texts_of(call: Call) -> CallTexts:
    """A failed call has no answer: what came before the failure is not what the model would have said."""
    return CallTexts(
        prompt=call.prompt_text,
        output="" if call.error_type is not None else call.output_text,
        contexts=tuple(call.context_texts),
        tool_calls=() if call.error_type is not None else tuple(tool_calls_of(call)),
    )


def tool_calls_of(call: Call) -> Iterator[ToolCall]:
    for message in call.output_messages or ():
        for part in message.get("parts", ()):
            if part.get("type") == "tool_call":
                arguments = part.get("arguments")
                # Some senders give the model's own letters, others what they parsed, and "" where there are none.
                is_written = isinstance(arguments, str) and arguments.strip()
                written = arguments if is_written else json.dumps(arguments or {}, ensure_ascii=False)
                yield ToolCall(str(part.get("name") or ""), written)


def _score(call: Call, finding: Finding, now_ns: int) -> Score:
    return Score(
        target_id=call.call_id,
        evaluator=finding.evaluator,
        version=finding.version,
        source="model",
        value=finding.value,
        label=finding.label,
        explanation=finding.explanation,
        marks=finding.marks,
        created_ns=now_ns,
        **target_facts(call),
    )
