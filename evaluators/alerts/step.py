"""The life of one alert, as a pure function of values."""

from enum import StrEnum


class Phase(StrEnum):
    OK = "ok"
    PENDING = "pending"
    FIRING = "firing"
    RESOLVED = "resolved"


def step(phase: Phase, *, breached: bool | None, held_ns: int, hold_ns: int) -> Phase:
    """Advance one alert by one evaluation.

    Args:
        breached: None when there is no data: missing data is not zero, so nothing moves.
        held_ns: for how long a pending alert has been pending.
        hold_ns: for how long it has to be before it fires; 0 fires at once.
    Returns:
        the phase after it. A pending alert that clears is OK again, a firing one RESOLVED; RESOLVED is the end of an
        alert, and the next breach begins a new one.
    """
    if breached is None:
        return phase
    if not breached:
        return {Phase.PENDING: Phase.OK, Phase.FIRING: Phase.RESOLVED}.get(phase, phase)
    if phase is Phase.FIRING or (phase is Phase.PENDING and held_ns < hold_ns):
        return phase
    if phase is Phase.PENDING or hold_ns == 0:
        return Phase.FIRING
    return Phase.PENDING
