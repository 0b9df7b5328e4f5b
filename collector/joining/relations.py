"""Which parts may tell of the same model call: by span, by nesting, by response id, by looking alike at one moment.

Facts come in any order: children before parents, logs before spans, in different exports. Each is looked at once, when
it comes, against what came shortly before it; what it is related to is found whichever of the two came first.
"""

from collections.abc import Hashable
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from collector.joining.merge import MAX_STEPS_UP
from collector.joining.recent import Recent
from collector.times import NS_PER_S

N_SPANS = 100_000
"""So many spans are remembered at least, and of the model calls half as many: some seconds of the busiest installation,
days of a quiet one."""
MAX_TWINS = 8  # so many calls that look alike are compared
MAX_SPANS = 32
"""Of one family: all pairs in it are compared. No call is told of by so many, but a stub of a server gives a thousand
answers one id."""
MAX_PARTS = 4096
"""Of one family, log records among them: all are read again when one more comes."""

_CLASSES = {
    "chat": "generation",
    "text_completion": "generation",
    "generate_content": "generation",
    "embeddings": "embeddings",
    "rerank": "rerank",
}

_KINDS = {"wrapper": "wrapper", "event": "log", "message": "log"}


@dataclass(slots=True, eq=False)
class Family:
    """Parts that must be looked at together: part id -> start of the part, which says in which day it is stored.

    `wrappers` are the keys of the spans among them that hold calls and are none.
    """

    parts: dict[str, int] = field(default_factory=dict)
    wrappers: set[str] = field(default_factory=set)
    n_spans: int = 0

    def has_room_for(self, n_spans: int, n_parts: int) -> bool:
        return self.n_spans + n_spans <= MAX_SPANS and len(self.parts) + n_parts <= MAX_PARTS


@dataclass(slots=True, eq=False)
class Node:
    """A span that is a model call, or the wrapper of some."""

    key: str
    start_ns: int
    project: str
    kind: str | None
    parent: str | None
    scope: str | None
    response_id: str | None
    looks: tuple[str | int | None, ...]
    half: str | None = None
    """Which half of a call it may be, `open` or `record` (see `_halves`)."""
    asked: int = 0
    """Hash of what was asked, where it may be a half."""
    below: tuple[str, ...] = ()  # model calls of its kind right below it, the first two
    is_wrapper: bool = False
    family: Family | None = None


