"""Notifications on their way: each waits in the state database until its receiver has it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import ColumnElement, Engine, FromClause, Row, exists, func, select, update

from collector.state.tables import outbox
from collector.times import format_rfc3339


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One notification for one receiver. Times are Unix ns; `last_error` is that of the newest attempt."""

    delivery_id: str
    alert_id: str
    receiver: str
    body: str
    created_ns: int
    n_attempts: int
    next_attempt_ns: int
    delivered_ns: int | None
    gave_up_ns: int | None
    last_error: str | None

    def to_json(self) -> dict[str, Any]:
        """How it stands: `delivered`, `waiting` (for its next attempt) or `gave_up`."""
        if self.delivered_ns is not None:
            state, time_ns = "delivered", self.delivered_ns
        elif self.gave_up_ns is not None:
            state, time_ns = "gave_up", self.gave_up_ns
        else:
            state, time_ns = "waiting", self.next_attempt_ns
        return {
            "delivery_id": self.delivery_id,
            "receiver": self.receiver,
            "state": state,
            "time": format_rfc3339(time_ns),
            "n_attempts": self.n_attempts,
            "last_error": self.last_error,
        }


class Outbox:
    """The notifications of one state database.

    Raises (all methods):
        StoreUnavailable: the database does not answer now.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def due(self, now_ns: int) -> Sequence[Delivery]:
        """Those to attempt now, the oldest first; of one alert and receiver only the first that is on its way, so that
        nobody hears of the end of an alert before its beginning."""
        query = select(outbox).where(_ON_ITS_WAY, _FIRST, outbox.c.next_attempt_ns <= now_ns)
        with self._engine.begin() as connection:
            return [_delivery(row) for row in connection.execute(query.order_by(outbox.c.created_ns))]

    def next_due_ns(self) -> int | None:
        """When the next attempt is due; None: nothing is on its way."""
        query = select(func.min(outbox.c.next_attempt_ns)).where(_ON_ITS_WAY, _FIRST)
        with self._engine.begin() as connection:
            due_ns: int | None = connection.scalar(query)
        return due_ns

    def delivered(self, delivery: Delivery, now_ns: int) -> None:
        self._set(delivery, n_attempts=delivery.n_attempts + 1, delivered_ns=now_ns, last_error=None)

    def failed(self, delivery: Delivery, error: str, *, next_attempt_ns: int) -> None:
        self._set(delivery, n_attempts=delivery.n_attempts + 1, next_attempt_ns=next_attempt_ns, last_error=error)

    def gave_up(self, delivery: Delivery, error: str, now_ns: int) -> None:
        self._set(delivery, n_attempts=delivery.n_attempts + 1, gave_up_ns=now_ns, last_error=error)

    def hold(self, receiver: str, *, until_ns: int) -> None:
        """Attempt nothing to `receiver` before `until_ns`."""
        early = outbox.c.next_attempt_ns < until_ns
        with self._engine.begin() as connection:
            connection.execute(
                update(outbox).where(_ON_ITS_WAY, outbox.c.receiver == receiver, early).values(next_attempt_ns=until_ns)
            )

    def of_alerts(self, alert_ids: Sequence[str]) -> Mapping[str, Sequence[Delivery]]:
        """All notifications of these alerts, the oldest first, by alert id."""
        found: dict[str, list[Delivery]] = {alert_id: [] for alert_id in alert_ids}
        query = select(outbox).where(outbox.c.alert_id.in_(alert_ids)).order_by(outbox.c.created_ns, outbox.c.receiver)
        with self._engine.begin() as connection:
            for row in connection.execute(query):
                found[row.alert_id].append(_delivery(row))
        return found

    def _set(self, delivery: Delivery, **values: Any) -> None:
        with self._engine.begin() as connection:
            connection.execute(update(outbox).where(outbox.c.delivery_id == delivery.delivery_id).values(values))


def _on_its_way(table: FromClause) -> ColumnElement[bool]:
    return table.c.delivered_ns.is_(None) & table.c.gave_up_ns.is_(None)


_EARLIER = outbox.alias("earlier")
_ON_ITS_WAY = _on_its_way(outbox)
_FIRST = ~exists().where(
    _EARLIER.c.alert_id == outbox.c.alert_id,
    _EARLIER.c.receiver == outbox.c.receiver,
    _EARLIER.c.created_ns < outbox.c.created_ns,
    _on_its_way(_EARLIER),
)


def _delivery(row: Row[Any]) -> Delivery:
    return Delivery(**{f.name: getattr(row, f.name) for f in fields(Delivery)})
