"""Alias, route, prompt cluster: which of them changed, when each was asked by itself."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from evaluators.drift.many.evalues import e_bh, e_from_p
from evaluators.drift.windows.permutation import DriftTest

Path = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One segment: ("gpt-4",) an alias, ("gpt-4", "support") a route of it, and so on.

    `strength` ranks segments with evidence: the test statistic in standard deviations of its permutations. Unlike a
    p-value it does not end where the number of permutations does.
    """

    path: Path
    e_value: float
    strength: float

    @classmethod
    def of(cls, path: Path, test: DriftTest) -> Self:
        return cls(path=path, e_value=e_from_p(test.p_value), strength=test.statistic)


def ranked(nodes: Sequence[Node]) -> tuple[Node, ...]:
    """The likeliest to have changed first."""
    return tuple(sorted(nodes, key=lambda node: -node.strength))


def blamed(nodes: Sequence[Node], *, fdr: float = 0.05) -> tuple[Node, ...]:
    """The segments that explain what changed, the strongest first: as small as possible, as large as necessary.

    e-BH over all of them, at any depth and however they depend on one another, says which changed. If at least half of
    the parts of a segment changed, and more than one, the segment is named and not its parts; else the parts are.
    """
    changed = [nodes[i] for i in e_bh([node.e_value for node in nodes], fdr=fdr)]
    n_parts = Counter(node.path[:-1] for node in nodes)
    n_changed = Counter(node.path[:-1] for node in changed)
    whole = {
        node.path for node in changed if n_changed[node.path] > 1 and 2 * n_changed[node.path] >= n_parts[node.path]
    }
    named = [
        node
        for node in changed
        if (node.path in whole or not n_changed[node.path])
        and not any(node.path[:depth] in whole for depth in range(1, len(node.path)))
    ]
    return ranked(named)
