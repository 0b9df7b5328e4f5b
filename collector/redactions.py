"""What redaction does in each project: its policies and the columns it works on, for whoever looks at its coverage."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields

from collector.batch import Batch
from collector.errors import BadRequest
from collector.redacting import ROLES, SCORE_TEXTS, Policies
from collector.redaction import Coverage, Policy, Role, coverage
from collector.score import Score
from collector.validation import near_match

COLUMNS: Mapping[str, list[str]] = {f.name: getattr(Batch(), f.name).schema.names for f in fields(Batch)} | {
    "scores": [f.name for f in fields(Score)]
}
"""All that is stored, by table."""

_ROLES: Mapping[str, Mapping[str, Role]] = ROLES | {
    "scores": {name: ROLES["opinions"][name] for name in SCORE_TEXTS.names}
}


class Redactions:
    """`names` gives the projects that there are, `policies` what is done in each."""

    def __init__(self, policies: Policies, names: Callable[[], Sequence[str]]) -> None:
        self._policies = policies
        self._names = names

    def of_project(self, project: str) -> "Redactions":
        """Of `project`, and of no other."""
        return Redactions(self._policies, lambda: [project])

    def projects(self) -> Sequence[str]:
        """Those that can be asked for, by name."""
        return sorted(set(self._names()))

    def policy(self, project: str) -> Policy:
        """
        Raises:
            BadRequest: if it is not one of `projects`.
        """
        if project not in self.projects():
            raise BadRequest(f"project: there is no {project[:80]!r}, {near_match(project, self.projects())}")
        return self._policies(project)

    def coverage(self, project: str) -> Coverage:
        """What is searched for what in `project`, column by column, and what is not."""
        return coverage(_ROLES, COLUMNS, self.policy(project))
