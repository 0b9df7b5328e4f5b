"""What one project sees of the alerts and rules of the installation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from collector.errors import BadRequest, Forbidden
from collector.projects.access import Access
from collector.query import Page
from evaluators.alerts.alert import Alert
from evaluators.alerts.outbox import Delivery
from evaluators.alerts.rule import Rule

if TYPE_CHECKING:
    from evaluators.alerts.book import AlertBook


class ProjectAlerts:
    """An AlertBook for the holder of `access`: alerts of others are not there, rules are changed by admins only."""

    def __init__(self, book: AlertBook, access: Access) -> None:
        self._book = book
        self._access = access

    @property
    def project(self) -> str | None:
        return self._access.project

    def of(self, access: Access) -> ProjectAlerts:
        return ProjectAlerts(self._book, access)

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
        return self._book.alerts(
            since_ns=since_ns, until_ns=until_ns, state=state, project=self._own(project), limit=limit, cursor=cursor
        )

    def alert(self, alert_id: str) -> Alert | None:
        found = self._book.alert(alert_id)
        return found if found is not None and self._sees(found.project) else None

    def open_alerts(self, *, project: str | None = None) -> Sequence[Alert]:
        return self._book.open_alerts(project=self._own(project))

    def acknowledge(self, alert_id: str, author: str, now_ns: int) -> Alert:
        if self.alert(alert_id) is None:
            raise BadRequest(f"there is no alert {alert_id[:80]!r}; GET /api/v1/alerts lists them")
        return self._book.acknowledge(alert_id, author, now_ns)

    def rules(self) -> Sequence[Rule]:
        """Those of the project, and those that look at every project, this one among them."""
        return [rule for rule in self._book.rules() if rule.project is None or self._sees(rule.project)]

    def save_rule(self, rule: Rule, now_ns: int) -> None:
        """
        Raises:
            Forbidden: for a rule that is not the project's own, or without scope admin.
        """
        self._access.require("admin")
        old = next((known for known in self._book.rules() if known.rule_id == rule.rule_id), None)
        for known in (rule, old):
            if known is not None and self._access.project not in (None, known.project):
                whose = "every project" if known.project is None else "another project"
                raise Forbidden(
                    f"rule {known.rule_id!r} is for {whose}, this key for {self._access.project!r}: write "
                    '"project" into the rule and take an id of your own, or use a key for all projects'
                )
        self._book.save_rule(rule, now_ns)

    def deliveries(self, alert_ids: Sequence[str]) -> Mapping[str, Sequence[Delivery]]:
        return self._book.deliveries([alert_id for alert_id in alert_ids if self.alert(alert_id) is not None])

    def _sees(self, project: str) -> bool:
        return self._access.project in (None, project)

    def _own(self, project: str | None) -> str | None:
        if project is not None and not self._sees(project):
            raise Forbidden(
                f"project: this key is for {self._access.project!r}, not for {project[:80]!r}; leave it out"
            )
        return self._access.project or project
