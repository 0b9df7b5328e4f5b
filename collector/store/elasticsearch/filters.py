"""Filters -> the conditions of a search."""

from collections.abc import Collection, Mapping

from collector.errors import UnsupportedQuery
from collector.query import Filters
from collector.store.duckdb.filters import CALL_FIELDS, EQUAL
from collector.store.elasticsearch import words
from collector.store.elasticsearch.cluster import Clause, in_range, term
from collector.store.elasticsearch.documents import keyword


def conditions(filters: Filters, *, time: str, allowed: Collection[str], kind: str) -> list[Clause]:
    """What `filters` ask of documents whose time stands in the field `time`. A `text` is asked for by its words: where
    it is more than one, some of what is found does not contain it.

    Raises:
        UnsupportedQuery: if a field is set that is not in `allowed`; `kind` says in the error what was asked for.
    """
    given = {name: value for name in CALL_FIELDS if (value := getattr(filters, name)) is not None}
    if refused := sorted(given.keys() - set(allowed)):
        raise UnsupportedQuery(
            f"{kind} cannot be filtered by {', '.join(refused)}; they know {', '.join(allowed)} and the time"
        )
    found = [in_range(time, filters.since_ns, filters.until_ns)]
    found += equal({name: given[name] for name in EQUAL if name in given})
    if filters.has_error is not None:
        found.append({"bool": {"filter" if filters.has_error else "must_not": [{"exists": {"field": "error_type"}}]}})
    if filters.text:
        found += words.clauses(filters.text)
    return found


def equal(chosen: Mapping[str, str | None]) -> list[Clause]:
    """Each field of `chosen` that has a value equals it."""
    return [term(name, keyword(value)) for name, value in chosen.items() if value is not None]


def any_of(field: str, values: Collection[str]) -> Clause:
    return {"terms": {field: [keyword(value) for value in values]}}
