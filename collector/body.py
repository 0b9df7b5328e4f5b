"""The body of one HTTP request, read up to a limit and unpacked."""

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from collector.errors import BadRequest, TooLarge
from collector.otlp.unpack import unpack_gzip as decompress


class UnsupportedMediaType(BadRequest):
    """A content type or encoding that this path does not take."""


def media_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def read_body(request: Request, *, max_bytes: int) -> bytes:
    """The body without its gzip; `max_bytes` holds before and after, and reading stops there.

    Raises:
        UnsupportedMediaType, TooLarge, BadRequest: saying what to send instead.
    """
    encoding = request.headers.get("content-encoding", "identity").lower()
    if encoding not in ("identity", "gzip"):
        raise UnsupportedMediaType(f"Content-Encoding must be gzip or none, got {encoding}")
    too_large = TooLarge(f"the body is larger than {max_bytes} bytes; send it in smaller pieces")
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > max_bytes:
        raise too_large
    chunks, n_bytes = [], 0
    async for chunk in request.stream():
        n_bytes += len(chunk)
        if n_bytes > max_bytes:
            raise too_large
        chunks.append(chunk)
    body = b"".join(chunks)
    return await run_in_threadpool(decompress, body, max_bytes=max_bytes) if encoding == "gzip" else body
