"""When a notification is attempted again, and when no more."""

import random
from dataclasses import dataclass

FIRST_DELAY_S = 1.0
MAX_DELAY_S = 300.0

REFUSED_FOR_S = 3600.0
"""How long a receiver may refuse (4xx, redirects). The same bytes get the same answer until a person mends the
receiver; an hour leaves them time to, and does not knock for a day at a door that is not ours."""

_PASSING = (408, 425, 429)  # say by themselves that a retry may help


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why an attempt failed. `refused`: the receiver understood and does not want it; `status` None: no answer."""

    error: str
    status: int | None = None
    retry_after_s: float | None = None

    @property
    def refused(self) -> bool:
        return self.status is not None and 300 <= self.status < 500 and self.status not in _PASSING


def retry_delay_s(n_attempts: int, failure: Failure, rng: random.Random) -> float:
    """Seconds to wait after the `n_attempts`-th attempt failed: 1, 2, 4, ... up to 300, each shortened by up to half.

    The jitter keeps senders that failed together from coming back together. A receiver that asks for more time
    (Retry-After) gets it, up to the same bound.
    """
    delay_s = min(MAX_DELAY_S, FIRST_DELAY_S * 2.0 ** min(n_attempts - 1, 60))
    jittered_s = delay_s * rng.uniform(0.5, 1.0)
    return max(jittered_s, min(failure.retry_after_s or 0.0, MAX_DELAY_S))


def is_final(failure: Failure, age_s: float, give_up_after_s: float) -> bool:
    """Whether a notification that is `age_s` old has had its last attempt."""
    return age_s >= (min(REFUSED_FOR_S, give_up_after_s) if failure.refused else give_up_after_s)
