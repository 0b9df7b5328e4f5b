"""What a sender is told when its export is not taken, by transport.

Source: OpenTelemetry Protocol specification, "Failures" and "OTLP/HTTP Throttling": of HTTP only 429, 502, 503 and 504
may be sent again, of gRPC UNAVAILABLE, and RESOURCE_EXHAUSTED where it says when.
"""

import math
from dataclasses import dataclass

from google.protobuf.duration_pb2 import Duration
from google.rpc.code_pb2 import Code
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status

from collector.body import UnsupportedMediaType
from collector.errors import Forbidden, StoreUnavailable, TooLarge, TooManyRequests, Unauthenticated, WatchkeeperError

INTERNAL_TEXT = "Watchkeeper failed on this export; its log on standard error says where"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """`retry_after_s` None: sending it again cannot help."""

    http_status: int
    code: int
    message: str
    retry_after_s: float | None = None

    def status(self) -> Status:
        status = Status(code=self.code, message=self.message)
        if self.retry_after_s is not None:
            status.details.add().Pack(RetryInfo(retry_delay=_duration(self.retry_after_s)))
        return status

    def headers(self) -> dict[str, str]:
        if self.retry_after_s is not None:
            return {"retry-after": str(max(1, math.ceil(self.retry_after_s)))}
        return {"www-authenticate": 'Bearer realm="watchkeeper"'} if self.http_status == 401 else {}


_KINDS: dict[type[Exception], tuple[int, int]] = {
    StoreUnavailable: (503, Code.UNAVAILABLE),
    TooManyRequests: (429, Code.RESOURCE_EXHAUSTED),
    Unauthenticated: (401, Code.UNAUTHENTICATED),
    Forbidden: (403, Code.PERMISSION_DENIED),
    TooLarge: (413, Code.INVALID_ARGUMENT),
    UnsupportedMediaType: (415, Code.INVALID_ARGUMENT),
    WatchkeeperError: (400, Code.INVALID_ARGUMENT),
}


def refusal_of(error: Exception) -> Refusal:
    """The most exact kind wins; what is no error of ours is a failure on our side."""
    found = next(((status, code) for kind, (status, code) in _KINDS.items() if isinstance(error, kind)), None)
    if found is None:
        return Refusal(http_status=500, code=Code.INTERNAL, message=INTERNAL_TEXT)
    retry_after_s = error.retry_after_s if isinstance(error, StoreUnavailable | TooManyRequests) else None
    return Refusal(http_status=found[0], code=found[1], message=str(error), retry_after_s=retry_after_s)


def _duration(seconds: float) -> Duration:
    whole = math.floor(seconds)
    return Duration(seconds=whole, nanos=int((seconds - whole) * 1e9))
