"""What an alert rule says. A rule is a value; the state database and REST hold it as JSON."""

import re
from collections.abc import Mapping
from string import Formatter
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from collector.errors import BadRequest
from collector.query import CALL_METRICS
from collector.validation import complaints, near_match, shorten
from evaluators.alerts.wording import is_share

Severity = Literal["info", "warning", "critical"]
RuleDimension = Literal["environment", "service", "request_model"]
"""The facts that calls, scores and labels of alerts all have."""

DAY_S = 86_400.0

_SCORE_METRIC = re.compile(r"score:(?P<evaluator>.+?):(label:.+|mean|n)")
_PLACES = ("service", "request_model", "environment")
_METRIC_FIELDS = ("metric", "value", "comparison", "threshold", "window", "n", *_PLACES)
_VERDICT_FIELDS = ("service", "request_model", "outcome", "p_value", "n", "explanation")


class _Rule(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    rule_id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
    name: Annotated[str, Field(min_length=1, max_length=120)]
    severity: Severity = "warning"
    project: str | None = None
    """None: every project, each by itself."""
    service: str | None = None
    request_model: str | None = None
    enabled: bool = True

    def to_json(self) -> dict[str, Any]:
        return self.model_dump(mode="json")


class MetricRule(_Rule):
    """`metric` over the last `window_s` seconds, one alert for each value of `by`, once it was beyond `threshold` for
    `for_s` seconds. A window with fewer than `min_samples` calls (or scores) says nothing either way.
    """

    kind: Literal["metric"] = "metric"
    metric: str
    comparison: Literal["above", "below"]
    threshold: float
    environment: str | None = None
    by: tuple[RuleDimension, ...] = ("service", "request_model")
    window_s: Annotated[float, Field(ge=1, le=7 * DAY_S)] = 300.0
    for_s: Annotated[float, Field(ge=0, le=DAY_S)] = 0.0
    min_samples: Annotated[int, Field(ge=1)] = 20
    summary: str = "{metric} of {request_model} in {service} is {value}, {comparison} {threshold} ({window}, n = {n})."

    @field_validator("metric")
    @classmethod
    def _known(cls, metric: str) -> str:
        if metric in CALL_METRICS or _SCORE_METRIC.fullmatch(metric):
            return metric
        known = [*CALL_METRICS, "score:NAME:mean", "score:NAME:label:LABEL"]
        raise ValueError(f"unknown metric, {near_match(metric, known)}")

    @field_validator("by")
    @classmethod
    def _distinct(cls, by: tuple[RuleDimension, ...]) -> tuple[RuleDimension, ...]:
        if len(set(by)) < len(by):
            raise ValueError("must name each dimension once")
        return by

    @field_validator("summary")
    @classmethod
    def _summary_fields(cls, summary: str) -> str:
        return _checked_template(summary, _METRIC_FIELDS)

    @model_validator(mode="after")
    def _can_happen(self) -> Self:
        if is_share(self.metric) and not 0 <= self.threshold <= 1:
            raise ValueError(f"{self.metric} lies in 0 ... 1, so threshold must too; write 0.05 for 5 %")
        if self.metric == self.samples_metric and self.comparison == "below":
            # Without calls there is no series, and missing data is not zero: the rule would sleep when it matters.
            raise ValueError(
                f"{self.metric} can only be watched for being above: where nothing comes, there is no data"
            )
        return self

    @property
    def samples_metric(self) -> str:
        """The metric that counts what `metric` is computed from."""
        match = _SCORE_METRIC.fullmatch(self.metric)
        return f"score:{match['evaluator']}:n" if match else "requests"

    def breached(self, value: float) -> bool:
        return value > self.threshold if self.comparison == "above" else value < self.threshold


class VerdictRule(_Rule):
    """A drift verdict with this outcome, one alert for each (service, requested model) and monitor that people made."""

    kind: Literal["verdict"] = "verdict"
    outcome: Literal["model_changed", "quality_dropped", "traffic_changed", "cannot_separate"] = "model_changed"
    summary: str = "{explanation}"

    @field_validator("summary")
    @classmethod
    def _summary_fields(cls, summary: str) -> str:
        return _checked_template(summary, _VERDICT_FIELDS)


Rule = MetricRule | VerdictRule

_KINDS: Mapping[str, type[MetricRule] | type[VerdictRule]] = {"metric": MetricRule, "verdict": VerdictRule}


def rule_from_json(document: object) -> Rule:
    """The rule that `document` (parsed JSON) says.

    Raises:
        BadRequest: it is no rule; the text names each field and what to write.
    """
    if not isinstance(document, Mapping):
        raise BadRequest(f"a rule is a JSON object, got {shorten(document)}")
    kind = document.get("kind")
    model = _KINDS.get(kind) if isinstance(kind, str) else None
    if model is None:
        raise BadRequest(f"rule: kind must be one of {', '.join(_KINDS)}, got {shorten(kind)}")
    try:
        return model.model_validate(document)
    except ValidationError as error:
        raise BadRequest(f"rule: {'; '.join(complaints(error, model))}") from error


def _checked_template(template: str, known: tuple[str, ...]) -> str:
    """`template`, when it only names fields of `known`: an attribute or a format could read or break more."""
    try:
        parts = list(Formatter().parse(template))
    except ValueError as error:
        raise ValueError(f"is no template ({error}); write {{{{ for a brace") from error
    for _text, name, format_spec, conversion in parts:
        if name is not None and (name not in known or format_spec or conversion):
            raise ValueError(f"can only hold {', '.join(f'{{{field}}}' for field in known)}")
    return template
