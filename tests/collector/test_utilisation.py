"""How busy a thread was of late."""

import pytest

from collector.utilisation import Utilisation


def test_a_thread_that_never_rests_is_wholly_busy_and_one_that_rests_forgets() -> None:
    load = Utilisation(0.0)
    assert load.share(0.0) == 0.0
    for second in range(20):
        load.add(float(second), second + 1.0)
    assert load.share(20.0) == pytest.approx(1.0, abs=1e-3)
    assert load.share(22.0) == pytest.approx(0.37, abs=0.01)
    assert load.share(60.0) == pytest.approx(0.0, abs=1e-6)


def test_half_of_the_time_at_work_is_half() -> None:
    load = Utilisation(0.0)
    for i in range(400):
        load.add(i * 0.1, i * 0.1 + 0.05)
    assert load.share(40.0) == pytest.approx(0.5, abs=0.03)
