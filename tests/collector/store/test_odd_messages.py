"""Messages as senders should not write them: they come back in the form that everyone who reads calls relies on."""

import json
from collections.abc import Callable

import pyarrow as pa
import pytest

from collector.api.answers import json_answer
from collector.batch import Batch
from collector.call import Call
from collector.rows import batch_of_calls
from collector.store.base import TelemetryStore


def with_messages(call: Call, text: str) -> Batch:
    """`call` with a text of the sender's in place of both lists of messages, as OTLP brings it."""
    batch = batch_of_calls([call])
    parts = batch.parts
    for name in ("input_messages", "output_messages"):
        parts = parts.set_column(parts.schema.get_field_index(name), parts.schema.field(name), pa.array([text]))
    return Batch(spans=batch.spans, parts=parts)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ('[{"role": "user", "parts": null}]', ""),
        ('[{"role": null, "parts": [null, "Hi", {"type": "text", "content": null}]}]', "Hi"),
        ('[{"parts": {"type": "text", "content": "Hi"}}]', "Hi"),
        ('[{"role": 5}, {"role": "user", "content": "Hi"}]', "\nHi"),
        ('[{"role": "user", "parts": [], "content": [{"type": "text", "text": "Hi"}]}]', "Hi"),
        (r'[{"role": "user", "parts": [{"type": "text", "content": "cut \ud83d"}]}]', "cut ?"),
        ('[1, null, "Hi"]', "1\nNone\nHi"),
        ("[" * 900 + "]" * 900, "[" * 900 + "]" * 900),
    ],
)
def test_odd_messages_are_read_as_messages_and_spoil_no_page(
    store: TelemetryStore, a_call: Callable[..., Call], written: str, read: str
) -> None:
    store.write([with_messages(a_call(), written)])
    (call,) = store.scan(after_seq=0, limit=10)
    assert call.output_text == read
    assert call.prompt_text in read
    for message in (*(call.input_messages or ()), *(call.output_messages or ())):
        assert isinstance(message["role"], str)
        assert all(isinstance(part, dict) for part in message["parts"])
    assert json.loads(bytes(json_answer(call.to_json()).body))["call_id"] == call.call_id
