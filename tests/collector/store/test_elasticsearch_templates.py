"""Index templates: installed once, replaced when what they say changes, with the policy of the operator if any."""

import logging
import threading
from dataclasses import replace

import pytest
from elasticsearch import Elasticsearch

from collector.errors import BadRequest, StoreMisconfigured
from collector.retention import Keep, Kept, Retention
from collector.store import open_elasticsearch
from collector.store.elasticsearch import retention
from collector.store.elasticsearch.cluster import Cluster
from collector.store.elasticsearch.config import ElasticsearchConfig
from collector.store.elasticsearch.kinds import KINDS
from collector.store.elasticsearch.store import ElasticsearchStore
from collector.store.elasticsearch.templates import template_of

YEARS_LATER_NS = 4_000_000_000 * 10**9


def installed(config):
    store = ElasticsearchStore(config)
    try:
        return store.prepare()
    finally:
        store.close()


def test_templates_are_installed_once_and_again_when_they_change(elasticsearch):
    everything = [f"{elasticsearch.prefix}-{kind.name}" for kind in KINDS]
    assert installed(elasticsearch) == everything
    assert installed(elasticsearch) == []
    assert installed(replace(elasticsearch, shards=2)) == everything


def test_what_an_operator_added_to_a_template_stays(elasticsearch):
    installed(elasticsearch)
    name = f"{elasticsearch.prefix}-calls"
    with Elasticsearch(elasticsearch.url) as client:
        theirs = client.indices.get_index_template(name=name).body["index_templates"][0]["index_template"]
        theirs["template"]["settings"]["index"]["refresh_interval"] = "7s"
        client.indices.put_index_template(name=name, **{k.lstrip("_"): v for k, v in theirs.items()})
        assert installed(elasticsearch) == []
        after = client.indices.get_index_template(name=name).body["index_templates"][0]["index_template"]
    assert after["template"]["settings"]["index"]["refresh_interval"] == "7s"


def test_a_template_names_the_policy_of_the_operator_and_no_other_does(elasticsearch):
    def lifecycle(config):
        cluster = Cluster(config)
        try:
            return [template_of(cluster, kind)["template"]["settings"]["index"].get("lifecycle") for kind in KINDS]
        finally:
            cluster.close()

    assert lifecycle(elasticsearch) == [None] * len(KINDS)
    assert lifecycle(replace(elasticsearch, ilm_policy="thirty-days")) == [{"name": "thirty-days"}] * len(KINDS)


def test_a_server_without_lifecycle_policies_says_what_to_do(elasticsearch):
    """The server of these tests is one: it has no such module."""
    with pytest.raises(StoreMisconfigured, match=r"knows no lifecycle policies.*leave store.elasticsearch.ilm_policy"):
        open_elasticsearch(replace(elasticsearch, ilm_policy="thirty-days"))
    assert installed(elasticsearch)


def test_a_policy_without_a_name():
    with pytest.raises(BadRequest, match="ilm_policy is empty"):
        ElasticsearchConfig(url="http://host:9200", ilm_policy=" ")


def test_with_a_policy_our_retention_deletes_nothing_and_says_so(elasticsearch, a_call, a_batch, caplog):
    store = open_elasticsearch(elasticsearch)
    store.write([a_batch([a_call()])])
    keep = Retention(projects={"shop": Keep(telemetry_days=1), "default": Keep(telemetry_days=1, content_days=1)})
    cluster = Cluster(replace(elasticsearch, ilm_policy="thirty-days"))  # a whole store could not be opened here
    with caplog.at_level(logging.WARNING):
        done = retention.retain(cluster, keep, now_ns=YEARS_LATER_NS, stopping=threading.Event())
    cluster.close()
    assert done == Kept()
    assert "'thirty-days' deletes what is old" in caplog.text
    assert "projects default, shop" in caplog.text
    assert store.last_seq() == 1
    assert store.retain(replace(keep, default=Keep(telemetry_days=1)), now_ns=YEARS_LATER_NS).n_days_dropped == 1
    store.close()
