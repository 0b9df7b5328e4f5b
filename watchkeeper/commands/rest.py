"""The REST API of a running Watchkeeper, as the commands use it: patient where patience can help, clear where not."""

import json
import math
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self

import httpx

from collector.errors import BadRequest, WatchkeeperError

DEFAULT_URL = "http://127.0.0.1:8600"
PATIENCE_S = 300.0
"""So long a platform may restart, or ask for patience, in the middle of a file."""
TIMEOUT_S = 60.0
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.25, 15.0
_REFUSALS = (400, 413, 422)
_LATER = (429, 502, 503, 504)


class PlatformUnavailable(WatchkeeperError):
    """No answer, or none that can be used, after all patience."""


class Rest:
    """Requests to `url`, each sent again until it is answered or `patience_s` are over."""

    def __init__(
        self,
        url: str,
        api_key: str | None = None,
        *,
        patience_s: float = PATIENCE_S,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        headers = {"authorization": f"Bearer {api_key}"} if api_key else {}
        self.url = url.rstrip("/")
        # A platform on this machine is not behind the proxy of the environment.
        is_near = _host(self.url) in ("127.0.0.1", "localhost", "::1")
        self._client = httpx.Client(headers=headers, timeout=TIMEOUT_S, trust_env=not is_near)
        self._patience_s = patience_s
        self._sleep = sleep
        self._clock = clock
        self._was_there = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def get(self, path: str, params: Mapping[str, Any]) -> Any:
        """The JSON answer. Raises as `post` does."""
        return self._answer(lambda: self._client.get(f"{self.url}/api/v1/{path}", params=dict(params)))

    def post(self, path: str, body: bytes, *, content_type: str, params: Mapping[str, Any]) -> Any:
        """The JSON answer.

        Raises:
            BadRequest: the platform refuses what the body says; sending it again cannot help.
            PlatformUnavailable: no answer in time, or a key is missing.
        """
        url, headers = f"{self.url}/api/v1/{path}", {"content-type": content_type}
        return self._answer(lambda: self._client.post(url, content=body, headers=headers, params=dict(params)))

    def _answer(self, ask: Callable[[], httpx.Response]) -> Any:
        deadline_s = self._clock() + self._patience_s
        wait_s = _FIRST_WAIT_S
        while True:
            try:
                response = ask()
            except httpx.TransportError as error:
                said, after_s = f"no answer ({error or type(error).__name__})", 0.0
                if not self._was_there and isinstance(error, httpx.ConnectError):
                    raise PlatformUnavailable(
                        f"{self.url}: nobody answers; start `watchkeeper up`, or name the right address with --url"
                    ) from error
            else:
                self._was_there = True
                if response.status_code not in _LATER:
                    return self._read(response)
                said, after_s = _said(response), _retry_after_s(response)
            wait_s = max(after_s, wait_s)
            if self._clock() + wait_s > deadline_s:
                raise PlatformUnavailable(f"{self.url}: {said}, for {self._patience_s:.0f} s; run the command again")
            self._sleep(wait_s)
            wait_s = min(2 * wait_s, _LONGEST_WAIT_S)

    def _read(self, response: httpx.Response) -> Any:
        if response.status_code in _REFUSALS:
            raise BadRequest(_said(response))
        if response.status_code in (401, 403):
            raise PlatformUnavailable(f"{self.url}: {_said(response)} (--api-key or WATCHKEEPER_API_KEY)")
        if not response.is_success:
            raise PlatformUnavailable(f"{self.url}: answered {response.status_code}: {_said(response)}")
        try:
            return response.json()
        except ValueError as error:
            raise PlatformUnavailable(f"{self.url}: this is no Watchkeeper: its answer is not JSON") from error


def _host(url: str) -> str:
    """
    Raises:
        PlatformUnavailable: if `url` is none of http or https.
    """
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise PlatformUnavailable(f"--url {url}: {error}; write it like {DEFAULT_URL}") from error
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise PlatformUnavailable(f"--url {url}: no address of HTTP; write it like {DEFAULT_URL}")
    return parsed.host


def _said(response: httpx.Response) -> str:
    """The message of an error answer."""
    try:
        return str(response.json()["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return f"{response.status_code} {response.reason_phrase}".strip()


def _retry_after_s(response: httpx.Response) -> float:
    try:
        seconds = float(response.headers.get("retry-after", "0"))
    except ValueError:
        return 0.0
    return min(max(seconds, 0.0), 60.0) if math.isfinite(seconds) else 0.0


def json_line(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
