"""The REST API of alerting, below /api/v1. Handlers are plain functions: the framework runs them off the event loop."""

import time
from collections.abc import Callable, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Query, Request, Response

from collector.api.answers import json_answer, list_answer
from collector.api.errors import NotFound
from collector.api.guard import Guard
from collector.api.queries import Paged, Text, only
from collector.api.shapes import ERRORS, list_of, shape_of
from collector.errors import BadRequest
from evaluators.alerts.alert import Alert
from evaluators.alerts.book import AlertBook
from evaluators.alerts.project_alerts import ProjectAlerts
from evaluators.alerts.rule import MetricRule, VerdictRule, rule_from_json

AlertShape = shape_of(Alert, "Alert", added={"deliveries": list[dict[str, Any]]})
AlertList = list_of(AlertShape, "AlertList")


class AlertQuery(Paged):
    """Alerts that were open at some time of the range; by default of the last 24 hours."""

    state: Text | None = None


Book = AlertBook | ProjectAlerts


def alerts_router(book: AlertBook, guard: Guard, clock: Callable[[], int] = time.time_ns) -> APIRouter:
    """Questions to `book` and changes of it, by those whom `guard` lets in. `clock` gives Unix nanoseconds."""

    async def seen(request: Request) -> Book:
        return book.of(await guard.reads(request))

    # Of the whole router, so that who may not ask is told so before anything else.
    router = APIRouter(prefix="/api/v1", tags=["alerts"], responses=ERRORS, dependencies=[Depends(seen)])
    seen_by_key = Depends(seen)

    @router.get("/alerts", response_model=AlertList, dependencies=[only(AlertQuery)])
    def list_alerts(query: Annotated[AlertQuery, Query()], book: Book = seen_by_key) -> Response:
        """Alerts, newest first, each with the notifications of it and how they stand."""
        filters = query.filters(clock())
        page = book.alerts(
            since_ns=filters.since_ns,
            until_ns=filters.until_ns,
            state=query.state,
            project=query.project,
            limit=query.limit,
            cursor=query.cursor,
        )
        return list_answer(_with_deliveries(book, page.items), page.next_cursor)

    @router.get("/alerts/{alert_id}", response_model=AlertShape, dependencies=[only()])
    def one_alert(alert_id: str, book: Book = seen_by_key) -> Response:
        return json_answer(_with_deliveries(book, [_found(book, alert_id)])[0])

    @router.post("/alerts/{alert_id}/acknowledge", response_model=AlertShape, dependencies=[only()])
    def acknowledge(alert_id: str, author: Annotated[str, Body(embed=True)], book: Book = seen_by_key) -> Response:
        """Say that `author` cares for the alert. The first one who does is kept."""
        alert = book.acknowledge(_found(book, alert_id).alert_id, author, clock())
        return json_answer(_with_deliveries(book, [alert])[0])

    @router.get("/rules", dependencies=[only()])
    def list_rules(book: Book = seen_by_key) -> Response:
        """All rules, the oldest first; with a key for one project those that look at it."""
        return list_answer(rule.to_json() for rule in book.rules())

    @router.put("/rules/{rule_id}", response_model=MetricRule | VerdictRule, dependencies=[only()])
    def put_rule(rule_id: str, document: Annotated[dict[str, Any], Body()], book: Book = seen_by_key) -> Response:
        """Add a rule, or replace the one with this id. `"enabled": false` switches it off and ends its alerts.

        Needs a key with scope admin; with one for a project the rule is for this project.
        """
        if document.get("rule_id", rule_id) != rule_id:
            raise BadRequest(
                f"rule_id: the path says {rule_id!r}, the body {document['rule_id']!r}; leave it out there"
            )
        rule = rule_from_json({"project": book.project, **document, "rule_id": rule_id})
        book.save_rule(rule, clock())
        return json_answer(rule.to_json())

    return router


def _found(book: Book, alert_id: str) -> Alert:
    alert = book.alert(alert_id)
    if alert is None:
        raise NotFound(f"there is no alert {alert_id!r}; GET /api/v1/alerts lists them")
    return alert


def _with_deliveries(book: Book, alerts: Sequence[Alert]) -> list[dict[str, Any]]:
    deliveries = book.deliveries([alert.alert_id for alert in alerts])
    return [
        alert.to_json() | {"deliveries": [delivery.to_json() for delivery in deliveries[alert.alert_id]]}
        for alert in alerts
    ]
