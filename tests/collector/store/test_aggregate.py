"""Metrics are exact, and what is not known is not a number."""

import random
from dataclasses import replace

import numpy as np
import pytest

from collector.errors import BadRequest, UnsupportedQuery
from collector.query import CALL_METRICS, Aggregation
from collector.score import Score

HOUR_NS = 3600 * 10**9
DAY_NS = 24 * HOUR_NS


def of(filters, *metrics, **more):
    return Aggregation(filters=filters, metrics=metrics, **more)


@pytest.fixture
def many(a_call):
    rng = random.Random(11)
    base = a_call().start_ns
    return [
        a_call(
            start_ns=base + rng.randrange(3 * DAY_NS),
            request_model=rng.choice(["small", "large"]),
            service=rng.choice(["shop", "help", None]),
            latency_s=rng.choice([None, rng.lognormvariate(0, 1)]),
            ttft_s=rng.random(),
            input_tokens=rng.choice([None, rng.randrange(1000)]),
            cost_usd=rng.choice([None, rng.random()]),
            error_type=rng.choice([None, None, "429"]),
        )
        for _ in range(400)
    ]


def test_every_metric_agrees_with_numpy_over_days(store, everything, a_batch, many):
    store.write([a_batch(many)])
    row = {name: column[0] for name, column in store.aggregate(of(everything, *CALL_METRICS)).items()}
    latencies = [call.latency_s for call in many if call.latency_s is not None]
    assert row["requests"] == 400
    assert row["errors"] == sum(call.error_type is not None for call in many)
    assert row["error_rate"] == pytest.approx(row["errors"] / 400)
    for metric, q in (("latency_p50_s", 50), ("latency_p95_s", 95), ("latency_p99_s", 99)):
        assert row[metric] == pytest.approx(np.percentile(latencies, q))
    for metric, q in (("ttft_p50_s", 50), ("ttft_p95_s", 95)):
        assert row[metric] == pytest.approx(np.percentile([call.ttft_s for call in many], q))
    assert row["input_tokens"] == sum(call.input_tokens or 0 for call in many)
    assert row["output_tokens"] == 5 * 400
    assert row["cost_usd"] == pytest.approx(sum(call.cost_usd or 0 for call in many))
    assert row["unpriced"] == sum(call.cost_usd is None for call in many)


