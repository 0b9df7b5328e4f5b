"""Scores, vectors and verdicts are replaced by key and read by time."""

from dataclasses import replace

import pytest

from collector.errors import BadRequest, UnsupportedQuery
from collector.score import Score
from collector.store.base import TextVector
from collector.verdict import Cluster, Effect, Pair, Verdict, WindowTest

DAY_NS = 86_400 * 10**9
NOON_NS = 20_000 * DAY_NS + DAY_NS // 2


def a_score(**given):
    values = {
        "target_id": "c1", "target_start_ns": NOON_NS, "evaluator": "groundedness", "version": "1", "source": "model",
        "value": 0.5, "created_ns": NOON_NS + 5, "service": "shop", "request_model": "m", "trace_id": "t1",
    }  # fmt: skip
    return Score(**values | given)


def a_verdict(**given):
    values = {
        "verdict_id": "v1", "monitor": "text", "project": "default", "service": "shop", "request_model": "m",
        "outcome": "model_changed", "decided_ns": NOON_NS, "reference_start_ns": 1, "reference_end_ns": 2,
        "current_start_ns": 3, "current_end_ns": 4, "n_reference": 200, "n_current": 50, "statistic": 9.5,
        "p_value": 0.005, "alpha": 0.05, "guarantee": "g", "explanation": "e",
        "effects": (Effect(behaviour="n_words", title="Words", d=1.0, low=0.5, high=1.5, reference_mean=3.0,
                           current_mean=4.0),),
        "pairs": (Pair(prompt_before="p", before="a", before_call_id="1", prompt_after="q", after="b",
                       after_call_id="2"),),
    }  # fmt: skip
    return Verdict(**values | given)


def test_a_score_is_read_as_it_was_written(reopen, everything):
    score = a_score(
        label="doubtful", explanation="why", marks=({"start": 0, "end": 3, "kind": "number"},), cost_usd=0.1,
        author="ann", source="human", environment="prod", project="p", value=None,
    )  # fmt: skip
    reopen().write_scores([score])
    assert reopen().scores(everything).items == [score]


def test_the_same_evaluator_writes_over_itself(store, everything):
    store.write_scores([a_score(value=0.1), a_score(value=0.2)])
    store.write_scores([a_score(value=0.3)])
    assert [score.value for score in store.scores(everything).items] == [0.3]


@pytest.mark.parametrize(
    "other", [{"version": "2"}, {"author": "ben"}, {"target_id": "c2"}, {"evaluator": "x"}, {"target_kind": "trace"}]
)
def test_another_evaluator_version_author_or_target_is_another_score(store, everything, other):
    store.write_scores([a_score()])
    store.write_scores([a_score(**other)])
    assert len(store.scores(everything).items) == 2


