"""A model of one's own, from the application's client to the stored call: all parts as their users run them."""

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest


@pytest.fixture
def serve(model_folder: Path, platform: Any, watchkeeper: Callable[..., list[str]]) -> Iterator[str]:
    """The URL of `watchkeeper serve` on the tiny model, reporting to the running platform."""
    options = ("--model", str(model_folder), "--port", "0", "--otlp", platform.otlp_http)
    process = subprocess.Popen(watchkeeper("serve", *options), stdout=subprocess.PIPE, text=True, env=os.environ)
    assert process.stdout is not None
    yield json.loads(process.stdout.readline())["openai"]
    process.terminate()
    assert process.wait(60) == 0
    process.stdout.close()


def test_a_call_of_the_openai_client_to_a_local_model_shows_up(serve: str, platform: Any) -> None:
    client = openai.OpenAI(base_url=serve, api_key="none needed")
    answer = client.chat.completions.create(
        model="tiny-llama", messages=[{"role": "user", "content": "Where is my parcel?"}], max_tokens=8, temperature=0
    )
    deadline_s = time.monotonic() + 30
    while not (calls := httpx.get(f"{platform.api}/calls").json()["items"]) and time.monotonic() < deadline_s:
        time.sleep(0.2)
    (call,) = calls
    assert answer.usage is not None
    assert (call["request_model"], call["operation"], call["response_id"]) == ("tiny-llama", "chat", answer.id)
    assert (call["input_tokens"], call["output_tokens"]) == (answer.usage.prompt_tokens, answer.usage.completion_tokens)
    assert call["input_messages"][0]["parts"][0]["content"] == "Where is my parcel?"
    assert call["output_messages"][0]["parts"][0]["content"] == answer.choices[0].message.content
    assert call["cost_usd"] is None
