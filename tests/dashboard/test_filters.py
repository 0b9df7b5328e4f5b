import contextlib
from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.errors import BadRequest
from collector.times import NS_PER_S, parse_rfc3339
from dashboard.filters import RANGES, Filters, href, parse, search

NOW_NS = parse_rfc3339("2026-06-18T06:00:00Z")

times = st.integers(min_value=0, max_value=4_000_000_000 * NS_PER_S)
words = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=20)
values: dict[str, st.SearchStrategy[Any]] = {field.name: st.none() | words for field in fields(Filters)} | {
    "range": st.sampled_from([*RANGES, "90s", "45m"]), "since_ns": st.none(), "until_ns": st.none() | times,
    "has_error": st.none() | st.booleans(), "pair": st.none() | st.integers(0, 99),
}  # fmt: skip


@given(st.builds(Filters, **values))
def test_what_is_written_to_the_address_is_read_back(filters: Filters) -> None:
    assert parse(search(filters)) == filters


def test_an_absolute_range_needs_no_relative_one() -> None:
    filters = parse("?since=2026-06-17T06:00:00Z&until=2026-06-18T06:00:00Z")
    assert filters.window(NOW_NS) == (NOW_NS - 86_400 * NS_PER_S, NOW_NS)
    assert search(filters) == "?since=2026-06-17T06:00:00Z&until=2026-06-18T06:00:00Z"


def test_a_relative_range_ends_now() -> None:
    assert parse("range=15m").window(NOW_NS) == (NOW_NS - 900 * NS_PER_S, NOW_NS)


def test_the_defaults_leave_the_address_clean() -> None:
    assert search(Filters()) == ""
    assert href("/traces") == "/traces"


def test_links_of_alerts_are_understood() -> None:
    link = "service=support&request_model=gpt-4&since=2026-06-17T06:00:00.5Z&until=2026-06-18T06:00:00Z"
    calls = parse(link).of_calls(NOW_NS)
    assert (calls.service, calls.request_model, calls.until_ns) == ("support", "gpt-4", NOW_NS)


def test_only_what_all_pages_share_is_carried_along() -> None:
    filters = parse("range=6h&service=a&text=refund&cursor=x&verdict=v")
    assert search(filters.shared()) == "?range=6h&service=a"


@pytest.mark.parametrize(
    ("address", "named"),
    [
        ("?range=soon", "'soon'"),
        ("?range=99999d", "99999d"),
        ("?sevice=a", "did you mean service"),
        ("?has_error=yes", "'yes'"),
        ("?since=yesterday", "yesterday"),
        ("?pair=-1", "'-1'"),
    ],
)
def test_what_is_not_understood_is_refused_with_its_name(address: str, named: str) -> None:
    with pytest.raises(BadRequest, match=named):
        parse(address)


def test_a_range_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(BadRequest, match="ends before it begins"):
        parse("since=2026-06-18T06:00:00Z&until=2026-06-17T06:00:00Z").window(NOW_NS)


@given(st.text(max_size=60))
def test_any_address_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(BadRequest):
        assert isinstance(parse(text), Filters)
