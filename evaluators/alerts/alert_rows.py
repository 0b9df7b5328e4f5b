"""Alerts as rows of the state database."""

from dataclasses import fields
from typing import Any

from sqlalchemy import Row

from evaluators.alerts.alert import Alert
from evaluators.alerts.step import Phase

_BY_PEOPLE = ("acknowledged_ns", "acknowledged_by")


def alert_of(row: Row[Any]) -> Alert:
    values = {f.name: getattr(row, f.name) for f in fields(Alert)}
    return Alert(**values | {"state": Phase(row.state)})


def row_of(alert: Alert) -> dict[str, Any]:
    """What the evaluation knows of `alert`. What people said of it meanwhile must survive, so it is left out."""
    values = {f.name: getattr(alert, f.name) for f in fields(Alert) if f.name not in _BY_PEOPLE}
    return values | {"project": alert.project}
