"""LiteLLM: rows of its table LiteLLM_SpendLogs, and the StandardLoggingPayload that its callbacks write."""

from collections.abc import Mapping
from typing import Any

from collector.dialects.openai_shapes import finish_reasons_of, mapping
from collector.importing.presets.contents import Json, messages_in, request_messages
from collector.importing.presets.usage import count, tokens_of_openai
from collector.importing.values import structure, typed

_OPERATIONS = {
    "completion": "chat",
    "responses": "chat",
    "anthropic_messages": "chat",
    "text_completion": "text_completion",
    "embedding": "embeddings",
    "generate_content": "generate_content",
    "rerank": "rerank",
}
_METADATA = (
    "user_api_key_alias", "user_api_key_hash", "user_api_key_team_alias", "user_api_key_org_id", "spend_logs_metadata",
    "requester_metadata", "applied_guardrails",
)  # fmt: skip
_COLUMNS = ("call_type", "model_id", "model_group", "api_base", "cache_hit", "team_id", "organization_id", "agent_id")


def call_of_litellm(row: Mapping[str, Any]) -> Json | None:
    """Rows of calls to MCP tools and of other things that are no model call are passed over."""
    operation = _operation(row.get("call_type"))
    if operation is None:
        return None
    metadata = mapping(structure(row.get("metadata")))
    response = structure(row.get("response"))
    request = mapping(structure(row.get("proxy_server_request")))
    body = mapping(structure(request.get("body"))) or request
    parameters = mapping(structure(row.get("model_parameters")))
    return (
        {
            "call_id": row.get("request_id") or row.get("id"),
            "start_time": row.get("startTime") or row.get("start_time"),
            "end_time": row.get("endTime") or row.get("end_time"),
            "first_token_time": _first_token(row),
            "provider": row.get("custom_llm_provider"),
            "request_model": _model(row),
            "response_model": mapping(response).get("model"),
            "response_id": mapping(response).get("id"),
            "system_fingerprint": mapping(response).get("system_fingerprint"),
            "operation": operation,
            "stream": row.get("stream") if row.get("stream") is not None else parameters.get("stream"),
            "finish_reasons": finish_reasons_of(mapping(response)) or None,
            "cost_usd": _cost_usd(row),
            "parameters": {k: v for k, v in parameters.items() if k not in ("stream", "tools", "user")} or None,
            "session_id": row.get("session_id"),
            "user_id": row.get("end_user") or row.get("user") or metadata.get("user_api_key_end_user_id"),
            "tenant": row.get("team_id") or metadata.get("user_api_key_team_id"),
            "tags": row.get("request_tags"),
            "metadata": _kept(row, metadata),
            "input_messages": messages_in(row.get("messages"), role="user") or request_messages(body),
            "output_messages": None if operation == "embeddings" else messages_in(response, role="assistant"),
            "tool_definitions": parameters.get("tools") or body.get("tools"),
        }
        | _tokens(row, metadata)
        | _failure(row, metadata)
    )


def _operation(call_type: Any) -> str | None:
    """Without a type a row is a chat; asynchronous calls have an `a` before their name."""
    name = str(call_type or "completion").strip()
    return _OPERATIONS.get(name) or _OPERATIONS.get(name.removeprefix("a"))


def _model(row: Mapping[str, Any]) -> Any:
    """The model without the provider before it, as OTel names it."""
    model, provider = row.get("model") or row.get("model_group"), row.get("custom_llm_provider")
    return model.removeprefix(f"{provider}/") if isinstance(model, str) and provider else model


def _first_token(row: Mapping[str, Any]) -> Any:
    """LiteLLM writes the end where nothing was streamed."""
    first, end = row.get("completionStartTime"), row.get("endTime")
    return None if first == end or row.get("stream") in (False, "false", "False") else first


def _cost_usd(row: Mapping[str, Any]) -> Any:
    """0 says that LiteLLM knows no price, unless its cache answered."""
    cost = typed("cost_usd", row.get("spend") if row.get("spend") is not None else row.get("response_cost"))
    is_cached = typed("stream", row.get("cache_hit")) is True
    return cost if cost or (is_cached and cost == 0) else None


def _tokens(row: Mapping[str, Any], metadata: Mapping[str, Any]) -> Json:
    """The totals of the row, with the details that the metadata may have. 0 and 0 is what a failed call gets."""
    extra = mapping(structure(metadata.get("additional_usage_values")))
    usage = mapping(structure(metadata.get("usage_object"))) or mapping(
        mapping(structure(row.get("response"))).get("usage")
    )
    totals = {key: row.get(key) for key in ("prompt_tokens", "completion_tokens")}
    if not any(count(total) for total in totals.values()):
        return tokens_of_openai(usage)
    return tokens_of_openai({**extra, **usage, **totals})


def _failure(row: Mapping[str, Any], metadata: Mapping[str, Any]) -> Json:
    status = row.get("status") or metadata.get("status")
    error = mapping(structure(row.get("error_information") or metadata.get("error_information")))
    if status != "failure":
        return {}
    kind = error.get("error_class") or error.get("error_code") or "error"
    return {"error_type": str(kind), "error_message": error.get("error_message") or row.get("error_str")}


def _kept(row: Mapping[str, Any], metadata: Mapping[str, Any]) -> Json | None:
    kept = {key: metadata[key] for key in _METADATA if metadata.get(key)}
    return kept | {key: row[key] for key in _COLUMNS if row.get(key) not in (None, "", "None")} or None
