"""Which units a window is compared with: times alone decide."""

import random
from collections import Counter

import pytest

from evaluators.drift.monitors.reference import (
    FROZEN_DAYS,
    NS_PER_DAY,
    NS_PER_HOUR,
    UNITS_A_DAY,
    day_of,
    is_worn,
    kept_by_day,
    matched,
    rolling,
    split,
)
from evaluators.drift.monitors.unit import Unit

MONDAY = 20_783 * NS_PER_DAY  # 2026-11-26 is a Thursday; which weekday this is does not matter, only that it repeats


def unit(name: str, start_ns: int) -> Unit:
    return Unit(0.5, name, 1, start_ns)


def units_every_hour(n_days: int, *, a_hour: int = 5, from_ns: int = MONDAY) -> list[Unit]:
    return [unit(f"{hour}:{i}", from_ns + hour * NS_PER_HOUR + i) for hour in range(24 * n_days) for i in range(a_hour)]


def hours_of_week(units: list[Unit]) -> Counter[int]:
    return Counter(u.start_ns // NS_PER_HOUR % 168 for u in units)


def test_a_window_is_compared_with_its_own_hours_of_the_week_in_its_proportions() -> None:
    reference = units_every_hour(14, a_hour=10)
    at_nine = [unit(f"w{i}", MONDAY + 21 * NS_PER_DAY + 9 * NS_PER_HOUR + i) for i in range(6)]
    at_ten = [unit(f"v{i}", MONDAY + 21 * NS_PER_DAY + 10 * NS_PER_HOUR + i) for i in range(3)]
    found = hours_of_week(matched(reference, [*at_nine, *at_ten]))
    # 20 of each hour of the week are there: all of nine o'clock, and half as many of ten.
    assert found == {hours_of_week(at_nine).most_common(1)[0][0]: 20, hours_of_week(at_ten).most_common(1)[0][0]: 10}


def test_with_too_few_at_that_hour_of_the_week_the_hour_of_the_day_decides() -> None:
    reference = units_every_hour(8, a_hour=2)
    window = [unit(f"w{i}", MONDAY + 14 * NS_PER_DAY + 9 * NS_PER_HOUR + i) for i in range(8)]
    found = matched(reference, window)
    assert {u.start_ns // NS_PER_HOUR % 24 for u in found} == {9}
    assert len(found) == 16


def test_where_no_hour_has_enough_all_of_the_reference_is_used() -> None:
    reference = units_every_hour(14, a_hour=1)
    window = [unit(f"w{i}", MONDAY + 21 * NS_PER_DAY + 9 * NS_PER_HOUR + i) for i in range(50)]
    assert matched(reference, window) == reference


def test_a_reference_of_some_hours_has_no_seasons_to_match() -> None:
    reference = units_every_hour(1)
    window = [unit("w", MONDAY + 3 * NS_PER_HOUR)]
    assert matched(reference, window) == reference


def test_matching_looks_at_times_and_ids_only() -> None:
    """Nothing that is compared has a part in it: neither the order nor the release of a unit."""
    reference = units_every_hour(14, a_hour=10)
    window = [unit(f"w{i}", MONDAY + 21 * NS_PER_DAY + 9 * NS_PER_HOUR + i) for i in range(6)]
    shuffled = [
        u._replace(draw=0.9, seq=7, release="other") for u in random.Random(1).sample(reference, len(reference))
    ]
    assert [u.call_id for u in matched(shuffled, window)] == [u.call_id for u in matched(reference, window)]


def test_a_rolling_reference_is_14_days_less_the_last_2() -> None:
    history = units_every_hour(20)
    now_ns = MONDAY + 20 * NS_PER_DAY + NS_PER_HOUR
    found = rolling(history, now_ns, since_ns=0)
    assert found is not None
    assert {day_of(u.start_ns) for u in found} == {day_of(MONDAY) + day for day in range(6, 18)}
    assert found == sorted(found, key=lambda u: u.start_ns)


def test_a_rolling_reference_has_at_most_2000_sessions() -> None:
    history = kept_by_day(units_every_hour(20, a_hour=20))
    found = rolling(history, MONDAY + 20 * NS_PER_DAY, since_ns=0)
    assert found is not None
    assert len(found) == 2_000
    # A random choice: every day has about its share; 12 days of 167 each, and Binomial(2000, 1/12) keeps within 5 sd.
    assert all(105 <= n <= 229 for n in Counter(day_of(u.start_ns) for u in found).values())


@pytest.mark.parametrize("since_day", [0, 10])
def test_there_is_no_rolling_reference_before_there_are_14_days_since_the_last_change(since_day: int) -> None:
    history = units_every_hour(13 + since_day)
    now_ns = MONDAY + (13 + since_day) * NS_PER_DAY
    assert rolling(history, now_ns, since_ns=MONDAY + since_day * NS_PER_DAY) is None
    assert rolling([], now_ns, since_ns=0) is None


def test_a_day_keeps_the_same_random_units_whatever_order_they_came_in() -> None:
    units = units_every_hour(2, a_hour=40)
    at_once = kept_by_day(units)
    bit_by_bit: list[Unit] = []
    for place in range(0, len(units), 70):
        bit_by_bit = kept_by_day([*bit_by_bit, *reversed(units[place : place + 70])])
    assert bit_by_bit == at_once
    assert Counter(day_of(u.start_ns) for u in at_once) == {
        day_of(MONDAY): UNITS_A_DAY,
        day_of(MONDAY) + 1: UNITS_A_DAY,
    }


def test_fit_and_calibration_share_no_unit() -> None:
    units = units_every_hour(10)
    fit, calibrate = split(units)
    assert sorted([*fit, *calibrate]) == sorted(units)
    # Binomial(1200, 0.3) keeps within 5 sd.
    assert 280 <= len(fit) <= 440


def test_a_reference_is_worn_after_28_days() -> None:
    assert not is_worn(MONDAY, MONDAY + FROZEN_DAYS * NS_PER_DAY - 1)
    assert is_worn(MONDAY, MONDAY + FROZEN_DAYS * NS_PER_DAY)
