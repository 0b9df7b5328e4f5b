"""A page of the internet that lets its name point to this machine reads nothing."""

from collections.abc import Callable
from typing import Any

import httpx


def test_the_process_answers_to_its_address_and_to_the_name_people_know(start_platform: Callable[..., Any]) -> None:
    base_url = "https://Watchkeeper.example/below"
    platform = start_platform("--host", "127.0.0.2", WATCHKEEPER_EVALUATORS__ALERTS__BASE_URL=base_url)
    for path in ("/api/v1/calls", "/", "/healthz"):
        assert httpx.get(platform.ui + path).status_code == 200
        assert httpx.get(platform.ui + path, headers={"Host": "watchkeeper.example"}).status_code == 200
        assert httpx.get(platform.ui + path, headers={"Host": "127.0.0.2.evil.example:8600"}).status_code == 421
