"""OpenTelemetry GenAI semantic conventions, current form and the names of 1.37 to 1.41."""

from collector.dialects.base import Dialect

_OPERATIONS = (
    "chat", "text_completion", "generate_content", "embeddings", "rerank", "retrieval", "execute_tool",
    "create_agent", "invoke_agent", "invoke_workflow", "plan", "fetch_response",
)  # fmt: skip

PARAMETERS = {
    name: f"gen_ai.request.{name}"
    for name in (
        "temperature", "top_p", "top_k", "max_tokens", "seed", "stop_sequences", "frequency_penalty",
        "presence_penalty", "choice.count", "encoding_formats", "reasoning.level", "reasoning_effort",
    )
}  # fmt: skip

_CONTENT = frozenset(
    (
        "gen_ai.input.messages",
        "gen_ai.output.messages",
        "gen_ai.system_instructions",
        "gen_ai.tool.definitions",
        "gen_ai.retrieval.documents",
    )
)

GENAI = Dialect(
    name="genai",
    operation_key="gen_ai.operation.name",
    operations={operation: operation for operation in _OPERATIONS},
    columns={
        "provider": ("gen_ai.provider.name", "gen_ai.system"),
        "request_model": ("gen_ai.request.model",),
        "response_model": ("gen_ai.response.model",),
        "response_id": ("gen_ai.response.id",),
        "system_fingerprint": ("openai.response.system_fingerprint", "gen_ai.openai.response.system_fingerprint"),
        "stream": ("gen_ai.request.stream",),
        "ttft_s": ("gen_ai.response.time_to_first_chunk", "gen_ai.client.operation.time_to_first_chunk"),
        "input_tokens": ("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens"),
        "output_tokens": ("gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens"),
        "cache_read_tokens": ("gen_ai.usage.cache_read.input_tokens",),
        "cache_write_tokens": (
            "gen_ai.usage.cache_write.input_tokens",
            "gen_ai.usage.cache_creation.input_tokens",
        ),
        "reasoning_tokens": ("gen_ai.usage.reasoning.output_tokens",),
        "finish_reasons": ("gen_ai.response.finish_reasons",),
        "error_type": ("error.type",),
        "session_id": ("session.id", "gen_ai.conversation.id"),
        "user_id": ("user.id", "enduser.id"),
        "tenant": ("tenant.id",),
        "system_instructions": ("gen_ai.system_instructions",),
        "input_messages": ("gen_ai.input.messages",),
        "output_messages": ("gen_ai.output.messages",),
        "tool_definitions": ("gen_ai.tool.definitions",),
        "documents": ("gen_ai.retrieval.documents",),
    },
    is_content=_CONTENT.__contains__,
    is_document="gen_ai.retrieval.documents".__eq__,
)