class Relations:
    """What came lately, and the families among it."""

    def __init__(self, n_spans: int = N_SPANS) -> None:
        self._parents: Recent[str, str | None] = Recent(n_spans)
        self._nodes: Recent[str, Node] = Recent(n_spans // 2)
        self._twins: Recent[Hashable, list[Node]] = Recent(n_spans // 2)
        self._scopes: set[str | None] = set()
        # By a span that was not seen yet: the calls whose way up ends there, and what logs said of it.
        self._waiting: Recent[str, dict[str, None]] = Recent(n_spans // 2)
        self._orphans: Recent[str, Family] = Recent(n_spans // 2)

    def parent_of(self, key: str) -> str | None:
        return self._parents.get(key)

    def add(self, spans: pa.Table, parts: pa.Table) -> list[Family]:
        """Take in new spans and new parts; the families that they made or changed, each once.

        A part that is in no family is a call by itself.
        """
        touched: dict[int, Family] = {}
        keys, parents = span_keys(spans)
        # Of equal keys one object is kept: they are most of what is remembered.
        one_of = {key: key for key in keys}
        parents = [parent and one_of.setdefault(parent, parent) for parent in parents]
        self._parents.update(zip(keys, parents, strict=True))
        added = _nodes(parts, one_of)
        self._meet_scopes({node.scope for node, _ in added if node.kind != "log"}, touched)
        nodes = [node for node, _ in added if node.kind != "log"]
        for node in nodes:  # all of them first: a call may come before the one above it in the same export
            self._add_node(node, touched)
        for node in nodes:
            self._relate(node, touched)
        for node, part_id in added:
            if node.kind == "log":
                self._add_event(node, part_id, touched)
        for key in keys:
            if (calls := self._waiting.pop(key)) is not None:
                for call in calls:
                    self._climb(call, key, touched)
        return list(touched.values())

    def _add_node(self, node: Node, touched: dict[int, Family]) -> None:
        self._nodes[node.key] = node
        if self._parents.get(node.key) is None:
            self._parents[node.key] = node.parent
        node.family = self._orphans.pop(node.key)
        if node.family is not None:
            self._touch(node, touched)

    def _relate(self, node: Node, touched: dict[int, Family]) -> None:
        if node.kind == "wrapper":
            return
        if node.parent is not None:
            self._climb(node.key, node.parent, touched)
        if node.half is not None:
            self._meet(node, ("asked", node.project, node.kind, node.asked), touched, newest=True)
        if node.response_id:
            self._meet(node, (node.project, node.response_id), touched)
        if len(self._scopes) > 1:
            self._look_around(node, touched)

    def _add_event(self, event: Node, part_id: str, touched: dict[int, Family]) -> None:
        node = self._nodes.get(event.key)
        if node is None:
            family = self._orphans.get(event.key) or Family()
            self._orphans[event.key] = family
        else:
            family = self._touch(node, touched)
        if not family.has_room_for(0, 1) and part_id not in family.parts:
            family = Family()  # stored, and told with no call
        family.parts[part_id] = event.start_ns
        touched[id(family)] = family

    def _climb(self, key: str, at: str, touched: dict[int, Family]) -> None:
        """From the call `key` up, beginning with the span `at`, to the model call that it is part of."""
        node = self._nodes.get(key)
        seen = 0
        place: str | None = at
        while node is not None and place is not None and seen < MAX_STEPS_UP:
            seen += 1
            above = self._nodes.get(place)
            if above is not None and above is not node and not self._passes(node, above, touched):
                return
            if place not in self._parents:
                waiting = self._waiting.get(place)
                if waiting is None:
                    self._waiting[place] = {key: None}
                else:
                    waiting[key] = None
                return
            place = self._parents.get(place)

    def _passes(self, node: Node, above: Node, touched: dict[int, Family]) -> bool:
        """Whether the way of `node` goes on above `above`, which is a wrapper or becomes one now."""
        if above.is_wrapper or above.project != node.project:
            return True
        if above.kind == "wrapper":
            if node.kind == "generation":
                self._demote(above, touched)
            return True
        if above.kind != node.kind:
            return True
        if node.key not in above.below:
            above.below = (*above.below, node.key)
        if len(above.below) > 1:
            self._demote(above, touched)
            return True
        self._unite(node, above, touched)
        return False

    def _demote(self, node: Node, touched: dict[int, Family]) -> None:
        """`node` holds calls and is none."""
        node.is_wrapper = True
        self._touch(node, touched).wrappers.add(node.key)
        for key in node.below:
            if node.parent is not None:
                self._climb(key, node.parent, touched)

    def _meet(
        self,
        node: Node,
        twin_id: Hashable,
        touched: dict[int, Family],
        *,
        by_looks: bool = False,
        newest: bool = False,
    ) -> None:
        """Unite `node` with those of the same `twin_id`, of which the first few are kept, or the `newest`."""
        twins = self._twins.get(twin_id)
        if twins is None:
            self._twins[twin_id] = [node]
            return
        for other in twins:
            # By looks alone, two calls of one instrumentation are two calls: the same question asked twice is common.
            if self._nodes.get(other.key) is not other:
                continue  # forgotten: what family it is in now nobody knows
            is_other_call = (by_looks and other.scope == node.scope) or (newest and other.half == node.half)
            if other is not node and not is_other_call:
                self._unite(node, other, touched)
        if newest and len(twins) == MAX_TWINS:
            twins.pop(0)
        if len(twins) < MAX_TWINS:
            twins.append(node)

    def _look_around(self, node: Node, touched: dict[int, Family]) -> None:
        """Two records of one call begin within a second: in the same one or in two that follow each other."""
        second = node.start_ns // NS_PER_S
        self._meet(node, (node.looks, second), touched, by_looks=True)
        self._meet(node, (node.looks, second + 1), touched, by_looks=True)

    def _meet_scopes(self, scopes: set[str | None], touched: dict[int, Family]) -> None:
        """With a single instrumentation looks tell nothing, and are not remembered until there is a second one."""
        was_alone = len(self._scopes) < 2
        self._scopes |= scopes
        if was_alone and len(self._scopes) > 1:
            for node in self._nodes.values():
                self._look_around(node, touched)

    def _unite(self, one: Node, other: Node, touched: dict[int, Family]) -> None:
        if not self._have_room(one.family, other.family):
            return
        mine, theirs = self._touch(one, touched), self._touch(other, touched)
        if mine is theirs:
            return
        if len(mine.parts) < len(theirs.parts):  # each part moves a few times at most
            mine, theirs = theirs, mine
        mine.parts |= theirs.parts
        mine.wrappers |= theirs.wrappers
        mine.n_spans += theirs.n_spans
        touched.pop(id(theirs))
        for key in theirs.parts:
            if (node := self._nodes.get(key)) is not None and node.family is theirs:
                node.family = mine

    @staticmethod
    def _have_room(one: Family | None, other: Family | None) -> bool:
        """Whether the two, of which None is that of a span alone, may become one."""
        if one is not None and one is other:
            return True
        one, other = one or Family(n_spans=1), other or Family(n_spans=1)
        return one.has_room_for(other.n_spans, len(other.parts))

    def _touch(self, node: Node, touched: dict[int, Family]) -> Family:
        """The family of `node`, made if it has none, and known to have changed."""
        if node.family is None:
            node.family = Family()
        if node.key not in node.family.parts:
            node.family.parts[node.key] = node.start_ns
            node.family.n_spans += 1
        touched[id(node.family)] = node.family
        return node.family


def span_keys(table: pa.Table) -> tuple[list[str], list[str | None]]:
    """The key of each row's span and of its parent, in the form of `call_id_of`."""
    trace = pc.utf8_slice_codeunits(table["trace_id"], 16)
    own = pc.binary_join_element_wise(trace, table["span_id"], "")
    parents = pc.binary_join_element_wise(trace, table["parent_span_id"], "")
    keys: list[str] = own.to_pylist()
    return keys, parents.to_pylist()


_COLUMNS = (
    "part_id", "part_kind", "start_ns", "project", "operation", "response_id", "service", "scope", "input_tokens",
    "output_tokens",
)  # fmt: skip


def _nodes(parts: pa.Table, one_of: dict[str, str]) -> list[tuple[Node, str]]:
    """Each part as a node, with its part id; that of a log record has the kind `log`. `one_of`: keys that are held."""
    columns = (parts[name].to_pylist() for name in _COLUMNS)
    nodes = []
    for part_id, part_kind, start_ns, project, operation, response_id, service, scope, n_in, n_out, key, parent in zip(
        *columns, *span_keys(parts), strict=True
    ):
        kind = _KINDS.get(part_kind) or _CLASSES.get(operation or "")
        looks = (project, service, kind, n_in, n_out)
        key, parent = one_of.get(key, key), parent and one_of.get(parent, parent)
        nodes.append((Node(key, start_ns, project, kind, parent, scope, response_id, looks), part_id))
    for half, rows in _halves(parts).items():
        for row in rows:
            nodes[row][0].half, nodes[row][0].asked = half, hash(parts["input_messages"][row].as_py())
    return nodes


def _halves(parts: pa.Table) -> dict[str, list[int]]:
    """The rows of calls that are told in two halves, which stand in no line with each other.

    `open`: a span that ends when the stream opens and knows nothing of the answer; `record`: one of no length, written
    when the answer has been read.
    """
    may_be = pc.and_(pc.equal(parts["part_kind"], "span"), pc.is_valid(parts["input_messages"]))
    may_be = pc.and_(may_be, pc.is_valid(parts["scope"]))  # calls that people send as such come whole
    is_told = pc.or_(pc.is_valid(parts["output_messages"]), pc.is_valid(parts["input_tokens"]))
    is_record = pc.and_(is_told, pc.equal(parts["start_ns"], parts["end_ns"]))
    is_open = pc.and_(pc.invert(is_told), pc.and_(parts["stream"], pc.is_null(parts["error_type"])))
    masks = {"record": is_record, "open": pc.fill_null(is_open, False)}
    return {half: pc.indices_nonzero(pc.and_(may_be, mask)).to_pylist() for half, mask in masks.items()}
