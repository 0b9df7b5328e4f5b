"""The client of an OpenAI-compatible endpoint."""

import email.utils
import json
import random
import re
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

import httpx

from evaluators.judge.failures import JudgeMisconfigured, JudgeRefused, JudgeUnavailable
from evaluators.judge.prompt import Messages
from evaluators.judge.request import Shape, adapt, body_of
from evaluators.loopback import DIRECT

MAX_ATTEMPTS = 3
MAX_WAIT_S = 30.0
MAX_REPLY_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What the judge wrote, and which model it was. Token counts are None where the server names none."""

    text: str
    response_model: str | None = None
    system_fingerprint: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class _Response:
    status: int
    headers: httpx.Headers
    body: bytes


class Client:
    """Asks one model at one endpoint; safe to use from several threads.

    The key stands in the headers of the connection only, never in an error or a log.
    """

    def __init__(
        self,
        *,
        base_url: str,
        model: str,
        api_key: str | None = None,
        api_key_env: str = "",
        timeout_s: float = 60.0,
        max_output_tokens: int = 1_000,
        backoff_s: float = 0.5,
        rng: random.Random | None = None,
    ) -> None:
        self._url = f"{base_url}/chat/completions"
        self._model = model
        self._api_key_env = api_key_env
        self._secret = (api_key or "").strip()
        if not (self._secret.isascii() and self._secret.isprintable()):
            # httpx would name the whole header, key included, in its own error.
            raise JudgeMisconfigured(f"{api_key_env}: the API key has characters that no HTTP header may hold")
        self._timeout_s = timeout_s
        self._max_output_tokens = max_output_tokens
        self._backoff_s = backoff_s
        self._rng = rng or random.Random()
        self._shape = Shape()
        self._closed = threading.Event()
        headers = {"Authorization": f"Bearer {self._secret}"} if self._secret else {}
        timeout = httpx.Timeout(timeout_s, connect=min(timeout_s, 10.0))
        self._http = httpx.Client(headers=headers, timeout=timeout, mounts=DIRECT)

    def ask(self, messages: Messages, schema: Mapping[str, Any]) -> Reply:
        """One reply of the judge.

        Raises:
            JudgeUnavailable: after the last of a few attempts, or without one where the request may have been billed.
            JudgeMisconfigured: if the address, the key or the model is wrong; the text says which to change.
            JudgeRefused: if the server does not take this request.
        """
        shape = self._shape
        while True:
            body = body_of(
                shape,
                model=self._model,
                messages=messages,
                schema=schema,
                max_output_tokens=self._max_output_tokens,
            )
            response = self._send(json.dumps(body).encode())
            if response.status == 200:
                self._shape = shape  # what this server takes; the next request starts there
                return self._reply(response)
            adapted = adapt(shape, _complaint(response.body)) if response.status in (400, 422) else None
            if adapted is None:
                self._refuse(response)
            shape = adapted

    def close(self) -> None:
        """Let go of the connections and end the waits between attempts."""
        self._closed.set()
        self._http.close()

    def _send(self, body: bytes) -> _Response:
        """Post, again where that can help and costs nothing. Any status but 429 and 5xx is the caller's to read."""
        fault, wait_s = "", 0.0
        for attempt in range(MAX_ATTEMPTS):
            if self._closed.wait(wait_s):
                raise JudgeUnavailable(f"{self._url}: the judge was stopped before it could ask")
            wait_s = self._backoff_s * 2**attempt * (1 + self._rng.random())
            try:
                response = self._post(body)
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                fault = f"cannot be reached ({type(error).__name__})"
                continue
            if response.status != 429 and response.status < 500:
                return response
            fault = f"answered {response.status}"
            asked_wait_s = _retry_after_s(response.headers.get("retry-after"), time.time())
            if asked_wait_s is not None:
                if asked_wait_s > MAX_WAIT_S:
                    raise JudgeUnavailable(f"{self._url} {fault} and asks to wait {asked_wait_s:.0f} s; it is left out")
                wait_s = max(asked_wait_s, wait_s)
        raise JudgeUnavailable(f"{self._url} {fault}, {MAX_ATTEMPTS} times; check that the endpoint is up")

    def _post(self, body: bytes) -> _Response:
        """One request. httpx limits each read; a server that drips needs a limit on the whole, in time and bytes."""
        deadline_s = time.monotonic() + self._timeout_s
        content = bytearray()
        try:
            with self._http.stream(
                "POST", self._url, content=body, headers={"Content-Type": "application/json"}
            ) as response:
                for chunk in response.iter_bytes():
                    content += chunk
                    if len(content) > MAX_REPLY_BYTES:
                        raise JudgeUnavailable(f"{self._url}: reply over {MAX_REPLY_BYTES} bytes", may_be_billed=True)
                    if time.monotonic() > deadline_s:
                        raise httpx.ReadTimeout("the reply came too slowly")
                return _Response(response.status_code, response.headers, bytes(content))
        except (httpx.ConnectError, httpx.ConnectTimeout):
            raise
        except RuntimeError as error:  # httpx, when it was closed between our look and its use
            if not self._closed.is_set():
                raise
            raise JudgeUnavailable(f"{self._url}: the judge was stopped while it asked", may_be_billed=True) from error
        except httpx.TimeoutException as error:
            raise JudgeUnavailable(
                f"{self._url}: no reply within {self._timeout_s:g} s; raise judge.timeout_s if the model is that slow",
                may_be_billed=True,
            ) from error
        except (httpx.TransportError, httpx.DecodingError) as error:
            raise JudgeUnavailable(
                f"{self._url}: the connection broke ({type(error).__name__}) before the reply was whole",
                may_be_billed=True,
            ) from error

    def _reply(self, response: _Response) -> Reply:
        try:
            body = json.loads(response.body)
            text = body["choices"][0]["message"]["content"]
        except (ValueError, KeyError, IndexError, TypeError, RecursionError) as error:
            raise JudgeRefused(
                f"{self._url} answered 200, but not with a chat completion; "
                "check that judge.base_url is an OpenAI-compatible endpoint (it usually ends in /v1)",
                may_be_billed=True,
            ) from error
        usage = body.get("usage")
        usage = usage if isinstance(usage, dict) else {}
        return Reply(
            text=text if isinstance(text, str) else "",  # null: the judge refused
            response_model=_text(body.get("model")),
            system_fingerprint=_text(body.get("system_fingerprint")),
            input_tokens=_count(usage.get("prompt_tokens")),
            output_tokens=_count(usage.get("completion_tokens")),
        )

    def _refuse(self, response: _Response) -> NoReturn:
        status, complaint = response.status, self._without_key(_complaint(response.body))
        said = f"{self._url} answered {status}"
        if status in (401, 403):
            # What it says of the key is not repeated: some servers quote it.
            raise JudgeMisconfigured(
                f"{said}: set the variable {self._api_key_env or 'api_key_env'} to a valid API key"
            )
        if status in (402, 404, 405) or 300 <= status < 400:
            raise JudgeMisconfigured(
                f"{said} ({complaint}): check judge.base_url (it usually ends in /v1), judge.model {self._model!r} "
                "and the account"
            )
        raise JudgeRefused(f"{said}: {complaint}")

    def _without_key(self, text: str) -> str:
        return text.replace(self._secret, "***") if self._secret else text


def _complaint(body: bytes) -> str:
    """What an error reply says, in at most 300 characters."""
    try:
        value = json.loads(body)
        error = value.get("error", value) if isinstance(value, dict) else value
        said = error.get("message") or error.get("detail") or error if isinstance(error, dict) else error
    except (ValueError, RecursionError):
        said = body.decode("utf-8", "replace")
    return " ".join(str(said).split())[:300]


def _retry_after_s(value: str | None, now_s: float) -> float | None:
    """Seconds that a Retry-After header asks for, as a number or an HTTP date; None where it makes no sense."""
    if value is None:
        return None
    if re.fullmatch(r"\s*\d{1,9}(\.\d+)?\s*", value):
        return float(value)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - now_s)
    except (ValueError, OverflowError):
        return None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
