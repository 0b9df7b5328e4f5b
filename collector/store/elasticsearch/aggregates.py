"""Metrics over calls and scores, by time and dimensions."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from collector.errors import BadRequest, UnsupportedQuery
from collector.query import DIMENSIONS, Aggregation, Columns, Dimension, Filters
from collector.store.duckdb.filters import CALL_FIELDS, SCORE_FIELDS
from collector.store.elasticsearch import words
from collector.store.elasticsearch.calls import says
from collector.store.elasticsearch.cluster import Clause, Cluster, term
from collector.store.elasticsearch.documents import Row, keyword
from collector.store.elasticsearch.filters import any_of, conditions
from collector.store.elasticsearch.kinds import CALLS, SCORES, Kind
from collector.store.metrics import add, check, score_metric
from collector.times import NS_PER_S

GROUPS_AT_ONCE = 1_000
"""Of a page; with the aggregations in each it stays far below the 65,535 buckets of one answer."""
COMPRESSION = 1000
"""Of percentiles: up to 20 times as many values are ordered exactly, more are summed up within about 0.1 %."""
MAX_READ = 20_000
"""So many texts are read for one answer; it takes seconds."""

_LATENCY = {"percentiles": {"field": "latency_s", "percents": [50, 95, 99], "tdigest": {"compression": COMPRESSION}}}
_TTFT = {"percentiles": {"field": "ttft_s", "percents": [50, 95], "tdigest": {"compression": COMPRESSION}}}
_UNPRICED = {
    "filter": {
        "bool": {
            "must_not": [{"exists": {"field": "cost_usd"}}],
            "should": [
                {"exists": {"field": name}}
                for name in ("request_model", "response_model", "input_tokens", "output_tokens")
            ],
            "minimum_should_match": 1,
        }
    }
}
_ERRORS = {"filter": {"exists": {"field": "error_type"}}}

# By metric: the name of the aggregation that it is read from, and that aggregation.
_ASKED: dict[str, tuple[str, dict[str, Any]] | None] = {
    "requests": None,
    "errors": ("errors", _ERRORS),
    "error_rate": ("errors", _ERRORS),
    "latency_p50_s": ("latency", _LATENCY),
    "latency_p95_s": ("latency", _LATENCY),
    "latency_p99_s": ("latency", _LATENCY),
    "ttft_p50_s": ("ttft", _TTFT),
    "ttft_p95_s": ("ttft", _TTFT),
    "input_tokens": ("input_tokens", {"stats": {"field": "input_tokens"}}),
    "output_tokens": ("output_tokens", {"stats": {"field": "output_tokens"}}),
    "cost_usd": ("cost_usd", {"stats": {"field": "cost_usd"}}),
    "unpriced": ("unpriced", _UNPRICED),
}


def aggregate(cluster: Cluster, query: Aggregation) -> Columns:
    """See TelemetryReader.aggregate. A metric without a known value in a group is None there."""
    check(query)
    step_ns = None if query.step_s is None else max(1, round(query.step_s * NS_PER_S))
    keys = (["time_ns"] if step_ns else []) + list(dict.fromkeys(query.by))
    groups: dict[tuple[Any, ...], Row] = {}
    if metrics := [metric for metric in query.metrics if metric in _ASKED]:
        asked = dict(found for metric in metrics if (found := _ASKED[metric]) is not None)
        index = cluster.between(CALLS, query.filters.since_ns, query.filters.until_ns)
        buckets = grouped(cluster, CALLS, _call_clauses(cluster, query.filters), asked, keys, step_ns, index=index)
        add(groups, keys, [bucket_keys | _call_values(metrics, bucket) for bucket_keys, bucket in buckets])
    if metrics := [metric for metric in query.metrics if metric not in _ASKED]:
        clauses = conditions(query.filters, time=SCORES.time, allowed=SCORE_FIELDS, kind="metrics of scores")
        asked, of_evaluators = _score_asked(metrics)
        index = cluster.between(SCORES, query.filters.since_ns, query.filters.until_ns)
        buckets = grouped(cluster, SCORES, [*clauses, of_evaluators], asked, keys, step_ns, index=index)
        add(groups, keys, [bucket_keys | _score_values(metrics, bucket) for bucket_keys, bucket in buckets])
    ordered = sorted(groups, key=lambda key: [(part is None, part) for part in key])
    return {name: [groups[key].get(name) for key in ordered] for name in (*keys, *query.metrics)}


def values(cluster: Cluster, dimension: Dimension, filters: Filters) -> list[str]:
    if dimension not in DIMENSIONS:
        raise BadRequest(f"{dimension!r} is no dimension; there are {', '.join(DIMENSIONS)}")
    index = cluster.between(CALLS, filters.since_ns, filters.until_ns)
    buckets = grouped(cluster, CALLS, _call_clauses(cluster, filters), {}, [dimension], None, index=index)
    counted = {keys[dimension]: bucket["doc_count"] for keys, bucket in buckets}
    counted.pop(None, None)
    return sorted(counted, key=lambda value: (-counted[value], value))


def _call_clauses(cluster: Cluster, filters: Filters) -> list[Clause]:
    clauses = conditions(filters, time="start_ns", allowed=CALL_FIELDS, kind="calls")
    if not filters.text:
        return clauses
    # The index knows words; where several stand beside each other, or one is very long, only the texts know.
    is_one_word = words.is_one_word(filters.text)
    unsure = [*clauses, {"term": {"has_long_words": True}}] if is_one_word else clauses
    fields = ("call_id", "start_ns", "input_messages", "output_messages")
    with cluster.errors():
        rows = list(islice(cluster.all_rows(CALLS, unsure, fields=fields, page_rows=1_000), MAX_READ + 1))
    if len(rows) > MAX_READ:
        raise UnsupportedQuery(
            f"more than {MAX_READ} calls may contain this text; choose a shorter range, or a text of a single word"
        )
    ways = [any_of("call_id", [row["call_id"] for row in rows if says(filters.text, row)])]
    if is_one_word:
        ways.append(words.is_in_words(words.lowered(filters.text)))
    return [*clauses, {"bool": {"should": ways, "minimum_should_match": 1}}]


def grouped(
    cluster: Cluster,
    kind: Kind,
    clauses: Sequence[Clause],
    asked: dict[str, Any],
    keys: Sequence[str],
    step_ns: int | None,
    *,
    index: str,
) -> Iterator[tuple[Row, dict[str, Any]]]:
    """(the values of `keys`, the answer to `asked` and `doc_count`) of each group that has a document."""
    body: dict[str, Any] = {"query": {"bool": {"filter": list(clauses)}}, "size": 0}
    with cluster.errors():
        if not keys:
            found = cluster.search(kind, body | {"aggs": asked, "track_total_hits": True}, index=index)
            n_rows = found["hits"]["total"]["value"]
            if n_rows:
                yield {}, found.get("aggregations", {}) | {"doc_count": n_rows}
            return
        composite: dict[str, Any] = {"size": GROUPS_AT_ONCE, "sources": [_source(kind, key, step_ns) for key in keys]}
        while True:
            groups: dict[str, Any] = {"composite": composite} | ({"aggs": asked} if asked else {})
            answer = cluster.search(kind, body | {"aggs": {"groups": groups}, "track_total_hits": False}, index=index)
            found = answer.get("aggregations", {}).get("groups", {"buckets": ()})
            for bucket in found["buckets"]:
                yield bucket["key"], bucket
            if len(found["buckets"]) < GROUPS_AT_ONCE:
                return
            composite["after"] = found["after_key"]


def _source(kind: Kind, key: str, step_ns: int | None) -> dict[str, Any]:
    if key == "time_ns":
        # Of a field that is a number, what is called milliseconds here are its own units: nanoseconds, exactly.
        return {key: {"date_histogram": {"field": kind.time, "fixed_interval": f"{step_ns}ms"}}}
    return {key: {"terms": {"field": key, "missing_bucket": True}}}


def _call_values(metrics: Sequence[str], bucket: dict[str, Any]) -> Row:
    return {metric: _call_value(metric, bucket) for metric in metrics}


def _call_value(metric: str, bucket: dict[str, Any]) -> float | int | None:
    asked = _ASKED[metric]
    if asked is None:
        return int(bucket["doc_count"])
    found = bucket[asked[0]]
    if metric == "error_rate":
        return float(found["doc_count"] / bucket["doc_count"])
    if "doc_count" in found:
        return int(found["doc_count"])
    if "values" in found:
        percent = float(metric.split("_")[1].removeprefix("p"))
        return _number(found["values"][f"{percent:.1f}"])
    if not found["count"]:
        return None
    return int(found["sum"]) if metric.endswith("tokens") else float(found["sum"])


def _score_asked(metrics: Sequence[str]) -> tuple[dict[str, Any], Clause]:
    asked: dict[str, Any] = {}
    evaluators = []
    for number, metric in enumerate(metrics):
        evaluator, what, label = score_metric(metric) or ("", "", None)
        evaluators.append(evaluator)
        inner: dict[str, Any] = {}
        if what == "mean":
            inner = {"mean": {"avg": {"field": "value"}}}
        elif what == "label":
            labelled = {"filter": {"exists": {"field": "label"}}}
            inner = {"labelled": labelled, "mine": {"filter": term("label", keyword(label or ""))}}
        asked[f"m{number}"] = {"filter": term("evaluator", keyword(evaluator))} | ({"aggs": inner} if inner else {})
    return asked, any_of("evaluator", evaluators)


def _score_values(metrics: Sequence[str], bucket: dict[str, Any]) -> Row:
    row: Row = {}
    for number, metric in enumerate(metrics):
        found = bucket[f"m{number}"]
        if "mean" in found:
            row[metric] = _number(found["mean"]["value"])
        elif "labelled" in found:
            n_labelled = found["labelled"]["doc_count"]
            row[metric] = found["mine"]["doc_count"] / n_labelled if n_labelled else None
        else:
            row[metric] = found["doc_count"]
    return row


def _number(value: float | str | None) -> float | None:
    """Elasticsearch says null or "NaN" where there was nothing to count."""
    return None if value is None or value == "NaN" else float(value)
