"""What a monitor is: a value that the state database and REST hold as JSON."""

import secrets
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, ValidationError, model_validator

from collector.call import Call
from collector.errors import BadRequest
from collector.times import format_rfc3339
from collector.validation import TimeNs, complaints, shorten
from evaluators.drift.config import DriftConfig
from evaluators.drift.decide import EFFECT_FLOOR, MIN_ALPHA
from evaluators.drift.monitors.segment import Segment
from evaluators.drift.windows.battery import MIN_ROWS

Kind = Literal["model", "input", "retrieval", "quality", "stream"]
KINDS: tuple[Kind, ...] = ("model", "input", "retrieval", "quality", "stream")

MAX_REFERENCE = 2_000
MAX_NAME_CHARS = 120

Time = Annotated[TimeNs, PlainSerializer(format_rfc3339, return_type=str, when_used="json")]


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Rolling(_Value):
    """The last 14 full days less the last 2, and the first `n_reference` sessions until there are so many days. Frozen
    until somebody accepts a change, or 28 days have passed and old against new is quiet."""

    policy: Literal["rolling"] = "rolling"


class Pinned(_Value):
    """Chosen by hand, and never refreshed by itself: a range of time, a version of the own service or prompt, or a
    golden set that was imported, by its tag or metadata. Every one given must hold.

    A golden set is looked for in the whole project: it was imported under names of its own.
    """

    policy: Literal["pinned"] = "pinned"
    since: Time | None = None
    until: Time | None = None
    version: Annotated[str, Field(min_length=1)] | None = None
    tag: Annotated[str, Field(min_length=1)] | None = None
    metadata: dict[str, str] = Field(default={})

    @property
    def is_golden_set(self) -> bool:
        return self.tag is not None or bool(self.metadata)

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not (self.is_golden_set or self.version or self.since is not None):
            raise ValueError("a pinned reference needs since, version, tag or metadata")
        if self.since is not None and self.until is not None and self.since >= self.until:
            raise ValueError("since must be before until; swap them")
        return self


class Monitor(_Value):
    """`kinds` says what is looked at. Of services and so on, null is any, and "" those that have none.

    A window is `n_window` sessions, of which one call each is compared. `alpha` is the share of false alarms among
    windows in which nothing changed; `false_alarms_per_month` that of the streams. `tolerance` is how much a mean
    score may fall without anybody being told.
    """

    monitor_id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9:-]{0,63}$")]
    name: Annotated[str, Field(min_length=1, max_length=MAX_NAME_CHARS)]
    project: Annotated[str, Field(min_length=1)]
    service: str | None = None
    request_model: str | None = None
    environment: str | None = None
    prompt_template: str | None = None
    route: str | None = None
    kinds: tuple[Kind, ...] = KINDS
    score: str = "groundedness"
    """The evaluator whose scores are the quality."""
    n_window: int = Field(default=50, ge=MIN_ROWS, le=1_000)
    n_reference: int = Field(default=200, ge=MIN_ROWS, le=MAX_REFERENCE)
    alpha: float = Field(default=0.01, ge=MIN_ALPHA, le=0.2)
    false_alarms_per_month: float = Field(default=0.1, gt=0, le=10)
    effect_floor: float = Field(default=EFFECT_FLOOR, ge=EFFECT_FLOOR, le=5)
    tolerance: float = Field(default=0.02, ge=0, le=0.5)
    reference: Annotated[Rolling | Pinned, Field(discriminator="policy")] = Rolling()
    paused: bool = False
    automatic: bool = False
    """It made itself, for a service and model that were seen."""

    @model_validator(mode="after")
    def _can_work(self) -> Self:
        if not self.kinds or len(set(self.kinds)) < len(self.kinds):
            raise ValueError(f"kinds: name each of {', '.join(KINDS)} at most once, and one at least")
        if self.n_reference % self.n_window:
            fitting = self.n_window * max(1, round(self.n_reference / self.n_window))
            raise ValueError(f"n_reference: must be a multiple of n_window ({self.n_window}); try {fitting}")
        return self

    @property
    def segment(self) -> Segment:
        return Segment(
            self.project, self.service, self.request_model, self.environment, self.prompt_template, self.route
        )

    def watches(self, kind: Kind) -> bool:
        return kind in self.kinds

    def to_json(self) -> dict[str, Any]:
        return self.model_dump(mode="json")


def new_monitor_id() -> str:
    """One that no other monitor has."""
    return f"monitor:{secrets.token_hex(8)}"


def automatic_monitor(call: Call, config: DriftConfig) -> Monitor:
    """The monitor of the segment of `call`, as the configuration wants them."""
    segment = Segment.of(call)
    return Monitor(
        monitor_id=segment.automatic_id,
        name=shorten_name(segment.title),
        project=segment.project,
        service=segment.service,
        request_model=segment.request_model,
        automatic=True,
        **of_config(config),
    )


def of_config(config: DriftConfig) -> dict[str, Any]:
    """What the configuration says about every monitor that says nothing else."""
    return {
        "n_window": config.n_window,
        "n_reference": config.n_reference,
        "alpha": config.alpha,
        "false_alarms_per_month": config.false_alarms_per_month,
        "tolerance": config.tolerance,
        "score": config.score,
    }


def shorten_name(name: str) -> str:
    return name if len(name) <= MAX_NAME_CHARS else f"{name[: MAX_NAME_CHARS - 1]}…"


def monitor_from_json(document: object) -> Monitor:
    """The monitor that `document` (parsed JSON) says.

    Raises:
        BadRequest: it is none; the text names each field and what to write.
    """
    if not isinstance(document, Mapping):
        raise BadRequest(f"a monitor is a JSON object, got {shorten(document)}")
    try:
        return Monitor.model_validate(document)
    except ValidationError as error:
        raise BadRequest(f"monitor: {'; '.join(complaints(error, Monitor))}") from error
