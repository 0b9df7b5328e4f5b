"""The index templates, and whether the cluster is one that we can use."""

import re
from typing import Any

from elasticsearch import NotFoundError

from collector.errors import StoreMisconfigured
from collector.store.elasticsearch.cluster import Cluster
from collector.store.elasticsearch.kinds import KINDS, SCHEMA_VERSION, Kind

OLDEST_SERVER = (8, 19)
REFRESH_EVERY = "1s"
"""Told outright: an index that nobody searches would else not be refreshed."""


def prepare(cluster: Cluster) -> None:
    """Install what is missing or older; doing it twice changes nothing.

    Raises:
        StoreMisconfigured: if the server is too old, or a newer version of Watchkeeper has written there.
    """
    with cluster.errors():
        _check_servers(cluster)
        for kind in KINDS:
            _install(cluster, kind)


def settings(cluster: Cluster) -> dict[str, Any]:
    return {
        "number_of_shards": cluster.config.shards,
        "number_of_replicas": cluster.config.replicas,
        "codec": "best_compression",
        "refresh_interval": REFRESH_EVERY,
        "max_terms_count": 65_536,
    }


def _check_servers(cluster: Cluster) -> None:
    nodes = cluster.client.nodes.info(filter_path="nodes.*.version").body["nodes"]
    for node in nodes.values():
        found = re.match(r"(\d+)\.(\d+)", node["version"])
        if found is None or tuple(map(int, found.groups())) < OLDEST_SERVER:
            raise StoreMisconfigured(
                f"{cluster.config.url} runs Elasticsearch {node['version']}; upgrade it to 8.19 or newer"
            )


def _install(cluster: Cluster, kind: Kind) -> None:
    name = f"{cluster.config.prefix}-{kind.name}"
    told = {"watchkeeper_schema": SCHEMA_VERSION, "shards": cluster.config.shards, "replicas": cluster.config.replicas}
    found = _installed(cluster, name)
    version = found.get("watchkeeper_schema", 0)
    if version > SCHEMA_VERSION:
        raise StoreMisconfigured(
            f"{cluster.config.url}: the indices {name}-* were made by a newer Watchkeeper (schema {version}, this one"
            f" knows {SCHEMA_VERSION}); start that one, or choose another prefix"
        )
    for index in _outdated(cluster, kind):
        _upgrade(cluster, kind, index)
    if found != told:  # what an operator added to a template of this version stays
        cluster.client.indices.put_index_template(
            name=name,
            index_patterns=[f"{name}-*"],
            template={"settings": {"index": settings(cluster)}, "mappings": kind.mappings()},
            priority=500,
            meta=told,
        )


def _installed(cluster: Cluster, name: str) -> dict[str, Any]:
    """What the template says of itself; nothing if there is none."""
    try:
        found = cluster.client.indices.get_index_template(name=name).body["index_templates"]
    except NotFoundError:
        return {}
    return dict(found[0]["index_template"].get("_meta", {}))


def _outdated(cluster: Cluster, kind: Kind) -> list[str]:
    """The days that lack fields of this version."""
    found = cluster.client.indices.get_mapping(
        index=cluster.pattern(kind), ignore_unavailable=True, filter_path="*.mappings._meta"
    ).body
    return [name for name, told in found.items() if told["mappings"]["_meta"]["watchkeeper_schema"] < SCHEMA_VERSION]


def _upgrade(cluster: Cluster, kind: Kind, index: str) -> None:
    """Let a day that is there take the new fields too. What it holds stays as it is."""
    mappings = kind.mappings()
    cluster.client.indices.put_mapping(index=index, properties=mappings["properties"], meta=mappings["_meta"])
