"""Many documents in few requests."""

import logging
import random
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from elasticsearch import ApiError

from collector.errors import StoreMisconfigured, StoreUnavailable
from collector.store.elasticsearch.cluster import Cluster, Hit
from collector.store.elasticsearch.documents import Row, encoded
from collector.store.elasticsearch.failures import RETRY_AFTER_S, blocked
from collector.store.elasticsearch.kinds import Kind

log = logging.getLogger(__name__)

CHUNK_BYTES = 5 << 20
CHUNK_ACTIONS = 5_000
MAX_BYTES = 90 << 20
"""Elasticsearch takes requests of 100 MB."""
N_TRIES = 6
FIRST_WAIT_S = 0.2
SHARD_WAIT = "5s"
"""How long a request waits for a shard that is away: who sends it keeps what is in it anyway."""

_REFUSED_FOR_GOOD = ("document_parsing_exception", "mapper_parsing_exception", "illegal_argument_exception")


@dataclass(slots=True)
class Action:
    """One line or two of a bulk request. `version` (seq_no, primary term): only if the document is still that one.
    `number`: only if the document has none that is higher, so that a request which was given up and is carried out
    late changes nothing."""

    what: str  # index, create, delete
    index: str
    id: str
    document: bytes | None = None
    version: tuple[int, int] | None = None
    number: int | None = None

    @property
    def lines(self) -> list[bytes]:
        place: dict[str, Any] = {"_index": self.index, "_id": self.id}
        if self.version is not None:
            place |= {"if_seq_no": self.version[0], "if_primary_term": self.version[1]}
        if self.number is not None:
            place |= {"version": self.number, "version_type": "external_gte"}
        head = encoded({self.what: place})
        return [head] if self.document is None else [head, self.document]


@dataclass(slots=True)
class Outcome:
    """`done` actions changed something; `same` met what was there already (or a newer version, or nothing to delete);
    `refused` can never be stored, by reason."""

    done: int = 0
    same: int = 0
    refused: Counter[str] = field(default_factory=Counter)

    def __add__(self, other: "Outcome") -> "Outcome":
        return Outcome(self.done + other.done, self.same + other.same, self.refused + other.refused)


def replaced(hit: Hit, document: Row) -> Action:
    """Put `document` in the place of `hit`, if that is still as it was read."""
    return Action("index", hit.index, hit.id, encoded(document), _version(hit))


def deleted(hit: Hit) -> Action:
    return Action("delete", hit.index, hit.id, version=_version(hit))


def _version(hit: Hit) -> tuple[int, int] | None:
    return None if hit.seq_no is None or hit.primary_term is None else (hit.seq_no, hit.primary_term)


def send(cluster: Cluster, kind: Kind, actions: Iterable[Action]) -> Outcome:
    """Carry out all `actions`; each is on the disk of the cluster when this returns.

    Raises:
        StoreUnavailable: some are done and some are not; all of them may be sent again.
    """
    total = Outcome()
    with cluster.errors():
        for outcome in cluster.pool.map(lambda chunk: _send(cluster, kind, chunk), list(_chunks(actions))):
            total += outcome
    if total.refused:
        reasons = "; ".join(f"{n} for {reason}" for reason, n in total.refused.most_common(3))
        log.warning("%d %s can never be stored and were left out: %s", total.refused.total(), kind.name, reasons)
    return total


def _chunks(actions: Iterable[Action]) -> Iterator[list[Action]]:
    chunk: list[Action] = []
    n_bytes = 0
    for action in actions:
        size = len(action.document or b"") + 200
        if chunk and (n_bytes + size > CHUNK_BYTES or len(chunk) == CHUNK_ACTIONS):
            yield chunk
            chunk, n_bytes = [], 0
        chunk.append(action)
        n_bytes += size
    if chunk:
        yield chunk


def _send(cluster: Cluster, kind: Kind, chunk: Sequence[Action]) -> Outcome:
    outcome = Outcome()
    todo = list(chunk)
    for index in {action.index for action in todo}:
        cluster.wrote(kind, index)  # before: a request that fails may have been carried out
    for n_tried in range(N_TRIES):
        if len(todo) == 1 and len(todo[0].document or b"") > MAX_BYTES:
            return outcome + Outcome(refused=Counter({f"more than {MAX_BYTES >> 20} MB": 1}))
        todo = _try(cluster, todo, outcome)
        if not todo:
            return outcome
        time.sleep(FIRST_WAIT_S * 2**n_tried * random.uniform(0.5, 1.0))  # apart from other writers who wait too
    raise StoreUnavailable(
        f"{cluster.config.url} has been too busy for {len(todo)} {kind.name}; send them again later",
        retry_after_s=RETRY_AFTER_S,
    )


def _try(cluster: Cluster, chunk: Sequence[Action], outcome: Outcome) -> list[Action]:
    """Send `chunk` once and count in `outcome` what came of it; the actions that must be tried again."""
    lines: list[Any] = [line for action in chunk for line in action.lines]
    try:
        answer = cluster.client.bulk(
            operations=lines,
            timeout=SHARD_WAIT,
            filter_path="errors,items.*.status,items.*.error.type,items.*.error.reason,items.*.error.caused_by.reason",
        )
    except ApiError as error:
        if error.status_code == 429 and "cluster_block" not in str(error.body):
            return list(chunk)
        raise
    busy = []
    for action, item in zip(chunk, answer.body["items"], strict=True):
        (result,) = item.values()
        status, problem = result["status"], result.get("error")
        if status < 300:
            outcome.done += 1
        elif status == 409 or (status == 404 and action.what == "delete"):
            outcome.same += 1
        elif status == 429 and problem["type"] != "cluster_block_exception":
            busy.append(action)
        else:
            _refused(cluster, status, problem, outcome)
    return busy


def _refused(cluster: Cluster, status: int, error: Mapping[str, Any], outcome: Outcome) -> None:
    kind, reason = error["type"], error["reason"]
    if why := error.get("caused_by", {}).get("reason"):
        reason = f"{reason}: {why}"
    if status == 400 and kind in _REFUSED_FOR_GOOD:
        outcome.refused[reason[:200]] += 1
        return
    if kind == "cluster_block_exception":
        raise StoreUnavailable(blocked(cluster.config.url, reason), retry_after_s=RETRY_AFTER_S)
    if kind == "security_exception":
        raise StoreMisconfigured(f"{cluster.config.url}: a privilege is missing: {reason}")
    if kind == "strict_dynamic_mapping_exception":
        raise StoreMisconfigured(
            f"{cluster.config.url}: an index lacks a field that this version writes ({reason}); run"
            " `watchkeeper store init`, which adds it"
        )
    raise StoreUnavailable(f"{cluster.config.url}: {status} {kind}: {reason}", retry_after_s=RETRY_AFTER_S)
