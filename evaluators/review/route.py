"""Which calls people should look at: a pure decision."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from collector.call import Call
from collector.score import Score
from evaluators.judge.sample import sampled

Stratum = Literal["doubt", "random"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A call for the queue. `inclusion_probability` is that of its stratum, before the queue is cut to its size."""

    call_id: str
    call_start_ns: int
    project: str
    stratum: Stratum
    inclusion_probability: float
    reason: str


def route(calls: Sequence[Call], scores: Sequence[Score], *, random_share: float, key: bytes) -> list[Candidate]:
    """The calls that enter the queue, in order.

    Random: a share of the calls that can be labelled, drawn without a look at any score, so that its labels speak for
    all of them. Doubt: every call whose `groundedness` is doubtful, where a label tells most, and nothing about the
    rest. A call in both is random: taking it out would leave the random stratum short of doubtful calls.
    """
    doubtful = {s.target_id: s for s in scores if s.evaluator == "groundedness" and s.label == "doubtful"}
    candidates = []
    for call in calls:
        if not call.output_text.strip() or not call.context_texts:
            continue  # there is nothing that could be supported, or nothing to support it
        drawn, score = sampled(key, call.call_id, random_share), doubtful.get(call.call_id)
        reasons = [f"drawn at random from {random_share:.2%} of calls"] if drawn else []
        if score is not None:
            value = "" if score.value is None else f" ({score.value:.2f})"
            reasons.append(f"groundedness is doubtful{value}")
        if reasons:
            candidates.append(
                Candidate(
                    call_id=call.call_id,
                    call_start_ns=call.start_ns,
                    project=call.project,
                    stratum="random" if drawn else "doubt",
                    inclusion_probability=random_share if drawn else 1.0,
                    reason="; ".join(reasons),
                )
            )
    return candidates
