"""What is wrong with a cluster is told in a sentence that says what to do."""

import http.server
import json
import threading
from dataclasses import replace

import pytest

from collector.errors import BadRequest, StoreMisconfigured, StoreUnavailable
from collector.store import open_elasticsearch
from collector.store.elasticsearch.config import ElasticsearchConfig
from tests.services.elasticsearch.fixtures import started_server

PASSWORD = "for-tests-only"
READER = """  cluster: [ 'monitor' ]
  indices:
    - names: [ '*' ]
      privileges: [ 'read' ]
"""
WRITER = """  cluster: [ 'monitor', 'manage_index_templates' ]
  indices:
    - names: [ 'mine-*' ]
      privileges: [ 'all' ]
"""


def test_nobody_at_the_address():
    with pytest.raises(StoreUnavailable, match=r"127.0.0.1:9: nobody answers.*check the address"):
        open_elasticsearch(ElasticsearchConfig(url="http://127.0.0.1:9"))


def test_tls_where_there_is_none(elasticsearch):
    with pytest.raises(StoreMisconfigured, match=r"write http://"):
        open_elasticsearch(replace(elasticsearch, url=elasticsearch.url.replace("http:", "https:")))


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"url": "localhost:9200"}, "https://host:9200"),
        ({"url": "http://elastic:secret@host:9200"}, "given apart"),
        ({"prefix": "Watch*"}, "lower-case"),
        ({"user": "u"}, "both a user and a password"),
        ({"user": "u", "password": "p", "api_key": "k"}, "leave one of them out"),
        ({"shards": 0}, "at least 1"),
    ],
)
def test_a_configuration_that_cannot_be(wrong, told):
    with pytest.raises(BadRequest, match=told) as refused:
        ElasticsearchConfig(**{"url": "http://host:9200"} | wrong)
    assert "secret" not in str(refused.value)


@pytest.fixture
def answers():
    """`answers(headers, body)`: the URL of somebody who says the same to everybody."""
    servers = []

    def start(headers, body):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        servers.append(http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler))
        threading.Thread(target=servers[-1].serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{servers[-1].server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_somebody_else_at_the_address(answers):
    url = answers({"Content-Type": "text/html"}, b"<h1>Welcome</h1>")
    with pytest.raises(StoreMisconfigured, match=r"no Elasticsearch; check the address"):
        open_elasticsearch(ElasticsearchConfig(url=url))


@pytest.mark.parametrize("version", ["7.17.29", "8.18.8"])
def test_a_server_that_is_too_old(answers, version):
    """The old servers themselves do not run on the Java of today."""
    body = json.dumps({"nodes": {"a": {"version": version}}}).encode()
    headers = {
        "Content-Type": "application/vnd.elasticsearch+json;compatible-with=8",
        "X-Elastic-Product": "Elasticsearch",
    }
    with pytest.raises(StoreMisconfigured, match=rf"runs Elasticsearch {version}; upgrade it to 8.19"):
        open_elasticsearch(ElasticsearchConfig(url=answers(headers, body)))


@pytest.fixture(scope="module")
def secured_url():
    """A server that asks everybody who they are, with a user who may only read and one who may all under a prefix."""

    def add_users(server):
        server.add_user("reader", PASSWORD, "reads", READER)
        server.add_user("writer", PASSWORD, "writes", WRITER)

    with started_server(password=PASSWORD, heap_mb=384, before=add_users) as server:
        yield server.url


def test_wrong_password_missing_privileges_and_enough_of_them(secured_url, a_call, a_batch):
    config = ElasticsearchConfig(url=secured_url, prefix="mine", replicas=0, user="writer", password=PASSWORD)
    with pytest.raises(StoreMisconfigured, match=r"password.*were refused; check them") as refused:
        open_elasticsearch(replace(config, password="wrong-one"))
    assert "wrong-one" not in str(refused.value)
    with pytest.raises(StoreMisconfigured, match=r"refused; check them"):
        open_elasticsearch(replace(config, user=None, password=None))
    with pytest.raises(StoreMisconfigured, match=r"manage_index_templates.*prefix"):
        open_elasticsearch(replace(config, user="reader"))
    store = open_elasticsearch(config)
    store.write([a_batch([a_call()])])
    assert store.last_seq() == 1
    store.close()
