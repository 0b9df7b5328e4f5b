"""Every error of the API answers {"error": {"type", "message"}}."""

import math
from itertools import takewhile
from typing import Any

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.routing import Match

from collector.api.answers import error_answer
from collector.body import UnsupportedMediaType
from collector.errors import (
    BadRequest,
    Forbidden,
    StoreUnavailable,
    TooLarge,
    TooManyRequests,
    Unauthenticated,
    UnsupportedQuery,
)
from collector.validation import path_of, said_of


class NotFound(BadRequest):
    """There is nothing with this id."""


_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
_KINDS: dict[type[BadRequest], tuple[int, str]] = {
    Unauthenticated: (401, "unauthenticated"),
    Forbidden: (403, "forbidden"),
    NotFound: (404, "not_found"),
    TooLarge: (413, "too_large"),
    UnsupportedMediaType: (415, "unsupported_media_type"),
    UnsupportedQuery: (400, "unsupported_query"),
}


def install_error_answers(app: FastAPI) -> None:
    """Answer what the handlers of `app` raise; the most exact type wins."""
    app.add_exception_handler(RequestValidationError, _bad_parameters)
    app.add_exception_handler(BadRequest, _refused)
    app.add_exception_handler(StoreUnavailable, _later)
    app.add_exception_handler(TooManyRequests, _later)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(Exception, _internal)


def unknown_paths_router() -> APIRouter:
    """Answers 404 (or 405) in JSON below /api and /v1. Include it last: what comes after it is never reached there."""
    router = APIRouter(include_in_schema=False)

    async def unknown_path(request: Request) -> Response:
        path = request.url.path
        # What comes after this router, such as the pages, takes any path by GET: it says nothing about the API.
        matches = (route.matches(request.scope)[0] for route in request.app.routes)
        if Match.PARTIAL in takewhile(lambda match: match is not Match.FULL, matches):
            return error_answer(405, "method_not_allowed", f"{request.method} is not possible on {path}")
        hint = "; OTLP is taken on the OTLP port" if path.startswith("/v1") else "; see /api/v1/openapi.json"
        return error_answer(404, "not_found", f"there is no {path}{hint}")

    for path in ("/api", "/api/{path:path}", "/v1", "/v1/{path:path}"):
        router.add_api_route(path, unknown_path, methods=_METHODS)
    return router


async def _bad_parameters(_request: Request, error: Exception) -> Response:
    findings = error.errors() if isinstance(error, RequestValidationError) else []
    return error_answer(400, "bad_request", "; ".join(_sentence(finding) for finding in findings))


def _sentence(finding: dict[str, Any]) -> str:
    where, *steps = finding["loc"]
    path = path_of(steps) or where
    if finding["type"] == "json_invalid":
        return f"{where}: not JSON ({finding['ctx']['error']} at character {steps[-1]})"
    if finding["type"] == "dict_type" and not steps:
        return f"{where}: must be a JSON object, sent with Content-Type: application/json"
    return f"{path}: missing" if finding["type"] == "missing" else f"{path}: {said_of(finding)}"


def status_of(error: Exception) -> tuple[int, str]:
    """HTTP status and error type of what a handler raised."""
    if isinstance(error, StoreUnavailable):
        return 503, "store_unavailable"
    if isinstance(error, TooManyRequests):
        return 429, "too_many_requests"
    return next((kind for cls, kind in _KINDS.items() if isinstance(error, cls)), (400, "bad_request"))


async def _refused(_request: Request, error: Exception) -> Response:
    headers = {"WWW-Authenticate": 'Bearer realm="watchkeeper"'} if isinstance(error, Unauthenticated) else None
    return error_answer(*status_of(error), str(error), headers)


async def _later(_request: Request, error: Exception) -> Response:
    retry_after_s = error.retry_after_s if isinstance(error, StoreUnavailable | TooManyRequests) else 1.0
    return error_answer(*status_of(error), str(error), {"Retry-After": str(max(1, math.ceil(retry_after_s)))})


async def _http_error(_request: Request, error: Exception) -> Response:
    status_code = error.status_code if isinstance(error, HTTPException) else 500
    kind = {404: "not_found", 405: "method_not_allowed", 413: "too_large"}.get(status_code, "bad_request")
    return error_answer(status_code, kind, getattr(error, "detail", str(error)), getattr(error, "headers", None))


async def _internal(_request: Request, _error: Exception) -> Response:
    return error_answer(500, "internal", "Watchkeeper failed on this request; its log on standard error says where")
