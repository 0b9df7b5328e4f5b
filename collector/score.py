"""What an evaluator, a judge, a person or a user said about one call, trace or session."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal, TypedDict

from collector.call import DEFAULT_PROJECT, Call
from collector.times import format_rfc3339

Source = Literal["model", "judge", "human", "user"]
TargetKind = Literal["call", "trace", "session"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """One verdict on one target. `value` is in [0, 1] where the evaluator has a scale, None where only a label fits.

    `target_start_ns` (the start of the call or trace) places the score in the day of its target. The facts of the
    target stand on the score too, so that a chart of scores needs no join.
    `marks` are the characters of the answer it speaks of: {"start", "end", "kind"}, in code points, end exclusive.
    """

    target_kind: TargetKind = "call"
    target_id: str
    target_start_ns: int
    evaluator: str
    version: str
    source: Source
    value: float | None = None
    label: str | None = None
    explanation: str | None = None
    marks: Sequence[Mapping[str, Any]] = ()
    cost_usd: float | None = None
    created_ns: int
    author: str | None = None
    """The reviewer or the judge's model; two reviewers' labels of one call both stay."""
    project: str = DEFAULT_PROJECT
    service: str | None = None
    environment: str | None = None
    request_model: str | None = None
    trace_id: str | None = None

    @property
    def score_id(self) -> str:
        """Key of idempotent writes: the same evaluator on the same target writes over itself, and over no other."""
        said_by = (self.evaluator, self.version, self.source, self.author or "")
        # Two projects may have sessions, traces or calls of one id.
        owner = () if self.project == DEFAULT_PROJECT else (self.project,)
        key = "\x1f".join((self.target_kind, self.target_id, *said_by, *owner))
        return hashlib.sha256(key.encode()).hexdigest()[:32]

    def to_json(self) -> dict[str, Any]:
        values = {f.name: getattr(self, f.name) for f in fields(self) if not f.name.endswith("_ns")}
        return values | {
            "score_id": self.score_id,
            "marks": list(self.marks),
            "target_start_time": format_rfc3339(self.target_start_ns),
            "time": format_rfc3339(self.created_ns),
        }


class TargetFacts(TypedDict):
    """What a score repeats of its target."""

    target_start_ns: int
    project: str
    service: str | None
    environment: str | None
    request_model: str | None
    trace_id: str | None


def target_facts(call: Call) -> TargetFacts:
    """Those of a score on `call`, or on the trace or session that begins with it."""
    return TargetFacts(
        target_start_ns=call.start_ns,
        project=call.project,
        service=call.service,
        environment=call.environment,
        request_model=call.request_model,
        trace_id=call.trace_id,
    )
