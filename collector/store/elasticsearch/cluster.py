"""The cluster as the store sees it: days of kinds, searched and refreshed."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from typing import Any

from elasticsearch import Elasticsearch

from collector.cursors import INT64
from collector.retention import NS_PER_DAY
from collector.store.elasticsearch.config import ElasticsearchConfig
from collector.store.elasticsearch.documents import Row, row_of
from collector.store.elasticsearch.failures import unavailable
from collector.store.elasticsearch.kinds import Kind
from collector.times import utc_day

Clause = dict[str, Any]

PAGE_ROWS = 5_000
"""Of the 10,000 that Elasticsearch gives at once."""
MAX_NAMED_DAYS = 40
"""A longer range is asked for by a pattern: the names of its indices would not fit into the address of a request."""
N_PARALLEL = 2
KEEP_ALIVE = "5m"
"""Of a point in time, from one of its pages to the next."""
EPOCH = date(1970, 1, 1).toordinal()


@dataclass(frozen=True, slots=True)
class Hit:
    """One document as it was found; `seq_no` and `primary_term` say which version of it."""

    index: str
    id: str
    source: Mapping[str, Any]
    seq_no: int | None = None
    primary_term: int | None = None


class Cluster:
    """A client, the names of our indices, and what was written and must be refreshed before it is read."""

    def __init__(self, config: ElasticsearchConfig) -> None:
        self.config = config
        self.client = _client(config)
        self.pool = ThreadPoolExecutor(N_PARALLEL, thread_name_prefix="elasticsearch")
        self._unseen: dict[Kind, set[str]] = {}
        self._refreshing = threading.Lock()

    def errors(self) -> Any:
        """A context in which errors of the cluster become those of a store."""
        return unavailable(self.config.url)

    def index_of(self, kind: Kind, time_ns: int) -> str:
        return self.index_on(kind, time_ns // NS_PER_DAY)

    def index_on(self, kind: Kind, day: int) -> str:
        """
        Args:
            day: UTC days since 1970-01-01.
        """
        return f"{self.config.prefix}-{kind.name}-{utc_day(day * NS_PER_DAY):%Y.%m.%d}"

    def day_of(self, index: str) -> int:
        """The number of the UTC day whose documents `index` holds."""
        return date.fromisoformat(index.rpartition("-")[2].replace(".", "-")).toordinal() - EPOCH

    def pattern(self, kind: Kind) -> str:
        return f"{self.config.prefix}-{kind.name}-*"

    def between(self, kind: Kind, since_ns: int, until_ns: int) -> str:
        """The indices that may hold since_ns <= time < until_ns, as one expression."""
        first, last = since_ns // NS_PER_DAY, (until_ns - 1) // NS_PER_DAY
        if last - first >= MAX_NAMED_DAYS or first < 0:
            return self.pattern(kind)
        return ",".join(self.index_on(kind, day) for day in range(first, last + 1)) or self.pattern(kind)

    def wrote(self, kind: Kind, index: str) -> None:
        with self._refreshing:
            self._unseen.setdefault(kind, set()).add(index)

    def refresh(self, *kinds: Kind) -> None:
        """Make what this process wrote visible. Whoever asks meanwhile waits for it."""
        with self._refreshing:
            names = sorted(name for kind in kinds for name in self._unseen.get(kind, ()))
            if not names:
                return
            for chosen in range(0, len(names), MAX_NAMED_DAYS):
                self.client.indices.refresh(index=names[chosen : chosen + MAX_NAMED_DAYS], ignore_unavailable=True)
            for kind in kinds:
                self._unseen.pop(kind, None)

    def refresh_all(self) -> None:
        """Make visible what others wrote, as who was here before and is no more."""
        with self.errors():
            self.client.indices.refresh(index=f"{self.config.prefix}-*", ignore_unavailable=True)

    def search(self, kind: Kind, body: Mapping[str, Any], *, index: str | None = None) -> dict[str, Any]:
        """The answer of all shards, or an error: part of an answer would look like the whole."""
        self.refresh(kind)
        answer = self.client.search(
            index=index or self.pattern(kind),
            ignore_unavailable=True,  # a day without data has no index
            allow_partial_search_results=False,
            **body,
        )
        return dict(answer.body)

    def hits(
        self,
        kind: Kind,
        clauses: Sequence[Clause],
        *,
        sort: Sequence[Mapping[str, str]],
        index: str | None = None,
        after: Sequence[Any] | None = None,
        fields: Sequence[str] | bool = True,
        page_rows: int = PAGE_ROWS,
    ) -> Iterator[Hit]:
        """The documents for which `clauses` hold, in the order of `sort`, fetched page by page as the caller goes on.
        What `sort` does not tell apart may be left out at the end of a page."""
        while True:
            body: dict[str, Any] = {"query": {"bool": {"filter": list(clauses)}}, "sort": [*sort], "size": page_rows}
            body |= {"source": fields, "track_total_hits": False}
            found = self.search(kind, body | ({"search_after": after} if after else {}), index=index)["hits"]["hits"]
            yield from map(_hit, found)
            if len(found) < page_rows:
                return
            after = found[-1]["sort"]

    def rows(self, kind: Kind, clauses: Sequence[Clause], **how: Any) -> Iterator[Row]:
        """`hits` as rows of the kind's schema."""
        return (row_of(kind, hit.source) for hit in self.hits(kind, clauses, **how))

    def all(
        self,
        kind: Kind,
        clauses: Sequence[Clause],
        *,
        index: str | None = None,
        fields: Sequence[str] | bool = True,
        versions: bool = False,
        page_rows: int = PAGE_ROWS,
    ) -> Iterator[Hit]:
        """All documents for which `clauses` hold as things are now, in no order, each once."""
        body: dict[str, Any] = {"query": {"bool": {"filter": list(clauses)}}, "size": page_rows, "source": fields}
        body |= {"track_total_hits": False, "seq_no_primary_term": versions}
        found = self.search(kind, body, index=index)["hits"]["hits"]
        if len(found) < page_rows:
            yield from map(_hit, found)
            return
        opened = self.client.open_point_in_time(
            index=index or self.pattern(kind), keep_alive=KEEP_ALIVE, ignore_unavailable=True
        )
        body |= {"pit": {"id": opened["id"], "keep_alive": KEEP_ALIVE}, "sort": ["_shard_doc"]}
        try:
            while found:
                found = self.client.search(allow_partial_search_results=False, **body).body["hits"]["hits"]
                yield from map(_hit, found)
                body["search_after"] = found[-1]["sort"] if found else None
        finally:
            self.client.options(ignore_status=404).close_point_in_time(id=opened["id"])

    def all_rows(self, kind: Kind, clauses: Sequence[Clause], **how: Any) -> Iterator[Row]:
        """`all` as rows of the kind's schema."""
        return (row_of(kind, hit.source) for hit in self.all(kind, clauses, **how))

    def names(self, pattern: str) -> list[str]:
        """The indices that are there."""
        found = self.client.indices.get_settings(
            index=pattern, name="index.creation_date", ignore_unavailable=True, expand_wildcards=["open", "closed"]
        )
        return sorted(found.body)

    def close(self) -> None:
        self.pool.shutdown()
        self.client.close()


