"""One server for the whole test session, and names of its own for every test."""

import itertools
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from elasticsearch import Elasticsearch

from collector.store.elasticsearch.config import ElasticsearchConfig
from tests.services.elasticsearch.server import ElasticsearchServer

_numbers = itertools.count(1)

ROOM_BYTES = 4 * 2**30


@pytest.fixture(scope="session")
def elasticsearch_server() -> Iterator[ElasticsearchServer]:
    with started_server() as server:
        yield server


def _memory() -> str | None:
    """A folder in memory where there is room: these tests kill servers, not machines, and each index is many syncs."""
    shared = Path("/dev/shm")
    return str(shared) if shared.is_dir() and shutil.disk_usage(shared).free > ROOM_BYTES else None


@contextmanager
def started_server(
    *,
    before: Callable[[ElasticsearchServer], None] = lambda server: None,
    measured: bool = False,
    **options: Any,
) -> Iterator[ElasticsearchServer]:
    """A server of one's own, to be stopped, frozen or killed; `options` are those of ElasticsearchServer, and `before`
    is done to it before it starts. `measured`: as operators run it, on the disk and with both compilers.

    Its folder is not pytest's, which is closed to all other users, and so to the one that the server runs as.
    """
    with tempfile.TemporaryDirectory(
        dir=None if measured else _memory(), prefix="watchkeeper-elasticsearch-", ignore_cleanup_errors=True
    ) as folder:
        server = ElasticsearchServer(Path(folder), brief=not measured, **options)
        try:
            before(server)
            server.start()
            yield server
        finally:
            server.kill()  # nobody needs the data


@pytest.fixture
def elasticsearch(elasticsearch_server: ElasticsearchServer) -> Iterator[ElasticsearchConfig]:
    """The server with a prefix that no other test has; its indices go with the test."""
    config = ElasticsearchConfig(url=elasticsearch_server.url, prefix=f"t{next(_numbers)}", replicas=0)
    yield config
    with Elasticsearch(config.url) as client:
        if names := list(client.indices.get_settings(index=f"{config.prefix}-*").body):
            client.indices.delete(index=names)
        client.options(ignore_status=404).indices.delete_index_template(name=f"{config.prefix}-*")
