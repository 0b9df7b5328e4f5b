"""The rules in the state database."""

from collections.abc import Sequence

from sqlalchemy import Connection, func, insert, select, update

from collector.errors import BadRequest
from collector.state.tables import rules
from evaluators.alerts.rule import Rule, rule_from_json

_COLUMNS = {"rule_id", "name", "enabled"}


def read_rules(connection: Connection) -> Sequence[Rule]:
    """All rules, the oldest first."""
    rows = connection.execute(select(rules).order_by(rules.c.created_ns, rules.c.rule_id))
    return [
        rule_from_json({**row.spec, "rule_id": row.rule_id, "name": row.name, "enabled": row.enabled}) for row in rows
    ]


def write_rule(connection: Connection, rule: Rule, now_ns: int) -> None:
    """Add `rule`, or replace the one with its id.

    Raises:
        BadRequest: another rule has this name; on call could not tell them apart.
    """
    same_name = select(rules.c.rule_id).where(rules.c.name == rule.name, rules.c.rule_id != rule.rule_id)
    if (other := connection.scalar(same_name)) is not None:
        raise BadRequest(f"name: rule {other!r} is called {rule.name!r} already; take another name")
    document = rule.to_json()
    values = {key: document.pop(key) for key in _COLUMNS} | {"spec": document}
    if connection.execute(update(rules).where(rules.c.rule_id == rule.rule_id).values(values)).rowcount == 0:
        connection.execute(insert(rules).values(values | {"created_ns": now_ns}))


def write_first_rules(connection: Connection, first: Sequence[Rule], now_ns: int) -> None:
    """Write `first` where there has never been a rule."""
    if connection.scalar(select(func.count()).select_from(rules)) == 0:
        for place, rule in enumerate(first):
            write_rule(connection, rule, now_ns + place)
