"""The alarms of a day: what belongs together is one, and no more than a person will read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

HOUR_NS = 3_600 * 10**9
NEAR_NS = 6 * HOUR_NS
"""Onsets are estimates: those of one change that two routes see were some hours apart."""

Cause = Literal["provider", "own", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """An alarm of one monitor. `alias` is the name of the model that was asked for, `route` the service that asked."""

    monitor_id: str
    alias: str
    route: str
    onset_ns: int
    evidence: float
    """An e-value, or the like: higher is stronger."""
    cluster: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """One alarm to be shown: candidates of one alias with near onsets, the strongest first.

    `cause`: `provider` if several routes of the alias changed; `own` if one did and others did not; `unknown` if the
    alias has one route only.
    """

    alias: str
    cause: Cause
    onset_ns: int
    candidates: Sequence[Candidate]

    @property
    def evidence(self) -> float:
        return self.candidates[0].evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    shown: Sequence[Group]
    left_out: Sequence[Group]
    why: str
    """Empty if nothing was left out."""


def digest(
    candidates: Sequence[Candidate], *, routes: Mapping[str, int], most: int = 5, near_ns: int = NEAR_NS
) -> Digest:
    """At most `most` alarms, the strongest first.

    Args:
        candidates: of one day.
        routes: how many routes of each alias are watched.
        most: what is left of the day's alarms, if some were shown before.
        near_ns: onsets at most so far from the one before them are of one group.
    Raises:
        ValueError: if an alias of a candidate is not in `routes`, or most is negative.
    """
    if most < 0:
        raise ValueError(f"most must be 0 or above, got {most}")
    unknown = {candidate.alias for candidate in candidates} - routes.keys()
    if unknown:
        raise ValueError(f"routes says nothing on {', '.join(sorted(unknown))}; count the routes of each alias")
    groups = sorted(
        (_group(near, n_routes=routes[near[0].alias]) for near in _nearby(candidates, near_ns)),
        key=lambda group: (-group.evidence, group.onset_ns, group.alias),
    )
    shown, left_out = groups[:most], groups[most:]
    why = ""
    if left_out:
        why = f"{len(left_out)} more with less evidence were left out: the limit is {most}"
    return Digest(shown=tuple(shown), left_out=tuple(left_out), why=why)


def _nearby(candidates: Sequence[Candidate], near_ns: int) -> list[list[Candidate]]:
    """Candidates of one alias, cut where two onsets in order are further apart than `near_ns`."""
    chains: list[list[Candidate]] = []
    for candidate in sorted(candidates, key=lambda c: (c.alias, c.onset_ns, c.monitor_id)):
        last = chains[-1][-1] if chains else None
        if last and last.alias == candidate.alias and candidate.onset_ns - last.onset_ns <= near_ns:
            chains[-1].append(candidate)
        else:
            chains.append([candidate])
    return chains


def _group(near: Sequence[Candidate], *, n_routes: int) -> Group:
    strongest = sorted(near, key=lambda candidate: (-candidate.evidence, candidate.monitor_id))
    n_changed = len({candidate.route for candidate in near})
    cause: Cause = "provider" if n_changed > 1 else "own" if n_routes > 1 else "unknown"
    return Group(alias=near[0].alias, cause=cause, onset_ns=strongest[0].onset_ns, candidates=tuple(strongest))
