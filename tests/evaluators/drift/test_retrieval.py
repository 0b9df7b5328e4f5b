import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from evaluators.drift import compare
from evaluators.drift.windows.permutation import permutation_test
from evaluators.drift.windows.retrieval import (
    MAX_SCORE,
    NAMES,
    OWN_COLUMNS,
    Document,
    document_columns,
    document_ids,
    documents_of,
    rank_columns,
    retrieval_columns,
    retrieval_row,
    retrieved_parts,
)
from evaluators.drift.windows.statistics import of_habits
from evaluators.topics import topic

Floats = NDArray[np.float64]

ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
CONTEXTS = st.lists(
    ANY_JSON | st.fixed_dictionaries({}, optional=dict.fromkeys(("id", "score", "content", "distance"), ANY_JSON)),
    max_size=5,
)


def row_of(*contexts: object, prompt: str = "") -> dict[str, float]:
    documents = documents_of(contexts)
    return dict(zip(NAMES, retrieval_row(documents, topic(prompt)), strict=True))


def p_value(
    before: list[list[str]], after: list[list[str]], rng: np.random.Generator, ranks: Floats | None = None
) -> float:
    columns = retrieval_columns(ranks, [*before, *after] if before else None)
    statistics = [statistic for block in columns for statistic in of_habits(block)]
    n = len(before) or 200
    return permutation_test(statistics, n, max_permutations=1_999, rng=rng).p_value


def an_index(rng: np.random.Generator, n_documents: int = 300) -> Floats:
    """How often each document of an index is asked for: a few often, most of them rarely."""
    weights = 1 / np.arange(1, n_documents + 1)
    return rng.permutation(weights / weights.sum())


def retrieved(popularity: Floats, n: int, rng: np.random.Generator, prefix: str = "d") -> list[list[str]]:
    return [
        [f"{prefix}{i}" for i in rng.choice(len(popularity), size=5, replace=False, p=popularity)] for _ in range(n)
    ]


def test_ranks_are_described_by_their_scores_lengths_and_topic() -> None:
    row = row_of(
        {"id": "a", "score": 0.9, "content": "Opening hours of the swimming pool"},
        {"id": "b", "score": 0.5, "content": "Prices"},
        {"id": "b", "score": 0.4},
        prompt="What are the opening hours of the swimming pool?",
    )
    assert row["top_score"] == 0.9
    assert row["score_gap"] == pytest.approx(0.4)
    assert row["mean_score"] == pytest.approx(0.6)
    assert row["n_documents"] == math.log1p(3)
    assert row["blank_share"] == row["duplicate_share"] == pytest.approx(1 / 3)
    assert row["content_letters"] == math.log1p((34 + 6) / 2)
    assert row["topic_cosine"] > 0.8
    assert row_of({"content": "Prices of bread"}, prompt="When does the swimming pool open?")["topic_cosine"] < 0.3


def test_what_a_call_does_not_tell_is_nan() -> None:
    assert all(map(math.isnan, retrieval_row(documents_of(None))))
    nothing_found = row_of()
    assert nothing_found["n_documents"] == 0
    assert math.isnan(nothing_found["top_score"])
    only_ids = row_of("a", "b")
    assert math.isnan(only_ids["top_score"])
    assert only_ids["blank_share"] == 1
    assert math.isnan(row_of({"score": True})["top_score"])
    assert math.isnan(row_of({"id": "a", "score": 1.0})["score_gap"])


def test_scores_have_several_names_and_a_distance_is_a_negative_score() -> None:
    assert row_of({"relevance_score": "0.7"})["top_score"] == 0.7
    assert row_of({"distance": 0.2}, {"distance": 0.5})["top_score"] == -0.2
    assert row_of({"score": 1e300})["top_score"] == MAX_SCORE


def test_a_document_is_told_by_its_id_or_by_what_it_says() -> None:
    documents = documents_of([{"id": 7}, "doc-1", "A whole passage.", {"content": "A whole passage."}, {}])
    assert documents is not None
    first, second, third, fourth = document_ids(documents)
    assert (first, second) == ("7", "doc-1")
    assert third == fourth != document_ids([Document(None, None, "Another passage.")])[0]


@given(CONTEXTS)
def test_any_contexts_give_a_row_of_numbers_that_are_small_or_lacking(contexts: list[object]) -> None:
    row = retrieval_row(documents_of(contexts), topic("a question"))
    assert len(row) == len(NAMES)
    assert all(math.isnan(value) or abs(value) <= 2 * MAX_SCORE for value in row)


def test_what_is_lacking_speaks_for_neither_side() -> None:
    values = np.full((4, len(NAMES)), np.nan)
    values[:, 0] = [1, 3, np.nan, np.nan]
    values[:, 2] = [5, 7, np.nan, np.nan]
    values[:, 3] = 1
    columns = rank_columns(values)
    assert columns[:, 0].tolist() == [1, 3, 2, 2]
    assert columns[:, 1].tolist() == [5, 7, 6, 6]
    # Both are lacking in the same rows: one column says so.
    assert columns.shape == (4, 4)
    assert columns[:, 3].tolist() == [1, 1, 0, 0]


