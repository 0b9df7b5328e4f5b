"""The values of scores, for many targets at once."""

from collections.abc import Mapping, Sequence

from collector.store.elasticsearch.cluster import Cluster
from collector.store.elasticsearch.filters import any_of, equal
from collector.store.elasticsearch.kinds import SCORES

CHUNK_TARGETS = 1_000


def score_values(cluster: Cluster, target_ids: Sequence[str], *, evaluator: str) -> Mapping[str, float]:
    """The newest value of `evaluator` for each target that has one, by target id."""
    newest: dict[str, tuple[int, float]] = {}
    distinct = sorted(set(target_ids))
    with cluster.errors():
        for first in range(0, len(distinct), CHUNK_TARGETS):
            clauses = [*equal({"evaluator": evaluator}), any_of("target_id", distinct[first : first + CHUNK_TARGETS])]
            for row in cluster.all_rows(SCORES, clauses):
                if row["value"] is not None:
                    of_target = newest.get(row["target_id"], (-1, 0.0))
                    newest[row["target_id"]] = max(of_target, (row["created_ns"], row["value"]))
    return {target_id: value for target_id, (_, value) in newest.items()}
