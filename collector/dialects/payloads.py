"""Whole requests and answers, as many libraries record them -> the facts they tell, whichever provider's form it is.

Known forms: OpenAI's chat completions, completions, responses and embeddings, Anthropic's messages, Gemini's
generateContent, Bedrock's converse, LangChain's results, and bare messages or texts. A form that is not known tells
nothing. Nothing here raises.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from collector.dialects import langchain_shapes
from collector.dialects.base import Facts
from collector.dialects.openai_shapes import (
    content_parts,
    finish_reasons_of,
    items,
    mapping,
    message,
    messages_of_request,
    messages_of_response,
)
from collector.dialects.usage_shapes import usage_facts

_NO_PARAMETERS = frozenset(
    (
        "model", "model_name", "modelId", "messages", "input", "prompt", "contents", "system", "system_instruction",
        "systemInstruction", "instructions", "tools", "toolConfig", "functions", "stream", "stream_options",
        "extra_headers", "extra_body", "extra_query", "timeout", "_type", "self", "args", "kwargs",
        "generationConfig", "inferenceConfig",
    )
)  # fmt: skip
_RESPONSE_ITEMS = frozenset(("message", "reasoning", "function_call"))


def known(facts: Mapping[str, Any]) -> Facts:
    """`facts` without those that are not told. Zero and False are told."""
    return {name: value for name, value in facts.items() if value is not None and value != [] and value not in ("", {})}


def request_facts(request: Any) -> Facts:
    """What a recorded request tells of the call; a list is its messages, a text the user's."""
    if not isinstance(request, dict):
        return known({"input_messages": messages_of_request({"messages": _flat(request)})})
    parameters = {name: value for name, value in request.items() if name not in _NO_PARAMETERS and value is not None}
    is_completion = "prompt" in request and "messages" not in request
    source = request.get("messages", request.get("contents", request.get("input", request.get("prompt"))))
    tools = request.get("tools", mapping(request.get("toolConfig")).get("tools"))
    model = request.get("model", request.get("model_name", request.get("modelId")))
    return known(
        {
            "operation": "text_completion" if is_completion else None,
            "request_model": model if isinstance(model, str) else None,
            "stream": request["stream"] if isinstance(request.get("stream"), bool) else None,
            "parameters": {**parameters, **mapping(request.get("generationConfig", request.get("inferenceConfig")))},
            "system_instructions": _system(request),
            "tool_definitions": [tool for tool in items(tools) if isinstance(tool, dict)],
            "input_messages": messages_of_request({"messages": _flat(source)}),
        }
    )


def response_facts(response: Any) -> Facts:
    """What a recorded answer tells of the call; a list is its messages or parts, a text the answer itself."""
    if isinstance(response, str):
        return known({"output_messages": _answer(content_parts(response))})
    if isinstance(response, list | tuple):
        return _listed(response)
    return _document(response) if isinstance(response, dict) else {}


def _document(response: Mapping[str, Any]) -> Facts:
    if isinstance(response.get("generations"), list):
        return _langchain(response)
    if isinstance(response.get("candidates"), list):
        return _gemini(response)
    if isinstance(response.get("message"), dict) and "choices" not in response:
        return _around_a_message(response)
    facts = {
        "response_id": _text(response.get("id")),
        "response_model": _text(response.get("model")),
        "system_fingerprint": _text(response.get("system_fingerprint")),
        **usage_facts(response.get("usage")),
    }
    if isinstance(response.get("choices"), list) or isinstance(response.get("output"), list):
        facts |= {"output_messages": messages_of_response(response), "finish_reasons": finish_reasons_of(response)}
    elif isinstance(output := response.get("output"), dict):  # Bedrock
        facts |= _around_a_message({**output, "stopReason": response.get("stopReason")})
    elif _text(response.get("type")) in ("reasoning", "function_call"):  # one item of Responses
        return _listed([response])
    elif _is_message(response):
        facts |= _bare(response)
    elif isinstance(text := response.get("combined_chunk_content", response.get("text")), str):
        facts |= {"output_messages": _answer(content_parts(text)), "finish_reasons": [response.get("finish_reason")]}
    return known(facts | {"finish_reasons": [reason for reason in facts.get("finish_reasons", ()) if reason]})


def _is_message(response: Mapping[str, Any]) -> bool:
    return "content" in response or bool(response.get("tool_calls")) or isinstance(response.get("parts"), list)


def _bare(response: Mapping[str, Any]) -> Facts:
    """One message that is the answer, Anthropic's among them."""
    reason = _text(response.get("stop_reason")) or _text(response.get("finish_reason"))
    answer = message({**response, "role": "assistant"})
    is_provider_id = response.get("type") == "message" and "stop_reason" in response
    return {
        "response_id": _text(response.get("id")) if is_provider_id else None,
        "output_messages": [answer | {"finish_reason": reason}] if reason else [answer],
        "finish_reasons": [reason],
    }


