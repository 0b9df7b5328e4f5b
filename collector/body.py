"""The body of one HTTP request, read up to a limit and unpacked."""

import asyncio
from collections.abc import Callable

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from collector.errors import BadRequest, StoreUnavailable, TooLarge
from collector.otlp.unpack import unpack_gzip

BODY_TIMEOUT_S = 60.0


class UnsupportedMediaType(BadRequest):
    """A content type or encoding that this path does not take."""


def media_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def read_body(
    request: Request,
    *,
    max_bytes: int,
    timeout_s: float = BODY_TIMEOUT_S,
    on_bytes: Callable[[int], None] = lambda _n: None,
) -> bytes:
    """The body without its gzip; `max_bytes` holds before and after, and reading stops there.

    Args:
        on_bytes: told of the bytes as they come in and as they are unpacked; what it raises ends the reading.
    Raises:
        UnsupportedMediaType, TooLarge, BadRequest: saying what to send instead.
        StoreUnavailable: if the body is not there after `timeout_s`. A line that is slow today may be quick tomorrow.
    """
    encoding = request.headers.get("content-encoding", "").strip().lower()
    if encoding not in ("", "identity", "gzip"):
        raise UnsupportedMediaType(f"Content-Encoding must be gzip or none, got {encoding}")
    too_large = TooLarge(f"the body is larger than {max_bytes} bytes; send it in smaller pieces")
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared[:20]) > max_bytes:
        raise too_large
    chunks: list[bytes] = []
    n_bytes = 0
    try:
        async with asyncio.timeout(timeout_s):
            async for chunk in request.stream():
                n_bytes += len(chunk)
                if n_bytes > max_bytes:
                    raise too_large
                on_bytes(len(chunk))
                chunks.append(chunk)
    except TimeoutError as error:
        raise StoreUnavailable(
            f"only {n_bytes} bytes of the body came within {timeout_s:g} s; send again, in smaller pieces"
        ) from error
    body = chunks[0] if len(chunks) == 1 else b"".join(chunks)
    if encoding != "gzip" or not body:
        return body
    del chunks
    return await run_in_threadpool(unpack_gzip, body, max_bytes=max_bytes, on_bytes=on_bytes)
