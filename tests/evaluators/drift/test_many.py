import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluators.drift.many import Candidate, Node, OnlineFdr, blamed, by, digest, e_bh, e_from_p, ranked
from evaluators.drift.many.digest import HOUR_NS

E_VALUES = st.lists(st.floats(0, 1e6), max_size=20)


def test_a_p_value_becomes_evidence_of_one_on_average() -> None:
    # Of the evidence, all p-values below 1e-12 hold 1 / -log(1e-12), which is 0.036: the sum stops there.
    edges = np.geomspace(1e-12, 1, 200_001)
    middles = (edges[1:] + edges[:-1]) / 2
    mean = sum(e_from_p(p) * width for p, width in zip(middles.tolist(), np.diff(edges).tolist(), strict=True))
    assert mean == pytest.approx(1 - 1 / -math.log(1e-12), abs=0.003)


@given(st.floats(1e-12, 1), st.floats(1e-12, 1))
def test_a_smaller_p_value_is_no_less_evidence(p: float, q: float) -> None:
    low, high = sorted((p, q))
    assert e_from_p(low) >= e_from_p(high) - 1e-4


@pytest.mark.parametrize("bad", [0.0, -0.1, 1.1, math.nan])
def test_what_is_no_p_value_is_refused(bad: float) -> None:
    with pytest.raises(ValueError, match="p-value"):
        e_from_p(bad)


def test_p_values_are_found_as_benjamini_and_yekutieli_say() -> None:
    assert by([0.05], fdr=0.05) == (0,)
    assert by([], fdr=0.05) == ()
    # Ten questions: 0.05 / 10 / (1 + 1/2 + ... + 1/10) is 0.00171.
    assert by([0.5] * 9 + [0.0017], fdr=0.05) == (9,)
    assert by([0.5] * 9 + [0.0018], fdr=0.05) == ()
    assert by([0.5] * 8 + [0.0034, 0.0030], fdr=0.05) == (9, 8), "two together need less each"
    with pytest.raises(ValueError, match="p-values"):
        by([0.0], fdr=0.05)


def test_one_question_needs_one_over_the_level() -> None:
    assert e_bh([20.0], fdr=0.05) == (0,)
    assert e_bh([19.9], fdr=0.05) == ()
    assert e_bh([], fdr=0.05) == ()


def test_discoveries_help_one_another() -> None:
    assert e_bh([30, 1, 25, 0], fdr=0.1) == (0, 2)
    assert e_bh([30, 1, 1, 0], fdr=0.1) == ()


@given(E_VALUES, st.floats(0.01, 0.5))
def test_what_is_found_is_the_strongest(e_values: list[float], fdr: float) -> None:
    found = e_bh(e_values, fdr=fdr)
    assert all(e_values[i] * len(found) * fdr >= len(e_values) for i in found)
    assert sorted((e_values[i] for i in found), reverse=True) == sorted(e_values, reverse=True)[: len(found)]


@pytest.mark.parametrize("bad", [-1.0, math.nan])
def test_what_is_no_e_value_is_refused(bad: float) -> None:
    with pytest.raises(ValueError, match="e-values"):
        e_bh([1.0, bad], fdr=0.05)


def test_later_questions_need_more_and_discoveries_pay_for_them() -> None:
    fdr = OnlineFdr(fdr=0.1)
    assert fdr.needed == pytest.approx(20)
    is_found, fdr = fdr.ask(1.0)
    assert (is_found, fdr.needed) == (False, pytest.approx(60))
    is_found, fdr = fdr.ask(60.1)
    assert (is_found, fdr.needed) == (True, pytest.approx(60))


def test_without_changes_few_streams_of_questions_have_a_discovery() -> None:
    rng = np.random.default_rng(3)
    n_wrong = 0
    for _ in range(1_000):
        fdr = OnlineFdr(fdr=0.1)
        for p in rng.random(50):
            fdr = fdr.ask(0.5 / math.sqrt(p))[1]
        n_wrong += fdr.n_found > 0
    # Without changes every discovery is false, so at most one stream in ten has one; Binomial(1000, 0.1) stays <= 140.
    assert n_wrong <= 140


def test_the_questions_go_on_after_a_restart() -> None:
    fdr = OnlineFdr(fdr=0.05).ask(1e9)[1]
    assert OnlineFdr.from_json(json.loads(json.dumps(fdr.to_json()))) == fdr
    with pytest.raises(ValueError, match="fdr"):
        OnlineFdr(fdr=0)


