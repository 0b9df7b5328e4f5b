"""Pairs of a request to an API in OpenAI's form and its response: chat completions, completions, responses,
embeddings; and the output lines of the batch API."""

from collections.abc import Mapping
from typing import Any

from collector.dialects.openai_shapes import finish_reasons_of, mapping, messages_of_response
from collector.errors import BadRequest
from collector.importing.mapping import TARGETS
from collector.importing.presets.contents import Json, request_messages, sound
from collector.importing.presets.usage import tokens_of_openai
from collector.importing.values import structure

_TIMES = ("timestamp", "created_at", "request_time", "started_at", "time")
_NO_PARAMETERS = frozenset(
    ("model", "messages", "input", "prompt", "instructions", "tools", "functions", "stream", "user", "metadata",
     "safety_identifier", "extra_headers", "api_key", "headers")
)  # fmt: skip
_OPERATIONS = {
    "chat.completion": "chat",
    "response": "chat",
    "text_completion": "text_completion",
    "embedding": "embeddings",
}
_PATHS = {
    "/chat/completions": "chat",
    "/responses": "chat",
    "/completions": "text_completion",
    "/embeddings": "embeddings",
}


def call_of_openai(row: Mapping[str, Any]) -> Json:
    """`row`: {"request": {...}, "response": {...}}, with any field of a call beside them, such as start_time or
    latency_s; or one line of a batch output; or a response alone."""
    request, response, status = _pair(row)
    if not request and not response and not row.get("error"):
        raise BadRequest("has neither a request nor a response; write them as objects under these names")
    failure = _failure(row, response, status)
    operation = _operation(row, request, response)
    given: Json = {
        "start_time": next((row[key] for key in _TIMES if row.get(key)), None)
        or response.get("created")
        or response.get("created_at"),
        "end_time": row.get("ended_at") or row.get("response_time"),
        "latency_s": row.get("duration_s"),
        "latency_ms": row.get("duration_ms"),
        "operation": operation,
        "request_model": request.get("model"),
        "response_model": response.get("model"),
        "response_id": response.get("id"),
        "system_fingerprint": response.get("system_fingerprint"),
        "stream": request.get("stream"),
        "finish_reasons": finish_reasons_of(response) or None,
        "parameters": {k: v for k, v in request.items() if k not in _NO_PARAMETERS and v is not None} or None,
        "user_id": request.get("user") or request.get("safety_identifier"),
        "metadata": _metadata(row, request),
        "system_instructions": request.get("instructions") if isinstance(request.get("instructions"), str) else None,
        "input_messages": request_messages(request),
        "output_messages": None if operation == "embeddings" else sound(messages_of_response(response)) or None,
        "tool_definitions": request.get("tools") or request.get("functions"),
    }
    own = {name: value for name, value in row.items() if name in TARGETS and value not in (None, "")}
    if isinstance(own.get("metadata"), Mapping) and given["metadata"]:
        own["metadata"] = {**given["metadata"], **own["metadata"]}
    return given | tokens_of_openai(response.get("usage")) | failure | own


def _pair(row: Mapping[str, Any]) -> tuple[Mapping[str, Any], Mapping[str, Any], int | None]:
    """Request, response and HTTP status; each unpacked where a log wraps it into {"status_code", "body"}."""
    request, response = structure(row.get("request")), structure(row.get("response"))
    if isinstance(row.get("object"), str) and response is None:
        response = row  # a stored completion: the response is the row
    status = mapping(response).get("status_code")
    if "body" in mapping(response):
        response = structure(mapping(response)["body"])
    if "body" in mapping(request):
        request = structure(mapping(request)["body"])
    if isinstance(response, list):
        raise BadRequest("response: is a list, as of the pieces of a stream; write the whole answer as one object")
    if isinstance(response, str):
        response = {"choices": [{"message": {"content": response}}]}
    return mapping(request), mapping(response), status if isinstance(status, int) else None


def _operation(row: Mapping[str, Any], request: Mapping[str, Any], response: Mapping[str, Any]) -> str | None:
    kind = response.get("object")
    first = next(iter(response["data"]), None) if isinstance(response.get("data"), list) else None
    kind = mapping(first).get("object") if kind == "list" else kind
    if operation := _OPERATIONS.get(str(kind)):
        return operation
    path = str(row.get("url") or mapping(structure(row.get("request"))).get("url") or "")
    if operation := next((name for ending, name in _PATHS.items() if path.endswith(ending)), None):
        return operation
    if "messages" in request or "instructions" in request or "choices" in response:
        return "chat"
    return "text_completion" if "prompt" in request else None


def _failure(row: Mapping[str, Any], response: Mapping[str, Any], status: int | None) -> Json:
    """error_type and error_message of a call that failed."""
    error = structure(row.get("error")) or response.get("error")
    if not error and (status is None or status < 400):
        return {}
    if not isinstance(error, Mapping):
        return {"error_type": str(status or "error"), "error_message": str(error) if error else None}
    kind = error.get("type") or error.get("code") or status or "error"
    return {"error_type": str(kind), "error_message": error.get("message")}


def _metadata(row: Mapping[str, Any], request: Mapping[str, Any]) -> Json | None:
    found = dict(mapping(structure(request.get("metadata"))))
    return found | {key: row[key] for key in ("custom_id",) if row.get(key)} or None
