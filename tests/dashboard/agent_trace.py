"""One answer of an agent as its instrumentation would have sent it: 30 spans, a failure that was retried, an answer
that says more than its contexts."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from collector.batch import Batch, call_id_of
from collector.call import Call
from collector.rows import batch_of
from collector.score import Score
from collector.span import Span, SpanEvent
from evaluators import grounding

TRACE_ID = "9f3c0d5a7b1e4c2d8a6f5e4d3c2b71e2"
MS = 1_000_000
DURATION_MS = 4820

HOSTILE = '<img src=x onerror="window.hacked = true"><script>window.hacked = true</script>'
QUESTION = f"My order 81734 came with a cracked lid 🙈. Can I get my money back, and how long does it take? {HOSTILE}"
ANSWER = (
    "I am sorry about the lid 🙈. Your order was delivered on 15 June, so it is inside the 30-day window and you can "
    "have a full refund. Damaged items are refunded within 24 hours to the card you paid with. We add a 10 % voucher "
    "from Mr. Henderson for the trouble."
)
CONTEXTS = [
    {
        "id": "refund-policy.md, section 4", "score": 0.912,
        "content": "Damaged goods: a full refund is due when reported within the 30-day window after an order was "
        "delivered. Damaged items are refunded to the card you paid with. Photographs may be asked for.",
    },
    {
        "id": "order 81734", "score": 0.74,
        "content": "Your order was delivered on 15 June. Paid by card.",
    },
]  # fmt: skip
ARGUMENTS = {"order": 81734}


@dataclass(frozen=True, kw_only=True)
class AgentTrace:
    calls: list[Call]
    spans: list[Span]
    scores: list[Score]

    @property
    def batch(self) -> Batch:
        return batch_of(self.calls, self.spans)

    def span_id(self, name: str) -> str:
        return next(span.span_id for span in self.spans if span.name == name)


def agent_trace(start_ns: int, *, trace_id: str = TRACE_ID) -> AgentTrace:
    spans, calls = [], []
    for place, (depth_parent, name, operation, from_ms, to_ms, more) in enumerate(_plan()):
        span_id, parent = f"{place + 1:016x}", None if depth_parent is None else f"{depth_parent + 1:016x}"
        failed = more.get("error_type")
        facts: dict[str, Any] = {
            "trace_id": trace_id, "span_id": span_id, "project": "default", "service": "support",
            "environment": "production", "operation": operation, "start_ns": start_ns + from_ms * MS,
        }  # fmt: skip
        spans.append(
            Span(
                parent_span_id=parent, name=name, kind="internal", end_ns=start_ns + to_ms * MS, scope="support.agent",
                status="error" if failed else "unset", status_message="no answer within 140 ms" if failed else None,
                attributes={"step": place} | ({"error.type": failed} if failed else {}),
                resource={"service.name": "support"},
                events=(SpanEvent(name="exception", time_ns=start_ns + to_ms * MS, attributes={
                    "exception.type": "TimeoutError", "exception.message": "no answer within 140 ms",
                }),) if failed else (), **facts,
            )
        )  # fmt: skip
        if model := more.get("model"):
            calls.append(
                Call(
                    call_id=call_id_of(trace_id, span_id), provider="openai", request_model=model, response_model=model,
                    latency_s=(to_ms - from_ms) / 1e3, session_id="chat-17", user_id="user-5", **facts,
                    **{name: value for name, value in more.items() if name != "model"},
                )
            )  # fmt: skip
    return AgentTrace(calls=calls, spans=spans, scores=list(_scores(calls[-1])))


def _plan() -> list[tuple[int | None, str, str | None, int, int, dict[str, Any]]]:
    """Place of the parent, name, operation, from and to in ms after the start, facts of the call."""
    mini = {"model": "gpt-4.1-mini", "input_tokens": 180, "output_tokens": 32, "cost_usd": 0.0001}
    plan = {"model": "gpt-4", "input_tokens": 1700, "output_tokens": 220, "cost_usd": 0.0061}
    steps: list[tuple[int | None, str, str | None, int, int, dict[str, Any]]] = [
        (None, "support.answer", "invoke_agent", 0, DURATION_MS, {}),
        (0, "guard input", None, 4, 92, {}),
        (0, "rewrite question", "chain", 100, 617, {}),
        (2, "chat gpt-4.1-mini", "chat", 104, 611, mini | _said("Rewrite: refund, order 81734", "refund order 81734")),
        (0, "retrieve", "retrieval", 617, 979, {}),
        (4, "embeddings text-embedding-3-small", "embeddings", 620, 704,
         {"model": "text-embedding-3-small", "input_tokens": 18}),
        (4, "search index", None, 710, 867, {}),
        (4, "rerank", None, 868, 979, {}),
        (0, "plan", "chain", 980, 1846, {}),
        (8, "chat gpt-4", "chat", 984, 1842, plan | _said("Plan the steps", "order_lookup, then refund_policy")),
        (0, "execute_tool order_lookup", "execute_tool", 1850, 2391, {}),
        (10, "GET /orders/81734", None, 1853, 2388, {}),
        (0, "execute_tool refund_policy", "execute_tool", 1850, 2122, {}),
        (12, "GET /policy", None, 1852, 1998, {"error_type": "timeout"}),
        (12, "GET /policy, again", None, 2000, 2118, {}),
        (0, "answer", "chain", 2400, 4710, {}),
        (15, "chat gpt-4", "chat", 2404, 4704, _last()),
        (0, "guard output", None, 4711, 4816, {}),
        (17, "pii scan", None, 4712, 4748, {}),
        (17, "toxicity", None, 4712, 4811, {}),
        (0, "log feedback target", None, 4812, 4816, {}),
    ]  # fmt: skip
    steps += [(20, f"write row {i}", None, 4812, 4813 + i % 3, {}) for i in range(9)]
    return steps


def _said(question: str, answer: str) -> dict[str, Any]:
    return {"input_messages": [_text("user", question)], "output_messages": [_text("assistant", answer)]}


def _text(role: str, content: str) -> dict[str, Any]:
    return {"role": role, "parts": [{"type": "text", "content": content}]}


def _last() -> dict[str, Any]:
    result = {"delivered": "15 June", "paid_by": "card"}
    lookup = {"type": "tool_call", "id": "t1", "name": "order_lookup", "arguments": ARGUMENTS}
    return {
        "model": "gpt-4", "stream": True, "ttft_s": 0.38, "input_tokens": 3836, "output_tokens": 214,
        "cache_read_tokens": 1200, "cost_usd": 0.0121, "finish_reasons": ["stop"], "parameters": {"temperature": 0.2},
        "system_instructions": [{"type": "text", "content": "You answer customers of the shop.\n" * 30}],
        "input_messages": [
            *(_text(role, f"{role} message {i} of the morning") for i in range(4) for role in ("user", "assistant")),
            _text("user", QUESTION),
            {"role": "assistant", "parts": [lookup]},
            {"role": "tool", "parts": [{"type": "tool_call_response", "id": "t1", "response": result}]},
        ],
        "output_messages": [_text("assistant", ANSWER) | {"finish_reason": "stop"}],
        "contexts": CONTEXTS,
    }  # fmt: skip


def _scores(call: Call) -> Iterator[Score]:
    found = grounding.ground(call.output_text, call.context_texts)
    assert found is not None
    facts: dict[str, Any] = {
        "target_id": call.call_id, "target_start_ns": call.start_ns, "source": "model", "service": call.service,
        "request_model": call.request_model, "trace_id": call.trace_id,
        "created_ns": call.start_ns + 5_000 * MS,
    }  # fmt: skip
    yield Score(
        evaluator="groundedness", version=grounding.VERSION, value=found.value, label=found.label,
        explanation=found.explanation, marks=found.marks, **facts,
    )  # fmt: skip
    yield Score(evaluator="pii", version="1", value=0.0, label="none", explanation="No personal data.", **facts)
    yield Score(evaluator="refusal", version="1", value=0.0, label="answered", **facts)
