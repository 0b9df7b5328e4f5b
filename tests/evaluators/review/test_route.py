from collections.abc import Callable

import pytest

from collector.call import Call
from collector.score import Score
from evaluators.judge.sample import sampled
from evaluators.review.route import route

KEY = b"k" * 32


def grounded(call: Call, label: str, evaluator: str = "groundedness") -> Score:
    return Score(
        target_id=call.call_id, target_start_ns=call.start_ns, evaluator=evaluator, version="1", source="model",
        value=0.5, label=label, created_ns=1,
    )  # fmt: skip


def test_doubtful_calls_all_enter_and_say_why(a_call: Callable[..., Call]) -> None:
    calls = [a_call(f"{n}") for n in range(3)]
    scores = [grounded(c, label) for c, label in zip(calls, ("doubtful", "grounded", "ungrounded"), strict=True)]
    (candidate,) = route(calls, scores, random_share=0.0, key=KEY)
    assert (candidate.call_id, candidate.stratum, candidate.inclusion_probability) == ("0", "doubt", 1.0)
    assert candidate.reason == "groundedness is doubtful (0.50)"


def test_only_groundedness_makes_doubt(a_call: Callable[..., Call]) -> None:
    assert not route([a_call("1")], [grounded(a_call("1"), "doubtful", "refusal")], random_share=0.0, key=KEY)


def test_the_random_stratum_does_not_look_at_scores(a_call: Callable[..., Call]) -> None:
    calls = [a_call(f"{n}") for n in range(500)]
    drawn = {c.call_id for c in route(calls, [], random_share=0.1, key=KEY)}
    assert 20 <= len(drawn) <= 85  # Binomial(500, 0.1): 50, give or take five standard deviations of 6.7
    all_doubtful = route(calls, [grounded(c, "doubtful") for c in calls], random_share=0.1, key=KEY)
    assert {c.call_id for c in all_doubtful if c.stratum == "random"} == drawn


def test_a_call_in_both_strata_enters_once_as_random(a_call: Callable[..., Call]) -> None:
    call = a_call("1")
    (candidate,) = route([call], [grounded(call, "doubtful")], random_share=1.0, key=KEY)
    assert (candidate.stratum, candidate.inclusion_probability) == ("random", 1.0)
    assert candidate.reason == "drawn at random from 100.00% of calls; groundedness is doubtful (0.50)"


def test_what_people_label_at_random_the_judge_has_judged_too(a_call: Callable[..., Call]) -> None:
    calls = [a_call(f"{n}") for n in range(1_000)]
    drawn = route(calls, [], random_share=0.02, key=KEY)
    assert drawn
    assert all(sampled(KEY, candidate.call_id, 0.05) for candidate in drawn)


@pytest.mark.parametrize("missing", [{"answer": " "}, {"contexts": ()}])
def test_a_call_without_answer_or_contexts_cannot_be_labelled(
    a_call: Callable[..., Call], missing: dict[str, object]
) -> None:
    call = a_call("1", **missing)
    assert not route([call], [grounded(call, "doubtful")], random_share=1.0, key=KEY)
