"""Which attributes go when texts have had their time."""

import pytest

from collector.store.duckdb.content import is_content


@pytest.mark.parametrize(
    "key",
    [
        "input.value", "gen_ai.input.messages", "gen_ai.prompt.0.content", "llm.input_messages.0.message.content",
        "traceloop.entity.output", "langfuse.trace.input", "ai.toolCall.args", "gen_ai.tool.call.result",
        "gen_ai.prompt", "tool_response", "exception.stacktrace", "retrieval.documents.0.document.content",
    ],
)  # fmt: skip
def test_texts_go(key):
    assert is_content(key)


@pytest.mark.parametrize(
    "key",
    [
        "session.id", "user.id", "gen_ai.request.model", "gen_ai.usage.input_tokens", "llm.token_count.prompt",
        "gen_ai.usage.cost.output", "http.request.method", "exception.type", "gen_ai.tool.name", "server.address",
    ],
)  # fmt: skip
def test_figures_and_names_stay(key):
    assert not is_content(key)
