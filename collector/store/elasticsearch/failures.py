"""Elasticsearch's errors in the words of the store."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from elastic_transport import ConnectionError as NoConnection
from elastic_transport import ConnectionTimeout, TlsError, TransportError
from elasticsearch import ApiError, AuthenticationException, AuthorizationException, UnsupportedProductError

from collector.errors import StoreMisconfigured, StoreUnavailable, UnsupportedQuery

RETRY_AFTER_S = 5.0
MAX_SHOWN = 300


@contextmanager
def unavailable(url: str) -> Iterator[None]:
    """Turn what the cluster at `url` could not do into the errors of a store.

    A mistake in our own request (400) is one of the query: it is refused as UnsupportedQuery with the reason.
    """
    try:
        yield
    except TlsError as error:
        raise StoreMisconfigured(
            f"{url}: no trusted connection ({_short(error)}); name the CA's file, or write http:// if it has no TLS"
        ) from error
    except ConnectionTimeout as error:
        raise StoreUnavailable(
            f"{url}: no answer in time; the cluster is overloaded or stands still", retry_after_s=RETRY_AFTER_S
        ) from error
    except NoConnection as error:
        raise StoreUnavailable(
            f"{url}: nobody answers ({_short(error)}); check the address and that Elasticsearch runs",
            retry_after_s=RETRY_AFTER_S,
        ) from error
    except UnsupportedProductError as error:
        raise StoreMisconfigured(f"{url} answers, and is no Elasticsearch; check the address") from error
    except ApiError as error:
        raise translated(url, error) from error
    except TransportError as error:
        raise StoreUnavailable(f"{url}: {_short(error)}", retry_after_s=RETRY_AFTER_S) from error


def translated(url: str, error: ApiError) -> Exception:
    if isinstance(error, AuthenticationException):
        return StoreMisconfigured(f"{url}: user and password, or the API key, were refused; check them")
    kind, reason = cause_of(error.body)
    if kind == "cluster_block_exception":
        return StoreUnavailable(blocked(url, reason), retry_after_s=RETRY_AFTER_S)
    if isinstance(error, AuthorizationException):
        return StoreMisconfigured(
            f"{url}: a privilege is missing: {reason}; the user needs `monitor` and `manage_index_templates` on the"
            " cluster, and `all` on the indices that begin with the prefix"
        )
    if error.status_code == 400:
        return UnsupportedQuery(f"Elasticsearch cannot answer this: {reason}")
    if error.status_code == 429:
        return StoreUnavailable(f"{url} is busy: {reason}", retry_after_s=RETRY_AFTER_S)
    return StoreUnavailable(f"{url}: {error.status_code} {kind}: {reason}", retry_after_s=RETRY_AFTER_S)


def blocked(url: str, reason: str) -> str:
    """What to say and do about an index that may not be written to."""
    if "read-only-allow-delete" in reason or "read-only / allow delete" in reason:
        return (
            f"{url}: a disk is full up to its flood stage, so that Elasticsearch made indices read-only; free space or"
            f" shorten the retention, and it takes data again by itself ({reason})"
        )
    return f"{url}: an index is blocked; take the setting index.blocks.* away from it ({reason})"


def cause_of(body: Any) -> tuple[str, str]:
    """(type, reason) of an error's answer; that of the innermost cause, which says most."""
    found = body.get("error", body) if isinstance(body, Mapping) else body
    if not isinstance(found, Mapping):
        return "error", str(found)[:MAX_SHOWN]
    roots = found.get("root_cause") or ()
    kind, reason = found.get("type"), found.get("reason")
    if kind in (None, "search_phase_execution_exception") and roots:
        kind, reason = roots[0].get("type"), roots[0].get("reason")
    inner = found.get("caused_by")
    while isinstance(inner, Mapping):
        reason = f"{reason}: {inner.get('reason')}" if inner.get("reason") else reason
        inner = inner.get("caused_by")
    return str(kind or "error"), str(reason)[:MAX_SHOWN]


def _short(error: Exception) -> str:
    text = str(getattr(error, "message", "") or error).strip()
    return (text.splitlines() or [type(error).__name__])[0][:MAX_SHOWN]