def test_scores_come_newest_target_first_in_stable_pages(store, everything):
    scores = [a_score(target_id=f"c{i}", target_start_ns=NOON_NS + i // 3 * DAY_NS) for i in range(10)]
    store.write_scores(scores[::2])
    store.write_scores(scores[1::2])
    found, cursor = [], None
    while True:
        page = store.scores(everything, limit=3, cursor=cursor)
        found += page.items
        if (cursor := page.next_cursor) is None:
            break
        store.write_scores([a_score(target_id=f"new{len(found)}", target_start_ns=NOON_NS + 9 * DAY_NS)])
    assert found == sorted(scores, key=lambda score: (-score.target_start_ns, score.score_id))


def test_scores_are_chosen_by_evaluator_target_source_and_fields(store, everything):
    plain = a_score()
    human = a_score(source="human", author="ann", evaluator="human:groundedness")
    other = a_score(target_id="c2", service="help", trace_id="t2", request_model="n", environment="dev", project="p")
    store.write_scores([plain, human, other])
    assert store.scores(everything, evaluator="human:groundedness").items == [human]
    assert store.scores(everything, source="human").items == [human]
    assert store.scores(everything, target_id="c2").items == [other]
    for field in ("service", "trace_id", "request_model", "environment", "project"):
        assert store.scores(replace(everything, **{field: getattr(other, field)})).items == [other]


@pytest.mark.parametrize("field", [{"user_id": "u"}, {"text": "x"}, {"has_error": True}, {"response_model": "m"}])
def test_scores_and_verdicts_refuse_a_filter_they_do_not_know(store, everything, field):
    with pytest.raises(UnsupportedQuery, match=next(iter(field))):
        store.scores(replace(everything, **field))
    with pytest.raises(UnsupportedQuery, match=next(iter(field))):
        store.verdicts(replace(everything, **field))


def test_a_trace_shows_the_scores_of_its_calls_and_its_own(store, a_call, a_batch):
    call = a_call()
    store.write([a_batch([call])])
    mine = {"target_start_ns": call.start_ns}
    by_call = a_score(target_id=call.call_id, trace_id=None, **mine)
    by_trace = a_score(target_kind="trace", target_id=call.trace_id, trace_id=None, **mine)
    by_field = a_score(target_id="elsewhere", trace_id=call.trace_id, **mine)
    store.write_scores([by_call, by_trace, by_field, a_score(**mine)])
    found = store.trace(call.trace_id).scores
    assert sorted(score.score_id for score in found) == sorted(s.score_id for s in (by_call, by_trace, by_field))


def test_vectors_are_read_by_call_kind_and_version(reopen):
    def vector(call_id, values, **given):
        key = {"call_start_ns": NOON_NS, "kind": "features:output", "version": "1"} | given
        return TextVector(call_id=call_id, values=values, **key)

    store = reopen()
    store.write_vectors([vector("a", [0.5, 1.0]), vector("b", [2.0], call_start_ns=NOON_NS + DAY_NS)])
    store.write_vectors([vector("a", [0.25, -1.0]), vector("a", [9.0], version="2"), vector("c", [9.0], kind="x")])
    found = reopen().vectors(["a", "b", "c", "nobody"], kind="features:output", version="1")
    assert {call_id: list(values) for call_id, values in found.items()} == {"a": [0.25, -1.0], "b": [2.0]}
    assert reopen().vectors([], kind="features:output", version="1") == {}


def test_a_verdict_is_read_as_it_was_written(reopen, everything):
    reopen().write_verdicts([a_verdict()])
    assert reopen().verdicts(everything).items == [a_verdict()]


def test_a_verdict_written_again_is_one_verdict(store, everything):
    store.write_verdicts([a_verdict()])
    store.write_verdicts([a_verdict(explanation="better")])
    assert [verdict.explanation for verdict in store.verdicts(everything).items] == ["better"]


def test_verdicts_come_newest_first_and_are_filtered(store, everything):
    verdicts = [
        a_verdict(verdict_id=f"v{i}", decided_ns=NOON_NS + i * DAY_NS // 2, service=f"s{i % 2}") for i in range(6)
    ]
    store.write_verdicts(verdicts)
    first = store.verdicts(everything, limit=4)
    rest = store.verdicts(everything, limit=4, cursor=first.next_cursor)
    assert [*first.items, *rest.items] == verdicts[::-1]
    assert store.verdicts(replace(everything, service="s1", since_ns=NOON_NS + DAY_NS)).items == [
        verdicts[5],
        verdicts[3],
    ]


def test_lists_refuse_a_broken_cursor(store, everything):
    with pytest.raises(BadRequest, match="cursor"):
        store.scores(everything, cursor="?")
    with pytest.raises(BadRequest, match="cursor"):
        store.verdicts(everything, cursor="?")


def test_a_verdict_is_read_with_all_that_it_says(reopen, everything):
    test = WindowTest(name="model", statistic=3.5, p_value=0.001, n_reference=200, n_current=50, guarantee="exact")
    cluster = Cluster(
        words=("refund", "parcel"), share_before=0.1, share_after=0.2, n_before=20, n_after=10, is_new=False,
        statistic=None, p_value=None,
    )  # fmt: skip
    verdict = a_verdict(
        monitor_name="Shop", severity="critical", onset_ns=NOON_NS - 9, tests={"model": test}, clusters=(cluster,),
        contributors=("service bank",), notes=("left out",), held_back="too many",
    )  # fmt: skip
    released = a_verdict(verdict_id="v2", outcome="released", statistic=None, p_value=None, effects=(), pairs=())
    reopen().write_verdicts([verdict, released])
    assert reopen().verdicts(everything).items == [verdict, released]
    assert verdict.to_json()["onset_time"].endswith("Z")
    assert released.to_json()["onset_time"] is None


def test_the_newest_value_of_each_target_is_read_at_once(store):
    store.write_scores(
        [
            a_score(target_id="c1", value=0.1),
            a_score(target_id="c1", version="2", value=0.2, created_ns=NOON_NS + 9),
            a_score(target_id="c2", target_start_ns=NOON_NS - DAY_NS, value=0.3),
            a_score(target_id="c3", value=None, label="refused"),
            a_score(target_id="c4", evaluator="other", value=0.4),
            a_score(target_id="c5", value=0.5),
        ]
    )
    assert store.score_values(["c1", "c2", "c3", "c4", "none"], evaluator="groundedness") == {"c1": 0.2, "c2": 0.3}
    assert store.score_values([], evaluator="groundedness") == {}
