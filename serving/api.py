"""The OpenAI-compatible HTTP API over one engine."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope, Send

from serving.config import ServingConfig
from serving.engine.base import Engine, EngineBusy, PromptRefused
from serving.engine.generation import Generation
from serving.protocol.errors import ApiError
from serving.protocol.requests import CompletionRequest, Operation, chat_request, text_request
from serving.protocol.responses import DONE, Frame, event, model_body
from serving.telemetry import Telemetry
from serving.turn import Turn

_CLIENT_GONE = 499  # nobody reads it; nginx' number for the logs


def build(engine: Engine, telemetry: Telemetry, config: ServingConfig) -> FastAPI:
    """The application. It owns `engine` and `telemetry`: both are closed when it stops."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await asyncio.to_thread(engine.close)
        await asyncio.to_thread(telemetry.close)

    app = FastAPI(title="Watchkeeper serving", lifespan=lifespan)
    app.add_exception_handler(ApiError, _answer_with_error)
    app.add_exception_handler(HTTPException, _answer_with_error)
    app.add_exception_handler(Exception, _answer_with_error)

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/v1/models")
    async def models() -> dict[str, object]:
        return {"object": "list", "data": [model_body(engine.model)]}

    @app.get("/v1/models/{name:path}")
    async def model(name: str) -> dict[str, object]:
        _check_model(name, engine)
        return model_body(engine.model)

    @app.post("/v1/chat/completions")
    async def chat_completions(request: Request) -> Response:
        return await complete(request, "chat", chat_request)

    @app.post("/v1/completions")
    async def completions(request: Request) -> Response:
        return await complete(request, "text_completion", text_request)

    async def complete(request: Request, operation: Operation, parse: Callable[[bytes], CompletionRequest]) -> Response:
        async with AsyncExitStack() as stack:
            span = stack.enter_context(telemetry.record(operation, request.headers))
            asked = parse(await _read_body(request, config.max_body_bytes))
            span.asked(asked)
            _check_model(asked.model, engine)
            generation = await _admit(engine, asked)
            prefix = "chatcmpl" if operation == "chat" else "cmpl"
            frame = Frame(
                operation=operation,
                response_id=f"{prefix}-{uuid.uuid4().hex}",
                created_s=int(time.time()),
                model=engine.model.name,
            )
            turn = Turn(generation, frame, span)
            stack.push_async_callback(turn.close)
            if not asked.stream:
                return await _whole(turn, request)
            return _EventStream(_events(turn, include_usage=asked.include_usage), stack.pop_all())

    return app


class _EventStream(StreamingResponse):
    """Server-sent events; `stack` is closed when the last one is sent or the client has gone."""

    def __init__(self, events: AsyncIterator[bytes], stack: AsyncExitStack) -> None:
        super().__init__(events, media_type="text/event-stream", headers={"cache-control": "no-cache"})
        self._stack = stack

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with self._stack:
            await super().__call__(scope, receive, send)


async def _events(turn: Turn, *, include_usage: bool) -> AsyncIterator[bytes]:
    first, usage = True, None
    try:
        async for piece in turn.pieces():
            if piece.finish_reason == "cancelled":
                raise ApiError(503, "the answer was cut: the server is stopping", code="server_stopping")
            yield event(turn.frame.chunk(piece.text, piece.finish_reason, first=first, include_usage=include_usage))
            first, usage = False, piece.usage
    except Exception as error:  # the status line is gone already: what went wrong can only be told inside the stream
        told = _as_api_error(error)
        turn.span.failed(told.code, str(error))
        yield event(told.body())
        return
    if include_usage and usage is not None:
        yield event(turn.frame.usage_chunk(usage))
    yield DONE


async def _whole(turn: Turn, request: Request) -> Response:
    """The answer in one body, given up when the client goes away."""
    reading = asyncio.create_task(_read_all(turn))
    leaving = asyncio.create_task(_disconnected(request))
    try:
        await asyncio.wait({reading, leaving}, return_when=asyncio.FIRST_COMPLETED)
        return await reading if reading.done() else Response(status_code=_CLIENT_GONE)
    finally:
        reading.cancel()
        leaving.cancel()


async def _read_all(turn: Turn) -> Response:
    async for piece in turn.pieces():
        if piece.finish_reason in ("stop", "length") and piece.usage is not None:
            return JSONResponse(turn.frame.whole(turn.text, piece.finish_reason, piece.usage))
    raise ApiError(503, "the answer was cut: the server is stopping", code="server_stopping")


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _admit(engine: Engine, asked: CompletionRequest) -> Generation:
    try:
        return await engine.generate(asked.prompt, asked.sampling)
    except PromptRefused as error:
        code = "context_length_exceeded" if error.too_long else "invalid_prompt"
        param = "messages" if asked.operation == "chat" else "prompt"
        raise ApiError(400, str(error), code=code, param=param) from error
    except EngineBusy as error:
        raise ApiError(503, str(error), code="overloaded", retry_after_s=error.retry_after_s) from error


def _check_model(name: str, engine: Engine) -> None:
    if name != engine.model.name:
        message = f"the model {name!r} does not exist; this server has {engine.model.name!r}"
        raise ApiError(404, message, code="model_not_found", param="model")


async def _read_body(request: Request, max_bytes: int) -> bytes:
    # A page in a browser may send any other type to loopback without asking first; this one needs permission.
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise ApiError(415, "send content-type: application/json", code="unsupported_media_type")
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > max_bytes:
            raise ApiError(413, f"the body is over the limit of {max_bytes} bytes", code="request_too_large")
    return bytes(body)


def _as_api_error(error: Exception) -> ApiError:
    if isinstance(error, ApiError):
        return error
    if isinstance(error, HTTPException):
        return ApiError(
            error.status_code, error.detail, code="not_found" if error.status_code == 404 else "invalid_request"
        )
    return ApiError(500, "the server failed on this request; its log has the reason", code="internal_error")


async def _answer_with_error(_: Request, error: Exception) -> Response:
    told = _as_api_error(error)
    return JSONResponse(told.body(), status_code=told.status, headers=told.headers())
