"""Metrics over calls and scores, by time and dimensions."""

from collections.abc import Sequence
from typing import Any

from collector.errors import BadRequest
from collector.query import DIMENSIONS, Aggregation, Columns, Dimension, Filters
from collector.store.duckdb.days import Days
from collector.store.duckdb.filters import CALL_FIELDS, SCORE_FIELDS, Where, where
from collector.store.duckdb.paging import Row, rows
from collector.store.duckdb.tables import CALLS, SCORES, Table
from collector.store.metrics import add, check, score_metric
from collector.times import NS_PER_S

# The same words in every metric, so that DuckDB orders the values once for all of them.
_LATENCY = "quantile_cont(latency_s, [0.5, 0.95, 0.99])"
_TTFT = "quantile_cont(ttft_s, [0.5, 0.95])"

_CALL_SQL = {
    "requests": "count(*)",
    "errors": "count(error_type)",
    "error_rate": "count(error_type) / count(*)",
    "latency_p50_s": f"{_LATENCY}[1]",
    "latency_p95_s": f"{_LATENCY}[2]",
    "latency_p99_s": f"{_LATENCY}[3]",
    "ttft_p50_s": f"{_TTFT}[1]",
    "ttft_p95_s": f"{_TTFT}[2]",
    "input_tokens": "sum(input_tokens)",
    "output_tokens": "sum(output_tokens)",
    "cost_usd": "sum(cost_usd)",
    "unpriced": "count(*) FILTER (cost_usd IS NULL"
    " AND coalesce(request_model, response_model, input_tokens::VARCHAR, output_tokens::VARCHAR) IS NOT NULL)",
}


def aggregate(days: Days, query: Aggregation) -> Columns:
    """See TelemetryReader.aggregate. A metric without a known value in a group is None there."""
    check(query)
    step_ns = None if query.step_s is None else max(1, round(query.step_s * NS_PER_S))
    keys = (["time_ns"] if step_ns else []) + list(dict.fromkeys(query.by))
    groups: dict[tuple[Any, ...], Row] = {}
    if call_metrics := [metric for metric in query.metrics if metric in _CALL_SQL]:
        chosen = {metric: _CALL_SQL[metric] for metric in call_metrics}
        condition = where(query.filters, time="start_ns", allowed=CALL_FIELDS, kind="calls")
        add(groups, keys, _grouped(days, CALLS, query.filters, chosen, condition, keys, step_ns))
    if score_metrics := [metric for metric in query.metrics if metric not in _CALL_SQL]:
        condition = where(query.filters, time="target_start_ns", allowed=SCORE_FIELDS, kind="metrics of scores")
        chosen, condition = _score_sql(score_metrics, condition)
        add(groups, keys, _grouped(days, SCORES, query.filters, chosen, condition, keys, step_ns))
    ordered = sorted(groups, key=lambda key: [(part is None, part) for part in key])
    return {name: [groups[key].get(name) for key in ordered] for name in (*keys, *query.metrics)}


def values(days: Days, dimension: Dimension, filters: Filters) -> list[str]:
    if dimension not in DIMENSIONS:
        raise BadRequest(f"{dimension!r} is no dimension; there are {', '.join(DIMENSIONS)}")
    condition = where(filters, time="start_ns", allowed=CALL_FIELDS, kind="calls")
    counted = _grouped(days, CALLS, filters, {"n": "count(*)"}, condition, [dimension], None)
    known = [row for row in counted if row[dimension] is not None]
    return [row[dimension] for row in sorted(known, key=lambda row: (-row["n"], row[dimension]))]


def _score_sql(metrics: Sequence[str], condition: Where) -> tuple[dict[str, str], Where]:
    chosen: dict[str, str] = {}
    values = dict(condition.parameters)
    for i, metric in enumerate(metrics):
        evaluator, what, label = score_metric(metric) or ("", "", None)
        values[f"evaluator_{i}"] = evaluator
        mine = f"evaluator = $evaluator_{i}"
        if what == "label":
            values[f"label_{i}"] = label
            labelled = f"nullif(count(label) FILTER ({mine}), 0)"
            chosen[metric] = f"count(*) FILTER ({mine} AND label = $label_{i}) / {labelled}"
        else:
            chosen[metric] = f"count(*) FILTER ({mine})" if what == "n" else f"avg(value) FILTER ({mine})"
    names = ", ".join(f"$evaluator_{i}" for i in range(len(metrics)))
    return chosen, Where(f"{condition.sql} AND evaluator IN ({names})", values)


def _grouped(
    days: Days,
    table: Table,
    filters: Filters,
    chosen: dict[str, str],
    condition: Where,
    keys: Sequence[str],
    step_ns: int | None,
) -> list[Row]:
    """One row per group of `keys`, in columns named after the keys and the metrics of `chosen` (name -> SQL)."""
    touched = days.between(filters.since_ns, filters.until_ns)
    if not touched:
        return []
    steps = f"{table.time} // {step_ns} * {step_ns}"
    grouped_by = [f"{steps if key == 'time_ns' else key} AS {key}" for key in keys]
    columns = ", ".join([*grouped_by, *(f"{sql} AS m{i}" for i, sql in enumerate(chosen.values()))])
    source = " UNION ALL ".join(f"FROM {day.name}.{table.name}" for day in touched)
    sql = f"SELECT {columns} FROM ({source}) WHERE {condition.sql}"
    sql += f" GROUP BY {', '.join(str(i + 1) for i in range(len(keys)))}" if keys else ""
    with days.cursor(touched) as cursor:
        found = rows(cursor, f"{sql} HAVING count(*) > 0", condition.parameters)
    names = [*keys, *chosen]
    return [dict(zip(names, row.values(), strict=True)) for row in found]