def _hit(found: Mapping[str, Any]) -> Hit:
    version = found.get("_seq_no"), found.get("_primary_term")
    return Hit(found["_index"], found["_id"], found.get("_source", {}), *version)


def newest_first(kind: Kind) -> list[dict[str, Any]]:
    """By time, then by identity. An index of an older version may lack a field."""
    return [
        {kind.time: {"order": "desc", "unmapped_type": "long"}},
        {kind.identity: {"order": "asc", "unmapped_type": "keyword"}},
    ]


def in_range(field: str, since_ns: int, until_ns: int) -> Clause:
    return {"range": {field: {"gte": _int64(since_ns), "lt": _int64(until_ns)}}}


def term(field: str, value: str) -> Clause:
    return {"term": {field: {"value": value}}}


def _int64(time_ns: int) -> int:
    return min(max(time_ns, INT64[0]), INT64[-1])


def _client(config: ElasticsearchConfig) -> Elasticsearch:
    more: dict[str, Any] = {"ca_certs": str(config.ca_file)} if config.ca_file else {}
    if config.api_key:
        more["api_key"] = config.api_key
    elif config.user and config.password:
        more["basic_auth"] = (config.user, config.password)
    # A retry here would hide from the spool that the cluster is away.
    return Elasticsearch(config.url, request_timeout=config.timeout_s, max_retries=0, **more)
