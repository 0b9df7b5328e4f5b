"""One score as people and their users send it -> Score. Pure."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from collector.call import Call
from collector.errors import BadRequest
from collector.score import Score, TargetKind, target_facts
from collector.validation import TimeNs, complaints, shorten

OWN_EVALUATORS = ("groundedness", "refusal", "injection", "pii")

Text = Annotated[str, Field(min_length=1)]


def _is_free(evaluator: str) -> str:
    # Charts, alerts and the review queue read these by name: what anybody posts must not move them.
    if evaluator in OWN_EVALUATORS or evaluator.startswith("judge:"):
        raise ValueError(f"is computed here; choose a name of your own, such as user:{evaluator}")
    return evaluator


class Mark(BaseModel):
    """Characters of the answer: code points, end exclusive."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
    start: Annotated[int, Field(ge=0)]
    end: Annotated[int, Field(ge=1)]
    kind: Text

    @model_validator(mode="after")
    def _is_not_empty(self) -> Self:
        if self.start >= self.end:
            raise ValueError("start must be below end, which is exclusive")
        return self


class ScoreDocument(BaseModel):
    """A score by a person (`human`) or an end user (`user`); the other sources are the evaluators' own.

    What is known of the target is read from the target. So that an answer of GET can be sent back, these fields may
    stand here and are not looked at: score_id, target_start_time, project, service, environment, request_model,
    trace_id.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
    target_kind: TargetKind = "call"
    target_id: Text
    evaluator: Annotated[Text, AfterValidator(_is_free)]
    version: Text = "1"
    source: Literal["human", "user"]
    value: Annotated[float, Field(ge=0, le=1, description="1 is best")] | None = None
    label: Text | None = None
    explanation: str | None = None
    marks: list[Mark] = []
    author: Text | None = None
    cost_usd: Annotated[float, Field(ge=0)] | None = None
    time: TimeNs | None = None
    score_id: Any = None
    target_start_time: Any = None
    project: Any = None
    service: Any = None
    environment: Any = None
    request_model: Any = None
    trace_id: Any = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.value is None and self.label is None:
            raise ValueError("value or label must be given")
        return self


def score_document(document: object) -> ScoreDocument:
    """Raises BadRequest with the path of what is wrong."""
    if not isinstance(document, Mapping):
        raise BadRequest(f"must be a JSON object with the fields of a score, got {shorten(document)}")
    try:
        return ScoreDocument.model_validate(document)
    except ValidationError as error:
        raise BadRequest("; ".join(complaints(error, ScoreDocument))) from error


def score_of(document: ScoreDocument, first: Call, *, now_ns: int) -> Score:
    """`first` is the call that the target is or begins with."""
    return Score(
        target_kind=document.target_kind,
        target_id=document.target_id,
        evaluator=document.evaluator,
        version=document.version,
        source=document.source,
        value=document.value,
        label=document.label,
        explanation=document.explanation,
        marks=[mark.model_dump() for mark in document.marks],
        cost_usd=document.cost_usd,
        created_ns=now_ns if document.time is None else document.time,
        author=document.author,
        **target_facts(first),
    )
