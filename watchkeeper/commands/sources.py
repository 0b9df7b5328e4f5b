"""Where exported telemetry comes from: a running platform, or the files of one that does not run."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, Protocol

from pydantic import ValidationError

from collector.api.queries import CallQuery, Paged, ScoreQuery, SpanQuery
from collector.api.shapes import span_json
from collector.errors import BadRequest, WatchkeeperError
from collector.query import Aggregation, Page
from collector.store.base import TelemetryReader
from collector.validation import complaints
from watchkeeper.commands.rest import Rest

Kind = Literal["calls", "spans", "scores"]
Items = list[Mapping[str, Any]]

QUERIES: dict[Kind, type[Paged]] = {"calls": CallQuery, "spans": SpanQuery, "scores": ScoreQuery}
PAGE = 1000


class Source(Protocol):
    def pages(self, kind: Kind, params: Mapping[str, Any]) -> Iterator[Items]:
        """All there is, newest first, in the public shape. `params` are those of the REST list of this kind."""

    def n_calls(self, params: Mapping[str, Any]) -> int:
        """How many calls `pages` will give."""


def query_of(kind: Kind, params: Mapping[str, Any]) -> Any:
    """`params` as a question.

    Raises:
        BadRequest: for an unknown one, or a value that cannot be.
    """
    model = QUERIES[kind]
    try:
        return model.model_validate(dict(params), extra="forbid")
    except ValidationError as error:
        raise BadRequest("; ".join(complaints(error, model))) from error


class RestSource:
    def __init__(self, rest: Rest) -> None:
        self._rest = rest

    def pages(self, kind: Kind, params: Mapping[str, Any]) -> Iterator[Items]:
        cursor: dict[str, str] = {}
        while True:
            page = self._rest.get(kind, {**params, "limit": PAGE, **cursor})
            yield page["items"]
            if page["next_cursor"] is None:
                return
            cursor = {"cursor": page["next_cursor"]}

    def n_calls(self, params: Mapping[str, Any]) -> int:
        rows = self._rest.get("timeseries", {**params, "metric": "requests"})["items"]
        return sum(row["requests"] for row in rows)


class StoreSource:
    def __init__(self, reader: TelemetryReader) -> None:
        self._reader = reader

    def pages(self, kind: Kind, params: Mapping[str, Any]) -> Iterator[Items]:
        query = query_of(kind, params)
        cursor: str | None = None
        while True:
            page = self._page(kind, query, cursor)
            yield [span_json(item) if kind == "spans" else item.to_json() for item in page.items]
            if (cursor := page.next_cursor) is None:
                return

    def _page(self, kind: Kind, query: Any, cursor: str | None) -> Page[Any]:
        filters = query.filters(0)  # the range stands in the query
        match kind:
            case "calls":
                return self._reader.calls(filters, limit=PAGE, cursor=cursor)
            case "spans":
                return self._reader.spans(filters, limit=PAGE, cursor=cursor)
        return self._reader.scores(
            filters,
            evaluator=query.evaluator,
            target_id=query.target_id,
            source=query.source,
            limit=PAGE,
            cursor=cursor,
        )

    def n_calls(self, params: Mapping[str, Any]) -> int:
        filters = query_of("calls", params).filters(0)
        return sum(self._reader.aggregate(Aggregation(filters=filters, metrics=("requests",)))["requests"])


@contextmanager
def store_source(data_dir: Path) -> Iterator[Source]:
    """
    Raises:
        WatchkeeperError: if there is no such folder, or another process owns it.
    """
    from collector.store import open_store
    from watchkeeper.datadir import claimed

    if not (data_dir / "telemetry").is_dir():
        raise WatchkeeperError(f"{data_dir}: holds no telemetry; name the folder of `watchkeeper up --data-dir`")
    with claimed(data_dir) as path:
        store = open_store(path)
        try:
            yield StoreSource(store)
        finally:
            store.close()
