"""A small webhook receiver: what on call would get, on this machine."""

import json
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from evaluators.alerts.webhook import DELIVERY_HEADER, BadSignature, verify

Notification = Mapping[str, Any]

MAX_BODY_BYTES = 2**20
MAX_REMEMBERED = 10_000
TIMEOUT_S = 10.0


class WebhookReceiver:
    """Listens on `url` from `start` to `close`, checks each signature and hands each delivery on once.

    Args:
        on_notification: called in the server's thread; when it raises, the sender is told to try again.
        port: 0 takes a free one.
        clock: Unix seconds.
    """

    def __init__(
        self,
        secret: str,
        on_notification: Callable[[Notification], None],
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        inbox = _Inbox(on_notification)

        class Handler(_Handler):
            def receive(self, body: bytes) -> None:
                verify(secret, dict(self.headers), body, clock())
                inbox.take(self.headers.get(DELIVERY_HEADER, ""), json.loads(body))

        self._server = ThreadingHTTPServer((host, port), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, name="webhook-receiver", daemon=True)

    @property
    def url(self) -> str:
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}/alerts"

    def start(self) -> Self:
        self._thread.start()
        return self

    def close(self) -> None:
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


class _Inbox:
    """A sender that missed our answer sends again, with the same delivery id."""

    def __init__(self, on_notification: Callable[[Notification], None]) -> None:
        self._on_notification = on_notification
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, delivery_id: str, notification: Notification) -> None:
        with self._lock:
            if delivery_id not in self._seen:
                self._on_notification(notification)
                self._seen[delivery_id] = None
            while len(self._seen) > MAX_REMEMBERED:
                self._seen.popitem(last=False)


class _Handler(BaseHTTPRequestHandler):
    timeout = TIMEOUT_S

    def receive(self, body: bytes) -> None:
        raise NotImplementedError

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdecimal()):
            self._answer(411, "Content-Length is missing")
        elif int(length) > MAX_BODY_BYTES:
            self._answer(413, f"a notification has at most {MAX_BODY_BYTES} bytes")
        else:
            self._receive(self.rfile.read(int(length)))

    def _receive(self, body: bytes) -> None:
        try:
            self.receive(body)
        except BadSignature as error:
            self._answer(401, str(error))
        except ValueError as error:
            self._answer(400, f"the body is no JSON: {error}")
        except Exception as error:
            self._answer(500, f"not taken: {error}")
        else:
            self._answer(204)

    def _answer(self, status: int, text: str = "") -> None:
        body = text.encode()
        self.send_response(status)
        if body:
            self.send_header("Content-Type", "text/plain; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the notifications are the output."""


def lines_of(notification: Notification) -> list[str]:
    """One line per alert, as a pager would show it: `FIRING critical  Calls fail: 12 % of ...  http://...`."""
    return [
        "  ".join(
            [
                f"{str(alert['status']).upper()} {alert['labels'].get('severity', '')}".strip(),
                f"{alert['labels']['alertname']}: {alert['annotations']['summary']}",
                str(alert["generatorURL"]),
            ]
        )
        for alert in notification["alerts"]
    ]
