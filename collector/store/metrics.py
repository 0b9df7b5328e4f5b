"""What can be asked about metrics, whatever the store: names, refusals, and metrics of calls beside those of scores."""

from collections.abc import Sequence
from typing import Any

from collector.errors import BadRequest, UnsupportedQuery
from collector.query import CALL_METRICS, DIMENSIONS, Aggregation, Dimension

Row = dict[str, Any]

SCORE_DIMENSIONS: tuple[Dimension, ...] = ("project", "environment", "service", "request_model")


def check(query: Aggregation) -> None:
    for metric in query.metrics:
        if metric not in CALL_METRICS and score_metric(metric) is None:
            raise BadRequest(
                f"{metric!r} is no metric; there are {', '.join(CALL_METRICS)},"
                " score:NAME:mean, score:NAME:n and score:NAME:label:LABEL"
            )
    for name in query.by:
        if name not in DIMENSIONS:
            raise BadRequest(f"{name!r} is no dimension; there are {', '.join(DIMENSIONS)}")
    if not query.metrics:
        raise BadRequest("no metric was asked for; name at least one")
    if query.step_s is not None and not 0 < query.step_s < float("inf"):
        raise BadRequest(f"step_s must be above 0, got {query.step_s!r}")
    if any(score_metric(metric) for metric in query.metrics):
        _check_score_dimensions(query.by)


def _check_score_dimensions(by: Sequence[Dimension]) -> None:
    if unknown := [name for name in by if name not in SCORE_DIMENSIONS]:
        raise UnsupportedQuery(
            f"scores cannot be grouped by {', '.join(unknown)}; they know {', '.join(SCORE_DIMENSIONS)}"
        )


def score_metric(metric: str) -> tuple[str, str, str | None] | None:
    """(evaluator, what, label) of `score:NAME:mean`, `score:NAME:n`, `score:NAME:label:LABEL`; NAME may hold colons."""
    if not metric.startswith("score:"):
        return None
    rest = metric.removeprefix("score:")
    evaluator, found, label = rest.partition(":label:")
    if found:
        return (evaluator, "label", label) if evaluator and label else None
    evaluator, _, what = rest.rpartition(":")
    return (evaluator, what, None) if evaluator and what in ("mean", "n") else None


def add(groups: dict[tuple[Any, ...], Row], keys: Sequence[str], found: Sequence[Row]) -> None:
    """Outer join: a group that only calls or only scores have is kept, with None for the metrics of the other."""
    for row in found:
        groups.setdefault(tuple(row[key] for key in keys), {}).update(row)
