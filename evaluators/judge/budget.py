"""The judge's daily budget: reserved before a request, settled after it, shared by all processes."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Engine, select, update

from collector.state.statements import insert_into
from collector.state.tables import judge_spend
from collector.times import utc_day


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    utc_day: str
    cost_usd: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """At most `max_calls_per_day` requests and `max_usd_per_day` USD a UTC day.

    A reservation must be no less than what the request can cost; then the day never ends above its limit, however
    many writers there are. One that is never settled (the process was killed) stays spent: nobody knows whether the
    provider billed it.
    """

    engine: Engine
    max_usd_per_day: float
    max_calls_per_day: int
    clock: Callable[[], int] = time.time_ns

    def reserve(self, cost_usd: float) -> Reservation | None:
        """Set the cost of one request aside; None when the rest of the day's budget does not cover it."""
        day = utc_day(self.clock()).isoformat()
        self._open_day(day)
        # Check and booking are one statement: between two of them another writer could take the same money.
        book = (
            update(judge_spend)
            .where(
                judge_spend.c.utc_day == day,
                judge_spend.c.n_calls < self.max_calls_per_day,
                judge_spend.c.cost_usd + cost_usd <= self.max_usd_per_day,
            )
            .values(n_calls=judge_spend.c.n_calls + 1, cost_usd=judge_spend.c.cost_usd + cost_usd)
        )
        with self.engine.begin() as connection:
            booked = connection.execute(book).rowcount == 1
        return Reservation(utc_day=day, cost_usd=cost_usd) if booked else None

    def settle(self, reservation: Reservation, cost_usd: float) -> None:
        """Replace the reserved cost by what the request did cost."""
        self._add(reservation.utc_day, n_calls=0, cost_usd=cost_usd - reservation.cost_usd)

    def release(self, reservation: Reservation) -> None:
        """Give the reservation back: the request was certainly not billed."""
        self._add(reservation.utc_day, n_calls=-1, cost_usd=-reservation.cost_usd)

    def spent_today(self) -> tuple[int, float]:
        """Requests and USD booked this UTC day, open reservations included."""
        query = select(judge_spend.c.n_calls, judge_spend.c.cost_usd)
        with self.engine.connect() as connection:
            row = connection.execute(query.where(judge_spend.c.utc_day == utc_day(self.clock()).isoformat())).first()
        return (row.n_calls, row.cost_usd) if row else (0, 0.0)

    def _open_day(self, day: str) -> None:
        with self.engine.connect() as connection:
            if connection.scalar(select(judge_spend.c.utc_day).where(judge_spend.c.utc_day == day)):
                return
        with self.engine.begin() as connection:
            opened = insert_into(connection, judge_spend).values(utc_day=day, n_calls=0, cost_usd=0.0)
            connection.execute(opened.on_conflict_do_nothing())  # another writer may be as quick

    def _add(self, day: str, *, n_calls: int, cost_usd: float) -> None:
        with self.engine.begin() as connection:
            connection.execute(
                update(judge_spend)
                .where(judge_spend.c.utc_day == day)
                .values(n_calls=judge_spend.c.n_calls + n_calls, cost_usd=judge_spend.c.cost_usd + cost_usd)
            )
