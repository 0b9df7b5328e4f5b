"""Rules and alerts, kept. A change of an alert and the notifications of it are one transaction."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Engine, delete, insert, or_, select, update

from collector import cursors
from collector.errors import BadRequest
from collector.projects.access import Access
from collector.query import Page
from collector.state.leases import Lease
from collector.state.statements import take_turns
from collector.state.tables import alerts, outbox
from collector.verdict import Verdict
from evaluators.alerts import rulebook, verdict_book
from evaluators.alerts.alert import Alert, Change
from evaluators.alerts.alert_rows import alert_of, row_of
from evaluators.alerts.outbox import Delivery, Outbox
from evaluators.alerts.project_alerts import ProjectAlerts
from evaluators.alerts.rule import Rule
from evaluators.alerts.step import Phase
from evaluators.alerts.verdict_alerts import Answer, Past
from evaluators.alerts.webhook import notification
from evaluators.checkpoints import load_checkpoint, save_checkpoint

STATES = (Phase.PENDING, Phase.FIRING, Phase.RESOLVED)


class AlertBook:
    """The alerts of one state database. `receivers` are the names of those who are told of each firing and resolution;
    links that they get begin with `base_url`.

    Raises (all methods):
        StoreUnavailable: the database does not answer now.
    """

    project: str | None = None
    """All of them; see `ProjectAlerts` for one."""

    def __init__(self, engine: Engine, *, receivers: Sequence[str] = (), base_url: str = "") -> None:
        self._engine = engine
        self._receivers = receivers
        self._base_url = base_url

    def of(self, access: Access) -> "AlertBook | ProjectAlerts":
        """What the holder of `access` sees of it, and may change."""
        if access.project is None and access.may("admin"):
            return self
        return ProjectAlerts(self, access)

    def rules(self) -> Sequence[Rule]:
        """All rules, also those switched off, the oldest first."""
        with self._engine.begin() as connection:
            return rulebook.read_rules(connection)

    def save_rule(self, rule: Rule, now_ns: int) -> None:
        """Add `rule`, or replace the one with its id.

        Raises:
            BadRequest: another rule has its name.
        """
        with self._engine.begin() as connection:
            take_turns(connection, "rules")
            rulebook.write_rule(connection, rule, now_ns)

    def save_first_rules(self, first: Sequence[Rule], now_ns: int) -> None:
        """Save `first` where there has never been a rule."""
        with self._engine.begin() as connection:
            take_turns(connection, "rules")  # two processes may start an installation
            rulebook.write_first_rules(connection, first, now_ns)

    def alerts(
        self,
        *,
        since_ns: int,
        until_ns: int,
        state: str | None = None,
        project: str | None = None,
        limit: int = 100,
        cursor: str | None = None,
    ) -> Page[Alert]:
        """Alerts that were not over before `since_ns` and began before `until_ns`, the newest first.

        Raises:
            BadRequest: a state or cursor that cannot be.
        """
        conditions = [or_(alerts.c.resolved_ns.is_(None), alerts.c.resolved_ns >= since_ns)]
        conditions.append(alerts.c.since_ns < until_ns)
        if state is not None:
            if state not in STATES:
                raise BadRequest(f"state must be one of {', '.join(STATES)}, got {state[:40]!r}")
            conditions.append(alerts.c.state == state)
        if project is not None:
            conditions.append(alerts.c.project == project)
        if cursor is not None:
            conditions.append(_after(*cursors.decode(cursor)))
        query = select(alerts).where(*conditions).order_by(alerts.c.since_ns.desc(), alerts.c.alert_id).limit(limit + 1)
        with self._engine.begin() as connection:
            found = [alert_of(row) for row in connection.execute(query)]
        items = found[:limit]
        more = len(found) > limit
        return Page(items=items, next_cursor=cursors.encode(items[-1].since_ns, items[-1].alert_id) if more else None)

    def alert(self, alert_id: str) -> Alert | None:
        with self._engine.begin() as connection:
            row = connection.execute(select(alerts).where(alerts.c.alert_id == alert_id)).first()
        return None if row is None else alert_of(row)

    def open_alerts(self, *, project: str | None = None) -> Sequence[Alert]:
        """Pending and firing alerts, the newest first."""
        query = select(alerts).where(alerts.c.state.in_((Phase.PENDING, Phase.FIRING)))
        if project is not None:
            query = query.where(alerts.c.project == project)
        with self._engine.begin() as connection:
            return [alert_of(row) for row in connection.execute(query.order_by(alerts.c.since_ns.desc()))]

    def acknowledge(self, alert_id: str, author: str, now_ns: int) -> Alert:
        """Note that `author` cares for the alert. The first who does stays.

        Raises:
            BadRequest: there is no such alert, or no author.
        """
        if not author.strip():
            raise BadRequest("author must say who acknowledges, got an empty text")
        unseen = (alerts.c.alert_id == alert_id) & alerts.c.acknowledged_ns.is_(None)
        with self._engine.begin() as connection:
            connection.execute(
                update(alerts).where(unseen).values(acknowledged_ns=now_ns, acknowledged_by=author.strip())
            )
            row = connection.execute(select(alerts).where(alerts.c.alert_id == alert_id)).first()
        if row is None:
            raise BadRequest(f"there is no alert {alert_id[:80]!r}; GET /api/v1/alerts lists them")
        return alert_of(row)

    def deliveries(self, alert_ids: Sequence[str]) -> Mapping[str, Sequence[Delivery]]:
        """The notifications of these alerts and how they stand, by alert id."""
        return Outbox(self._engine).of_alerts(alert_ids)

    def pasts(self, rule_id: str) -> Mapping[str, Past]:
        """Of a verdict rule: the newest alert of each series, by fingerprint."""
        with self._engine.begin() as connection:
            return verdict_book.read_pasts(connection, rule_id)

    def answers(self, verdicts: Sequence[Verdict]) -> Mapping[str, Answer]:
        """What people said of these verdicts, by verdict id."""
        with self._engine.begin() as connection:
            return verdict_book.read_answers(connection, verdicts)

    def seen_until_ns(self, rule_id: str) -> int | None:
        """When the newest verdict was decided that a verdict rule has seen; None: it has seen none."""
        return load_checkpoint(self._engine, _consumer(rule_id)) or None

    def commit(
        self,
        changes: Sequence[Change],
        now_ns: int,
        *,
        seen_until_ns: Mapping[str, int] | None = None,
        lease: Lease | None = None,
    ) -> None:
        """Store `changes` with their notifications, and how far verdict rules have read: all of it or nothing.

        Raises:
            LeaseLost: `lease` has gone to another process, which evaluates by itself.
        """
        with self._engine.begin() as connection:
            if lease is not None:
                lease.check(connection)
            for change in changes:
                alert = change.alert
                as_it_was = (alerts.c.alert_id == alert.alert_id) & (alerts.c.state == change.before)
                if change.before is Phase.OK:
                    connection.execute(insert(alerts).values(row_of(alert)))
                elif alert.state is Phase.OK:
                    connection.execute(delete(alerts).where(as_it_was))
                elif connection.execute(update(alerts).where(as_it_was).values(row_of(alert))).rowcount == 0:
                    continue  # it has moved meanwhile, and who moved it has told the receivers
                verdict_book.write_evidence(connection, alert.alert_id, change.verdicts)
                if change.notifies and self._receivers:
                    outgoing = [self._outgoing(alert, receiver, now_ns) for receiver in self._receivers]
                    connection.execute(insert(outbox), outgoing)
            for rule_id, decided_ns in (seen_until_ns or {}).items():
                save_checkpoint(connection, _consumer(rule_id), seq=decided_ns, now_ns=now_ns)

    def _outgoing(self, alert: Alert, receiver: str, now_ns: int) -> dict[str, Any]:
        # Strictly after the firing, whatever the clock does: this is the order in which a receiver hears of them.
        created_ns = now_ns if alert.state is Phase.FIRING else max(now_ns, (alert.fired_ns or 0) + 1)
        return {
            # One for each transition and receiver: the key keeps a transition from being told twice.
            "delivery_id": f"{alert.alert_id}-{alert.state}-{receiver}",
            "alert_id": alert.alert_id,
            "receiver": receiver,
            "body": notification(alert, receiver=receiver, base_url=self._base_url),
            "created_ns": created_ns,
            "n_attempts": 0,
            "next_attempt_ns": created_ns,
        }


def _consumer(rule_id: str) -> str:
    return f"alerts:{rule_id}"


def _after(since_ns: int, alert_id: str) -> ColumnElement[bool]:
    same_time = (alerts.c.since_ns == since_ns) & (alerts.c.alert_id > alert_id)
    return or_(alerts.c.since_ns < since_ns, same_time)
