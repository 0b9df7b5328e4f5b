"""What the store takes in the cluster."""

from collector.store.base import Footprint
from collector.store.elasticsearch.cluster import Cluster
from collector.store.elasticsearch.kinds import KINDS


def footprint(cluster: Cluster) -> Footprint:
    """Bytes of all copies; `free_bytes` is what the fullest node has left, which is where writing stops first."""
    with cluster.errors():
        days = days_of(cluster)
        sizes = cluster.client.indices.stats(
            index=f"{cluster.config.prefix}-*", metric="store", filter_path="_all.total.store.size_in_bytes"
        ).body
        disks = cluster.client.nodes.stats(metric="fs", filter_path="nodes.*.fs.total.available_in_bytes").body
    free = [node["fs"]["total"]["available_in_bytes"] for node in disks["nodes"].values() if node]
    return Footprint(
        n_bytes=sizes.get("_all", {}).get("total", {}).get("store", {}).get("size_in_bytes", 0),
        free_bytes=min(free, default=0),
        n_days=len(days),
        first_day=days[0] if days else None,
        last_day=days[-1] if days else None,
    )


def days_of(cluster: Cluster) -> list[str]:
    """The UTC days (2026-11-21) that have an index, oldest first."""
    names = cluster.names(f"{cluster.config.prefix}-*")
    beginnings = tuple(f"{cluster.config.prefix}-{kind.name}-" for kind in KINDS)
    return sorted({name.rpartition("-")[2].replace(".", "-") for name in names if name.startswith(beginnings)})
