"""The index templates, and whether the cluster is one that we can use."""

import re
from typing import Any

from elasticsearch import BadRequestError, NotFoundError

from collector.errors import StoreMisconfigured
from collector.store.elasticsearch.cluster import Cluster
from collector.store.elasticsearch.config import ElasticsearchConfig
from collector.store.elasticsearch.failures import cause_of
from collector.store.elasticsearch.kinds import KINDS, SCHEMA_VERSION, Kind

OLDEST_SERVER = (8, 19)
REFRESH_EVERY = "1s"
"""Told outright: an index that nobody searches would else not be refreshed."""


def prepare(cluster: Cluster) -> list[str]:
    """Install what is missing or older; doing it twice changes nothing.

    Returns:
        The names of the templates that were installed or replaced.
    Raises:
        StoreMisconfigured: if the server is too old or knows no lifecycle policies, or a newer version of Watchkeeper
            has written there.
    """
    with cluster.errors():
        _check_servers(cluster)
        return [name for kind in KINDS if (name := _install(cluster, kind))]


def settings(cluster: Cluster) -> dict[str, Any]:
    """Of an index. The operator's policy is named where there is one: it begins to count when a day's index is made."""
    policy = cluster.config.ilm_policy
    return ({} if policy is None else {"lifecycle": {"name": policy}}) | {
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


def _install(cluster: Cluster, kind: Kind) -> str | None:
    """The name of the template if it was installed, None if it was there as it must be."""
    name = f"{cluster.config.prefix}-{kind.name}"
    told = _told(cluster.config)
    found = _installed(cluster, name)
    version = found.get("watchkeeper_schema", 0)
    if version > SCHEMA_VERSION:
        raise StoreMisconfigured(
            f"{cluster.config.url}: the indices {name}-* were made by a newer Watchkeeper (schema {version}, this one"
            f" knows {SCHEMA_VERSION}); start that one, or choose another prefix"
        )
    for index in _outdated(cluster, kind):
        _upgrade(cluster, kind, index)
    if found == told:  # what an operator added to a template of this version stays
        return None
    try:
        cluster.client.indices.put_index_template(name=name, **template_of(cluster, kind))
    except BadRequestError as error:
        if cluster.config.ilm_policy is None or "lifecycle" not in cause_of(error.body)[1]:
            raise
        raise StoreMisconfigured(
            f"{cluster.config.url} knows no lifecycle policies ({cause_of(error.body)[1]}); leave"
            " store.elasticsearch.ilm_policy out, and [collector.retention] deletes what is old"
        ) from error
    return name


def template_of(cluster: Cluster, kind: Kind) -> dict[str, Any]:
    """What Elasticsearch is sent, but for the name."""
    return {
        "index_patterns": [f"{cluster.config.prefix}-{kind.name}-*"],
        "template": {"settings": {"index": settings(cluster)}, "mappings": kind.mappings()},
        "priority": 500,
        "meta": _told(cluster.config),
    }


def _told(config: ElasticsearchConfig) -> dict[str, Any]:
    """What the template says of itself: from what it was made."""
    told = {"watchkeeper_schema": SCHEMA_VERSION, "shards": config.shards, "replicas": config.replicas}
    return told if config.ilm_policy is None else told | {"ilm_policy": config.ilm_policy}


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
