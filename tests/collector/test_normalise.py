"""Which spans are model calls, and what each field of a call is taken from."""

import json
from typing import Any

import pyarrow as pa
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from collector.batch import PART_SCHEMA, SPAN_SCHEMA, Batch
from collector.normalise import normalise
from collector.otlp.table import read_export

START_NS = 1_790_000_000_000_000_000


def any_value(value: Any) -> AnyValue:
    match value:
        case bool():
            return AnyValue(bool_value=value)
        case int():
            return AnyValue(int_value=value)
        case float():
            return AnyValue(double_value=value)
        case list():
            return AnyValue(array_value={"values": [any_value(item) for item in value]})
        case dict():
            return AnyValue(kvlist_value={"values": [KeyValue(key=k, value=any_value(v)) for k, v in value.items()]})
        case _:
            return AnyValue(string_value=value)


def a_span(attributes: dict[str, Any], number: int = 1, **fields: Any) -> Span:
    pairs = [KeyValue(key=key, value=any_value(value)) for key, value in attributes.items()]
    times = {"start_time_unix_nano": START_NS, "end_time_unix_nano": START_NS + 2_500_000_000}
    return Span(**{"trace_id": b"t" * 16, "span_id": number.to_bytes(8, "big"), "attributes": pairs} | times | fields)


def normalised(*spans: Span, service: str = "shop") -> Batch:
    export = ExportTraceServiceRequest()
    group = export.resource_spans.add()
    group.resource.attributes.append(KeyValue(key="service.name", value=AnyValue(string_value=service)))
    group.scope_spans.add().spans.extend(spans)
    return normalise(read_export(export.SerializeToString()))


def the_call(attributes: dict[str, Any], **fields: Any) -> dict[str, Any]:
    (call,) = normalised(a_span(attributes, **fields)).parts.to_pylist()
    return call


