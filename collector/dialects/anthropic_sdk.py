"""The spans that Anthropic's own SDK writes: OTel GenAI with a few attributes of its own beside it.

Source: exports of anthropic 2.11.0 (scope `com.anthropic.sdk.python`).
"""

from collector.dialects.base import Dialect

ANTHROPIC_SDK = Dialect(
    name="anthropic sdk",
    scope="com.anthropic.sdk",
    parameters={
        "thinking.type": "anthropic.thinking.type",
        "thinking.budget_tokens": "anthropic.thinking.budget_tokens",
    },
    columns={"finish_reasons": ("anthropic.message.stop_reason",), "response_id": ("anthropic.message.id",)},
)
