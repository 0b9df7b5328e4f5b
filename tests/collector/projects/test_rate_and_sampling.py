"""How fast a key may send, and which traces of it are kept."""

import random

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.errors import Forbidden
from collector.projects.access import OPEN, Access
from collector.projects.attribution import project_column
from collector.projects.rate import RateLimiter
from collector.projects.sampling import is_kept, kept_traces


class Seconds:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@given(
    st.floats(0.1, 1e4),
    st.integers(1, 5000),
    st.lists(st.tuples(st.floats(0, 10), st.integers(0, 9000)), max_size=60),
)
def test_never_more_passes_than_the_rate_the_burst_and_one_batch(
    rate: float, burst: int, batches: list[tuple[float, int]]
) -> None:
    clock = Seconds()
    limiter = RateLimiter(rate, burst, clock_s=clock)
    n_passed = 0
    for pause_s, n in batches:
        clock.now_s += pause_s
        wait_s = limiter.take(n)
        if wait_s == 0:
            n_passed += n
            largest = max(n for _, n in batches)
            assert n_passed <= burst + rate * clock.now_s + largest + 1e-6
        else:
            clock.now_s += wait_s * (1 + 1e-9) + 1e-9
            assert limiter.take(n) == 0, "after the time that was told it passes"
            n_passed += n


def test_a_batch_larger_than_the_bucket_passes_when_it_is_full_and_is_paid_for() -> None:
    clock = Seconds()
    limiter = RateLimiter(10, 20, clock_s=clock)
    assert limiter.take(100) == 0
    assert limiter.take(1) == pytest.approx(8.1)
    clock.now_s = 8.1
    assert limiter.wait_s() == 0
    assert limiter.take(1) == 0


def ids_of(n: int, seed: int = 3) -> list[str]:
    rng = random.Random(seed)
    return [rng.randbytes(16).hex() for _ in range(n)]


@pytest.mark.parametrize("rate", [0.01, 0.3, 0.9])
@pytest.mark.parametrize(
    "ids",
    [ids_of(20_000), [f"{i:032x}" for i in range(20_000)], [f"{i:016x}{7:016x}" for i in range(20_000)]],
    ids=["random", "counted", "counted above"],
)
def test_the_share_is_kept_whatever_the_ids_look_like(ids: list[str], rate: float) -> None:
    share = kept_traces(pa.array(ids), rate).mean()
    # Binomial(20000, rate): five standard deviations are crossed less than once in a million seeds.
    assert abs(share - rate) < 5 * (rate * (1 - rate) / len(ids)) ** 0.5


def test_it_is_independent_of_a_sender_that_samples_by_the_id_itself() -> None:
    lower = [i[:16] + f"{int(i[16:], 16) // 10:016x}" for i in ids_of(20_000)]
    assert abs(kept_traces(pa.array(lower), 0.5).mean() - 0.5) < 0.02


@given(st.lists(st.text("0123456789abcdefABCDEF", min_size=32, max_size=32), max_size=20), st.floats(0.001, 1))
def test_a_trace_is_decided_by_its_id_alone_and_a_higher_rate_keeps_what_a_lower_one_does(
    ids: list[str], rate: float
) -> None:
    kept = kept_traces(pa.chunked_array([pa.array(ids, pa.string())]), rate)
    assert kept.tolist() == [is_kept(i, rate) for i in ids] == [is_kept(i.lower(), rate) for i in ids]
    more = kept_traces(pa.array(ids, pa.string()), min(1.0, rate * 1.5))
    assert not (kept & ~more).any()


SHOP = Access(project="shop", scopes=frozenset({"ingest"}))


def test_a_key_decides_the_project_and_what_says_otherwise_is_counted() -> None:
    named = pa.array([None, "shop", "bank", "bank"])
    column, n_overridden = project_column(SHOP, named, 4)
    assert (column.to_pylist(), n_overridden) == (["shop"] * 4, 2)


def test_without_a_key_telemetry_may_name_its_project() -> None:
    named = pa.array([None, "shop", "Not A Name", "", "x" * 64, "a\n"])
    column, n_overridden = project_column(OPEN, named, 6)
    assert (column.to_pylist(), n_overridden) == (["default", "shop", *["default"] * 4], 4)


@pytest.mark.parametrize("named", [None, pa.nulls(2, pa.string())])
@pytest.mark.parametrize(("access", "project"), [(OPEN, "default"), (SHOP, "shop")])
def test_what_names_no_project_goes_where_its_sender_belongs(access: Access, project: str, named: pa.Array) -> None:
    column, n_overridden = project_column(access, named, 2)
    assert (column.to_pylist(), n_overridden) == ([project] * 2, 0)
    assert access.project_of(None) == project


def test_a_body_that_names_another_project_is_refused() -> None:
    assert SHOP.project_of("shop") == "shop"
    assert OPEN.project_of("bank") == "bank"
    with pytest.raises(Forbidden, match="for 'shop', the body says 'bank'"):
        SHOP.project_of("bank")