def test_groups_are_ordered_by_time_then_dimensions_and_gaps_stay_gaps(store, everything, a_batch, many):
    store.write([a_batch(many)])
    table = store.aggregate(of(everything, "requests", step_s=3600, by=("request_model", "service")))
    assert list(table) == ["time_ns", "request_model", "service", "requests"]
    counted = {}
    for call in many:
        key = (call.start_ns // HOUR_NS * HOUR_NS, call.request_model, call.service)
        counted[key] = counted.get(key, 0) + 1
    rows = list(zip(table["time_ns"], table["request_model"], table["service"], table["requests"], strict=True))
    assert {row[:3]: row[3] for row in rows} == counted
    assert [row[:3] for row in rows] == sorted(counted, key=lambda key: (key[0], key[1], key[2] is None, key[2] or ""))


def test_no_calls_give_no_row(store, everything, a_call, a_batch):
    assert store.aggregate(of(everything, *CALL_METRICS)) == {name: [] for name in CALL_METRICS}
    store.write([a_batch([a_call()])])
    nobody = replace(everything, service="nobody")
    assert store.aggregate(of(nobody, "requests", "error_rate")) == {"requests": [], "error_rate": []}
    assert store.aggregate(of(nobody, "requests", "error_rate", step_s=60)) == {
        "time_ns": [],
        "requests": [],
        "error_rate": [],
    }


def test_a_sum_of_unknowns_is_unknown(store, everything, a_call, a_batch):
    store.write([a_batch([a_call(cost_usd=None, input_tokens=None, latency_s=None)])])
    table = store.aggregate(of(everything, "cost_usd", "input_tokens", "latency_p50_s", "requests"))
    assert table == {"cost_usd": [None], "input_tokens": [None], "latency_p50_s": [None], "requests": [1]}


def test_a_call_without_model_and_tokens_is_not_unpriced(store, everything, a_call, a_batch):
    nothing = dict.fromkeys(("cost_usd", "request_model", "response_model", "input_tokens", "output_tokens"))
    calls = [a_call(**nothing), a_call(**nothing | {"input_tokens": 0}), a_call(**nothing | {"response_model": "m"})]
    store.write([a_batch([*calls, a_call()])])
    assert store.aggregate(of(everything, "unpriced"))["unpriced"] == [2]


def test_filters_apply_to_metrics(store, everything, a_batch, many):
    store.write([a_batch(many)])
    small = [call for call in many if call.request_model == "small" and call.error_type]
    asked = replace(everything, request_model="small", has_error=True)
    assert store.aggregate(of(asked, "requests"))["requests"] == [len(small)]


@pytest.mark.parametrize(
    "query",
    [
        {"metrics": ["nonsense"]},
        {"metrics": ["score:mean"]},
        {"metrics": ["score::mean"]},
        {"metrics": ["score:x:median"]},
        {"metrics": []},
        {"metrics": ["requests"], "by": ["user_id; DROP TABLE calls"]},
        {"metrics": ["requests"], "step_s": 0},
        {"metrics": ["requests"], "step_s": -1.0},
    ],
)
def test_what_cannot_be_asked_is_refused_with_what_can(store, everything, query):
    with pytest.raises(BadRequest):
        store.aggregate(Aggregation(filters=everything, **query))


def test_the_refusal_names_the_metrics(store, everything):
    with pytest.raises(BadRequest, match=r"latency_p95_s.*score:NAME:mean"):
        store.aggregate(of(everything, "latency"))


def test_values_of_a_dimension_come_most_used_first(store, everything, a_call, a_batch):
    calls = [a_call(service=name) for name in ("b", "a", "c", "b", "c", "b", None)]
    store.write([a_batch(calls)])
    assert store.values("service", everything) == ["b", "c", "a"]
    assert store.values("error_type", everything) == []
    with pytest.raises(BadRequest, match="environment"):
        store.values("user_id", everything)


@pytest.fixture
def scored():
    def make(call, evaluator, value=None, label=None, author=None):
        return Score(
            target_id=call.call_id,
            target_start_ns=call.start_ns,
            evaluator=evaluator,
            version="1",
            source="model",
            value=value,
            label=label,
            created_ns=call.start_ns,
            author=author,
            service=call.service,
            request_model=call.request_model,
            environment=call.environment,
            project=call.project,
            trace_id=call.trace_id,
        )

    return make


def test_scores_are_metrics_beside_those_of_calls(store, everything, a_call, a_batch, scored):
    small, large = [a_call(request_model="small") for _ in range(4)], [a_call(request_model="large") for _ in range(3)]
    store.write([a_batch([*small, *large])])
    store.write_scores([
        *(scored(call, "judge:tone", value, label) for call, value, label in
          zip(small, (1.0, 0.5, 0.0, None), ("good", "good", "bad", None), strict=True)),
        scored(small[0], "refusal", 0.25),
    ])  # fmt: skip
    metrics = ("requests", "score:judge:tone:mean", "score:judge:tone:n", "score:judge:tone:label:good",
               "score:refusal:mean", "score:nobody:mean", "score:nobody:n", "score:nobody:label:x")  # fmt: skip
    table = store.aggregate(of(everything, *metrics, by=("request_model",)))
    assert table == {
        "request_model": ["large", "small"],
        "requests": [3, 4],
        "score:judge:tone:mean": [None, 0.5],
        "score:judge:tone:n": [None, 4],
        "score:judge:tone:label:good": [None, pytest.approx(2 / 3)],
        "score:refusal:mean": [None, 0.25],
        "score:nobody:mean": [None, None],
        "score:nobody:n": [None, 0],
        "score:nobody:label:x": [None, None],
    }


def test_scores_alone_are_grouped_by_the_time_of_their_calls(store, everything, a_call, a_batch, scored):
    calls = [a_call(start_ns=a_call().start_ns + day * DAY_NS) for day in (0, 1, 1)]
    store.write_scores([scored(call, "x", value) for call, value in zip(calls, (0.0, 0.5, 1.0), strict=True)])
    table = store.aggregate(of(everything, "score:x:mean", step_s=86_400))
    assert table == {
        "time_ns": [call.start_ns // DAY_NS * DAY_NS for call in calls[:2]],
        "score:x:mean": [0.0, 0.75],
    }


def test_scores_refuse_what_they_do_not_know(store, everything):
    with pytest.raises(UnsupportedQuery, match="response_model"):
        store.aggregate(of(everything, "score:x:mean", by=("response_model",)))
    with pytest.raises(UnsupportedQuery, match="user_id"):
        store.aggregate(of(replace(everything, user_id="u"), "score:x:mean"))