def _around_a_message(response: Mapping[str, Any]) -> Facts:
    """Forms with one message in them: Bedrock's, Ollama's, Cohere's, and what Logfire keeps of an answer."""
    reason = next(
        (_text(response[key]) for key in ("stopReason", "finish_reason", "done_reason") if response.get(key)), None
    )
    answer = message({"role": "assistant", **mapping(response.get("message"))})
    return known(
        {
            "response_id": _text(response.get("id")),
            "response_model": _text(response.get("model")),
            "output_messages": [answer | {"finish_reason": reason}] if reason else [answer],
            "finish_reasons": [reason] if reason else [],
            **usage_facts(response.get("usage") or response),
        }
    )


def _gemini(response: Mapping[str, Any]) -> Facts:
    answers, reasons = [], []
    for candidate in map(mapping, response["candidates"]):
        reason = _text(candidate.get("finishReason", candidate.get("finish_reason")))
        answer = message({**mapping(candidate.get("content")), "role": "assistant"})
        answers.append(answer | {"finish_reason": reason} if reason else answer)
        reasons.append(reason)
    return known(
        {
            "response_id": _text(response.get("responseId", response.get("response_id"))),
            "response_model": _text(response.get("modelVersion", response.get("model_version"))),
            "output_messages": answers,
            "finish_reasons": [reason for reason in reasons if reason],
            **usage_facts(response.get("usageMetadata", response.get("usage_metadata"))),
        }
    )


def _langchain(response: Mapping[str, Any]) -> Facts:
    answers = langchain_shapes.answers(response)
    told = [mapping(answer.get("response_metadata")) for answer in answers]
    reasons = [_text(one.get("finish_reason", one.get("stop_reason"))) for one in told]
    overall = mapping(response.get("llm_output"))
    models = [one.get("model_name", one.get("model")) for one in [*told, overall]]
    return known(
        {
            "response_id": next(filter(None, map(langchain_shapes.response_id, answers)), _text(overall.get("id"))),
            "response_model": next((model for model in models if isinstance(model, str)), None),
            "system_fingerprint": next((_text(one.get("system_fingerprint")) for one in told), None),
            "stream": True if any(map(langchain_shapes.is_of_chunks, answers)) else None,
            "output_messages": [
                message(answer) | ({"finish_reason": reason} if reason else {})
                for answer, reason in zip(answers, reasons, strict=True)
            ],
            "finish_reasons": [reason for reason in reasons if reason],
            **usage_facts(langchain_shapes.usage_of(response)),
        }
    )


def _listed(response: Sequence[Any]) -> Facts:
    """Items of a Responses API answer, one message each choice, or content parts of one answer."""
    found = [item for item in response if isinstance(item, dict)]
    kinds = {item["type"] for item in found if isinstance(item.get("type"), str)}
    if found and any(isinstance(item.get("generations"), list) for item in found):
        return _langchain({"generations": [row for item in found for row in items(item.get("generations"))]})
    if (kinds & _RESPONSE_ITEMS and "role" not in found[0]) or kinds == {"message"}:
        return known({"output_messages": messages_of_response({"output": found})})
    if found and all(_is_message(item) and ("role" in item or item.get("lc")) for item in found):
        answers = [_bare(langchain_shapes.plain_message(item)) for item in found]
        return known({"output_messages": [answer["output_messages"][0] for answer in answers]})
    if found and kinds and len(found) == len(response):
        return known({"output_messages": _answer(content_parts(found))})
    texts = [item for item in response if isinstance(item, str)]
    return known({"output_messages": [message for text in texts for message in _answer(content_parts(text))]})


def _answer(parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"role": "assistant", "parts": parts}] if parts else []


def _system(request: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Instructions that the API takes apart from the messages."""
    keys = ("system", "instructions", "system_instruction", "systemInstruction")
    given = next((request[key] for key in keys if request.get(key)), None)
    return content_parts(given.get("parts") if isinstance(given, dict) else given)


def _flat(source: Any) -> Any:
    """Messages out of a list of lists of them: LangChain asks for several answers at once."""
    if isinstance(source, list | tuple) and source and all(isinstance(row, list | tuple) for row in source):
        is_tokens = all(isinstance(item, int) for row in source for item in row)
        return [] if is_tokens else [item for row in source for item in row]
    if isinstance(source, list) and source and all(isinstance(item, int) for item in source):
        return []  # token numbers in place of a text
    return source


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
