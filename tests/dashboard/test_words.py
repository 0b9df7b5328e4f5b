import pytest

from collector.times import NS_PER_S, parse_rfc3339
from dashboard import words

NOW_NS = parse_rfc3339("2026-06-18T06:00:00Z")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"), (0.0042, "0.0042"), (1.239, "1.24"), (18.34, "18.3"), (143, "143"), (2400, "2400"), (-0.5, "−0.5"),
        (0.009, "0.009"), (1, "1.00"),
    ],
)  # fmt: skip
def test_numbers_have_three_digits(value: float, text: str) -> None:
    assert words.digits(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (999, "999"), (999.7, "1.00 k"), (18_300, "18.3 k"), (2_100_000, "2.10 M"), (None, "–"), (12.5, "12.5")],
)
def test_counts_are_short(value: float | None, text: str) -> None:
    assert str(words.count(value)) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.146, "146 ms"), (0.9996, "1.00 s"), (1.239, "1.24 s"), (300, "5 min"), (None, "–"), (0, "0 ms")],
)
def test_durations_have_a_fitting_unit(value: float | None, text: str) -> None:
    assert str(words.seconds(value)) == text


@pytest.mark.parametrize(
    ("value", "text"), [(516, "$516"), (0.0042, "$0.0042"), (18_300, "$18.3 k"), (0, "$0"), (None, "–"), (-2, "−$2.00")]
)
def test_money_that_is_not_known_is_not_free(value: float | None, text: str) -> None:
    assert str(words.usd(value)) == text


def test_shares_and_their_changes() -> None:
    assert str(words.percent(0.809)) == "80.9 %"
    assert str(words.percent(1.0)) == "100 %"
    assert words.points_change(0.81, 0.94) == "−13.0 pp"
    assert words.relative_change(1014, 1000) == "+1.4 %"
    assert words.relative_change(100, 1) == "100 times"
    assert words.relative_change(5, 0) is None
    assert words.points_change(0.5, 0.5) == "±0 pp"


def test_times_are_relative_and_exact_on_demand() -> None:
    assert [words.ago(NOW_NS - s * NS_PER_S, NOW_NS) for s in (0, 59, 61, 7200, 200_000)] == [
        "0 s ago", "59 s ago", "1 min ago", "2 h ago", "2 d ago",
    ]  # fmt: skip
    assert words.ago(NOW_NS + NS_PER_S, NOW_NS) == "0 s ago"
    assert words.absolute(NOW_NS) == "18 June 2026, 06:00:00 UTC"
    assert words.between(NOW_NS, NOW_NS + 3600 * NS_PER_S) == "18 Jun 06:00 to 07:00"
    assert words.between(NOW_NS, NOW_NS + 86_400 * NS_PER_S) == "18 Jun 06:00 to 19 Jun 06:00"


def test_ids_and_texts_are_shortened() -> None:
    assert words.short_id("9f3c0123456789abcdef71e2") == "9f3c…71e2"
    assert words.first_line("  a\n\n b  ", 10) == "a b"
    assert words.first_line("x" * 300, 10) == "x" * 9 + "…"