def test_documents_of_one_row_share_a_column_and_common_ones_have_their_own() -> None:
    columns = document_columns([["common", "once"], ["common"], ["common", "twice"], ["twice"], []])
    assert columns.shape == (5, 3)
    assert columns[:, 0].tolist() == [1, 1, 1, 0, 0]
    assert columns[:, 1].tolist() == [0, 0, 1, 1, 0]
    assert columns[:, 2].tolist() == [0.5, 0, 0, 0, 0]
    many = document_columns([[f"d{i}" for i in range(1_000)]] * 3)
    assert many.shape[1] <= 2 * OWN_COLUMNS


def test_columns_do_not_depend_on_the_order_of_the_rows() -> None:
    rng = np.random.default_rng(3)
    rows = retrieved(an_index(rng), 50, rng)
    order = rng.permutation(50)
    np.testing.assert_allclose(document_columns([rows[i] for i in order]), document_columns(rows)[order])


def test_no_documents_and_no_ranks_are_no_columns() -> None:
    assert retrieval_columns(None, None) == []
    assert retrieval_columns(np.full((4, len(NAMES)), np.nan), [[], [], [], []]) == []
    assert retrieval_columns(np.full((4, len(NAMES)), np.nan), [["a"], ["b"], ["c"], ["d"]]) == []


def test_a_column_of_a_frame_gives_both_parts() -> None:
    ranks, ids = retrieved_parts([["a", "b"], None, [{"id": 3, "score": 0.5}]], None)
    assert ids == [["a", "b"], [], ["3"]]
    assert np.isnan(ranks[1]).all()
    assert ranks[2, 0] == 0.5


def test_the_same_index_alarms_no_more_often_than_alpha() -> None:
    rng = np.random.default_rng(11)
    popularity = an_index(rng)
    n_alarms = 0
    for _ in range(300):
        ranks = np.column_stack([rng.beta(8, 2, 80), np.full((80, len(NAMES) - 1), np.nan)])
        ranks[rng.random(80) < 0.3, 0] = np.nan
        n_alarms += p_value(retrieved(popularity, 50, rng), retrieved(popularity, 30, rng), rng, ranks) <= 0.05
    # Binomial(300, 0.05) leaves [3, 32] about once in 20,000 seeds.
    assert 3 <= n_alarms <= 32


@pytest.mark.parametrize("change", ["new ids", "every third document gone", "new ids, each asked for once"])
def test_a_changed_index_is_found_in_the_ids(change: str) -> None:
    rng = np.random.default_rng(5)
    popularity = an_index(rng)
    before = retrieved(popularity, 200, rng)
    if change == "new ids":
        after = retrieved(popularity, 50, rng, prefix="new")
    elif change == "every third document gone":
        left = np.where(np.arange(len(popularity)) % 3, popularity, 0)
        after = retrieved(left / left.sum(), 50, rng)
    else:
        after = [[f"{row}-{i}" for i in range(5)] for row in range(50)]
    assert p_value(before, after, rng) <= 0.005


def test_an_index_in_which_hardly_a_document_is_asked_for_twice_is_told_from_one_with_other_ids() -> None:
    rng = np.random.default_rng(7)
    even = np.full(400, 1 / 400)
    assert p_value(retrieved(even, 200, rng), retrieved(even, 50, rng, prefix="new"), rng) <= 0.005


def test_changed_scores_are_found_in_the_ranks() -> None:
    rng = np.random.default_rng(6)
    ranks = np.full((250, len(NAMES)), np.nan)
    ranks[:, 0] = np.concatenate((rng.beta(8, 2, 200), rng.beta(8, 4, 50)))
    ranks[:, 3] = math.log1p(5)
    assert p_value([], [], rng, ranks) <= 0.005


def test_compare_tells_a_new_index_from_a_new_model() -> None:
    rng = np.random.default_rng(8)

    def documents(prefix: str) -> list[dict[str, object]] | None:
        if rng.random() < 0.2:
            return None
        return [{"id": f"{prefix}{i}", "score": rng.random()} for i in rng.integers(0, 40, 4)]

    def calls(n: int, prefix: str) -> dict[str, list[object]]:
        outputs: list[object] = [f"It is {'very ' * int(rng.integers(1, 9))}good." for _ in range(n)]
        return {"output": outputs, "retrieved": [documents(prefix) for _ in range(n)]}

    assert compare(calls(150, "a"), calls(50, "a"), alpha=0.001).verdict == "no_change"
    renewed = compare(calls(150, "a"), calls(50, "b"), alpha=0.001)
    assert renewed.verdict == "traffic_changed"
    assert renewed.tests["retrieval"].p_value <= 0.001


def test_a_list_of_documents_is_asked_for_where_there_is_none() -> None:
    calls = {"output": ["yes"] * 10, "retrieved": ["doc-1"] * 10}
    with pytest.raises(TypeError, match="list of documents"):
        compare(calls, calls)
