"""The life of one alert, on any sequence of evaluations."""

from hypothesis import given
from hypothesis import strategies as st

from evaluators.alerts.step import Phase, step

observations = st.lists(st.tuples(st.integers(1, 60), st.sampled_from([True, False, None])), max_size=40)


@given(observations, st.integers(0, 120))
def test_an_alert_fires_once_it_was_beyond_the_threshold_for_long_enough(
    steps: list[tuple[int, bool | None]], hold_ns: int
) -> None:
    phase, since_ns, now_ns = Phase.OK, 0, 0
    first_breach_ns: int | None = None  # the specification: since when nothing has said that all is well
    for elapsed_ns, breached in steps:
        now_ns += elapsed_ns
        before = phase
        phase = step(before, breached=breached, held_ns=now_ns - since_ns, hold_ns=hold_ns)
        if before in (Phase.OK, Phase.RESOLVED) and phase in (Phase.PENDING, Phase.FIRING):
            since_ns = now_ns
        if breached is False:
            first_breach_ns = None
            assert phase in (Phase.OK, Phase.RESOLVED)
        elif breached and first_breach_ns is None:
            first_breach_ns = now_ns
        if breached and first_breach_ns is not None:
            assert (phase is Phase.FIRING) == (now_ns - first_breach_ns >= hold_ns or before is Phase.FIRING)


@given(st.sampled_from(Phase), st.integers(), st.integers(min_value=0))
def test_missing_data_moves_nothing(phase: Phase, held_ns: int, hold_ns: int) -> None:
    assert step(phase, breached=None, held_ns=held_ns, hold_ns=hold_ns) is phase


@given(observations, st.integers(0, 120))
def test_only_what_fired_is_resolved(steps: list[tuple[int, bool | None]], hold_ns: int) -> None:
    phase = Phase.OK
    for held_ns, breached in steps:
        before, phase = phase, step(phase, breached=breached, held_ns=held_ns, hold_ns=hold_ns)
        if phase is Phase.RESOLVED:
            assert before in (Phase.FIRING, Phase.RESOLVED)