def node(*path: str, e: float = 0.5, strength: float = 0.0) -> Node:
    return Node(path=path, e_value=e, strength=strength or math.log(e))


def paths(nodes: tuple[Node, ...]) -> list[str]:
    return ["/".join(found.path) for found in nodes]


def test_one_changed_route_is_named_and_not_its_alias() -> None:
    nodes = [node("gpt", e=900), node("gpt", "chat", e=5_000), node("gpt", "search"), node("gpt", "mail")]
    assert paths(blamed(nodes)) == ["gpt/chat"]


def test_a_route_that_hides_in_its_alias_is_named() -> None:
    nodes = [node("gpt"), node("gpt", "chat", e=5_000), node("gpt", "search"), node("gpt", "mail")]
    assert paths(blamed(nodes)) == ["gpt/chat"]


def test_an_alias_that_changed_everywhere_is_named_once() -> None:
    nodes = [node("gpt", e=900), *(node("gpt", route, e=500) for route in "abc"), node("claude")]
    assert paths(blamed(nodes)) == ["gpt"]


def test_an_alias_whose_parts_show_nothing_is_named_itself() -> None:
    assert paths(blamed([node("gpt", e=900), node("gpt", "a"), node("gpt", "b")])) == ["gpt"]


def test_blame_goes_down_to_a_cluster() -> None:
    nodes = [
        node("gpt", e=900),
        node("gpt", "chat", e=800),
        node("gpt", "mail"),
        *(node("gpt", "chat", cluster, e=9_000 if cluster == "refunds" else 0.5) for cluster in ("refunds", "x", "y")),
        node("claude", e=700),
    ]
    assert paths(blamed(nodes)) == ["gpt/chat/refunds", "claude"]


def test_without_evidence_nothing_is_blamed_and_the_likeliest_stands_first() -> None:
    nodes = [node("a", strength=1.0), node("b", strength=3.0)]
    assert blamed(nodes) == ()
    assert paths(ranked(nodes)) == ["b", "a"]


def candidate(alias: str, route: str, *, hour: float = 0, evidence: float = 100) -> Candidate:
    return Candidate(
        monitor_id=f"{alias}/{route}", alias=alias, route=route, onset_ns=int(hour * HOUR_NS), evidence=evidence
    )


def test_one_onset_on_several_routes_is_one_change_of_the_provider() -> None:
    found = digest([candidate("gpt", "a"), candidate("gpt", "b", hour=3, evidence=500)], routes={"gpt": 4})
    (group,) = found.shown
    assert (group.cause, group.onset_ns, group.evidence) == ("provider", 3 * HOUR_NS, 500)
    assert [member.route for member in group.candidates] == ["b", "a"]


@pytest.mark.parametrize(("n_routes", "cause"), [(4, "own"), (1, "unknown")])
def test_one_route_alone_is_a_change_of_ones_own_if_there_are_others(n_routes: int, cause: str) -> None:
    assert digest([candidate("gpt", "a")], routes={"gpt": n_routes}).shown[0].cause == cause


def test_onsets_far_apart_and_other_aliases_are_other_alarms() -> None:
    given_candidates = [candidate("gpt", "a"), candidate("gpt", "b", hour=12), candidate("claude", "a")]
    assert len(digest(given_candidates, routes={"gpt": 2, "claude": 2}).shown) == 3


def test_no_more_than_a_person_reads_and_it_says_so() -> None:
    many = [candidate(f"alias {i}", "a", evidence=i) for i in range(9)]
    found = digest(many, routes={c.alias: 1 for c in many}, most=5)
    assert [group.alias for group in found.shown] == [f"alias {i}" for i in (8, 7, 6, 5, 4)]
    assert len(found.left_out) == 4
    assert found.why == "4 more with less evidence were left out: the limit is 5"
    assert digest(many[:5], routes={c.alias: 1 for c in many}).why == ""


@given(st.permutations(list(range(8))))
def test_the_order_of_the_candidates_does_not_matter(order: list[int]) -> None:
    some = [candidate("gpt", str(i % 3), hour=i // 2 * 2.5, evidence=i % 3) for i in range(8)]
    routes = {"gpt": 3}
    assert digest([some[i] for i in order], routes=routes) == digest(some, routes=routes)


def test_an_alias_without_a_count_of_routes_is_refused() -> None:
    with pytest.raises(ValueError, match="routes says nothing on gpt"):
        digest([candidate("gpt", "a")], routes={})
    with pytest.raises(ValueError, match="most"):
        digest([], routes={}, most=-1)