CHAT = {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-4o"}


def test_tables_have_the_schemas_of_the_store_even_with_nothing_in_them() -> None:
    for batch in (normalised(), normalised(a_span({})), normalised(a_span(CHAT))):
        assert batch.spans.schema == SPAN_SCHEMA
        assert batch.parts.schema == PART_SCHEMA


def test_only_model_operations_are_calls_and_every_span_is_kept() -> None:
    operations = ["chat", "embeddings", "invoke_agent", "execute_tool", "retrieval"]
    spans = [a_span({"gen_ai.operation.name": name}, number) for number, name in enumerate(operations, 1)]
    batch = normalised(*spans, a_span({"http.method": "GET"}, 9))
    assert batch.parts.column("operation").to_pylist() == ["chat", "embeddings"]
    assert batch.spans.column("operation").to_pylist() == [*operations, None]


def test_unknown_is_null_and_zero_is_zero() -> None:
    call = the_call(CHAT | {"gen_ai.usage.output_tokens": 0})
    assert (call["input_tokens"], call["output_tokens"], call["cost_usd"]) == (None, 0, None)
    assert (call["stream"], call["ttft_s"], call["session_id"]) == (None, None, None)
    assert call["latency_s"] == 2.5


def test_numbers_sent_as_text_or_double_are_numbers_and_words_for_nothing_are_nothing() -> None:
    call = the_call(
        CHAT | {"gen_ai.usage.input_tokens": "27", "gen_ai.usage.output_tokens": 8.0, "gen_ai.response.id": "None"}
    )
    assert (call["input_tokens"], call["output_tokens"], call["response_id"]) == (27, 8, None)


def test_newer_names_win_over_older_ones_field_by_field() -> None:
    call = the_call(CHAT | {"gen_ai.system": "az.ai.openai", "gen_ai.usage.prompt_tokens": 5})
    assert (call["provider"], call["input_tokens"]) == ("openai", 5)


def test_parameters_keep_zero_and_the_type_that_was_meant() -> None:
    call = the_call(
        CHAT
        | {
            "gen_ai.request.temperature": 0.0,
            "gen_ai.request.max_tokens": 64,
            "gen_ai.request.stop_sequences": ["a", "b"],
        }
    )
    assert json.loads(call["parameters"]) == {"temperature": 0, "max_tokens": 64, "stop_sequences": ["a", "b"]}


def test_messages_sent_as_structured_values_read_like_those_sent_as_text() -> None:
    messages = [{"role": "user", "parts": [{"type": "text", "content": "Olá"}]}]
    as_text = the_call(CHAT | {"gen_ai.input.messages": json.dumps(messages)})
    as_value = the_call(CHAT | {"gen_ai.input.messages": messages})
    assert json.loads(as_text["input_messages"]) == json.loads(as_value["input_messages"]) == messages


def test_a_message_text_stands_on_the_call_and_not_a_second_time_on_the_span() -> None:
    batch = normalised(a_span(CHAT | {"gen_ai.input.messages": "[]", "app.ticket": 7}))
    keys = json.loads(batch.spans.column("attributes")[0].as_py()).keys()
    assert "gen_ai.input.messages" not in keys
    assert {"app.ticket", "gen_ai.request.model"} <= set(keys)


def test_the_time_to_the_first_chunk_makes_a_call_a_streamed_one() -> None:
    call = the_call(CHAT | {"gen_ai.response.time_to_first_chunk": 0.25})
    assert (call["ttft_s"], call["stream"]) == (0.25, True)


def test_errors_are_named_by_attribute_exception_or_message_in_this_order() -> None:
    failed = Status(code=Status.STATUS_CODE_ERROR, message="RateLimitError: slow down")
    raised = Span.Event(name="exception", attributes=[KeyValue(key="exception.type", value=any_value("ValueError"))])
    assert the_call(CHAT | {"error.type": "429"}, status=failed)["error_type"] == "429"
    assert the_call(CHAT, status=failed, events=[raised])["error_type"] == "ValueError"
    call = the_call(CHAT, status=failed)
    assert (call["error_type"], call["error_message"]) == ("RateLimitError", "RateLimitError: slow down")
    assert the_call(CHAT, status=Status(code=Status.STATUS_CODE_ERROR))["error_type"] == "error"
    assert the_call(CHAT)["error_type"] is None


def test_openinference_lists_are_read_in_the_order_of_their_numbers() -> None:
    turns = {
        f"llm.input_messages.{n}.message.{k}": v for n in range(11) for k, v in (("role", "user"), ("content", str(n)))
    }
    call = the_call({"openinference.span.kind": "LLM"} | dict(reversed(turns.items())))
    assert [m["parts"][0]["content"] for m in json.loads(call["input_messages"])] == [str(n) for n in range(11)]


def test_an_openinference_chain_with_rolled_up_tokens_is_no_call() -> None:
    batch = normalised(a_span({"openinference.span.kind": "CHAIN", "llm.token_count.prompt": 999}))
    assert batch.parts.num_rows == 0


def test_openinference_fills_holes_from_the_request_and_response_it_recorded() -> None:
    response = {
        "id": "chatcmpl-1",
        "choices": [{"finish_reason": "stop", "message": {"role": "assistant", "content": "Hi"}}],
    }
    call = the_call(
        {
            "openinference.span.kind": "LLM",
            "llm.model_name": "gpt-4o-2024-08-06",
            "llm.invocation_parameters": json.dumps({"model": "gpt-4o", "temperature": 0}),
            "output.value": json.dumps(response),
            "input.value": '{"messages": [{"role": "user", "con',  # cut by an attribute limit
        }
    )
    assert (call["request_model"], call["response_model"]) == ("gpt-4o", "gpt-4o-2024-08-06")
    assert (call["response_id"], call["finish_reasons"], call["stream"]) == ("chatcmpl-1", ["stop"], False)
    assert json.loads(call["output_messages"])[0]["parts"] == [{"type": "text", "content": "Hi"}]
    assert json.loads(call["parameters"]) == {"temperature": 0}


def test_what_a_retrieval_found_is_kept_as_documents_in_both_dialects() -> None:
    documents = [{"id": "a", "content": "Refunds take 14 days."}]
    genai = a_span({"gen_ai.operation.name": "retrieval", "gen_ai.retrieval.documents": json.dumps(documents)})
    openinference = a_span(
        {
            "openinference.span.kind": "RETRIEVER",
            "retrieval.documents.0.document.id": "a",
            "retrieval.documents.0.document.content": "Refunds take 14 days.",
        },
        2,
    )
    found = normalised(genai, openinference).spans.column("documents").to_pylist()
    assert [json.loads(text) for text in found] == [documents, documents]


def test_call_ids_are_unique_and_the_same_on_every_retry() -> None:
    spans = [a_span(CHAT, number) for number in range(1, 50)]
    first, second = (pa.Table.column(normalised(*spans).parts, "call_id").to_pylist() for _ in range(2))
    assert first == second
    assert len(set(first)) == len(spans)


LLM = {"openinference.span.kind": "LLM"}


def test_plain_text_is_the_message_of_an_openinference_span_without_messages() -> None:
    call = the_call(LLM | {"input.value": "Why?", "input.mime_type": "text/plain", "output.value": "Because."})
    assert json.loads(call["input_messages"]) == [{"role": "user", "parts": [{"type": "text", "content": "Why?"}]}]
    (answer,) = json.loads(call["output_messages"])
    assert answer == {"role": "assistant", "parts": [{"type": "text", "content": "Because."}]}


def test_a_json_request_that_was_cut_is_shown_as_far_as_it_goes_and_a_known_answer_without_words_has_none() -> None:
    cut = '{"messages": [{"role": "user", "con'
    call = the_call(
        LLM | {"input.value": cut, "input.mime_type": "application/json", "output.value": '{"id": "r", "choices": []}'}
    )
    (part,) = json.loads(call["input_messages"])[0]["parts"]
    assert part == {"type": "text", "content": cut, "truncated": True}
    assert (call["output_messages"], call["response_id"]) == (None, "r")


def test_vectors_are_no_answer() -> None:
    span = {"openinference.span.kind": "EMBEDDING", "input.value": "Why?", "output.value": '{"data": [[0.5]]}'}
    call = the_call(span)
    assert (json.loads(call["input_messages"])[0]["parts"][0]["content"], call["output_messages"]) == ("Why?", None)


def test_what_a_retrieval_was_asked_and_what_it_answered_otherwise_stay_on_its_span() -> None:
    asked = {"openinference.span.kind": "RETRIEVER", "input.value": "refunds?"}
    found = asked | {"retrieval.documents.0.document.content": "14 days"}
    other = asked | {"output.value": "14 days"}
    spans = normalised(a_span(found), a_span(other, 2)).spans
    keys = [set(json.loads(row)) for row in spans.column("attributes").to_pylist()]
    assert keys == [set(asked), set(other)]
    assert spans.column("documents").to_pylist() == ['[{"content":"14 days"}]', None]


def test_a_text_that_no_dialect_of_the_span_reads_stays_on_it() -> None:
    (attributes,) = normalised(a_span(CHAT | {"input.value": "of the application"})).spans.column("attributes")
    assert "input.value" in json.loads(attributes.as_py())


def test_parts_that_were_counted_beside_the_whole_are_added_to_it() -> None:
    usage = {"input_tokens": 50, "cache_read.input_tokens": 200, "cache_creation.input_tokens": 1800}
    usage |= {"output_tokens": 10, "reasoning.output_tokens": 30}
    call = the_call(CHAT | {f"gen_ai.usage.{name}": n for name, n in usage.items()})
    assert (call["input_tokens"], call["output_tokens"]) == (2050, 40)
    usage |= {"input_tokens": 2050, "output_tokens": 40}
    call = the_call(CHAT | {f"gen_ai.usage.{name}": n for name, n in usage.items()})
    assert (call["input_tokens"], call["output_tokens"]) == (2050, 40)
    call = the_call(CHAT | {"gen_ai.usage.cache_read.input_tokens": 200})
    assert (call["input_tokens"], call["cache_read_tokens"]) == (None, 200)


def test_session_user_and_tenant_may_stand_in_the_metadata_but_their_own_attributes_win() -> None:
    metadata = json.dumps({"session_id": "m", "user_id": 7, "tenant": {"not": "a name"}})
    call = the_call(LLM | {"metadata": metadata})
    assert (call["session_id"], call["user_id"], call["tenant"]) == ("m", "7", None)
    assert the_call(LLM | {"metadata": metadata, "session.id": "s"})["session_id"] == "s"


def test_a_span_of_a_year_is_a_long_one_and_no_error() -> None:
    year_ns = 365 * 86_400 * 10**9 + 1
    assert the_call(CHAT, end_time_unix_nano=START_NS + year_ns)["latency_s"] == pytest.approx(year_ns / 1e9)
