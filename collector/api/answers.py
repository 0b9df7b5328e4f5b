"""JSON answers. Every number in them is finite: NaN and Infinity are no JSON, and what is not known is null."""

import json
import math
from collections.abc import Iterable, Mapping
from typing import Any

from fastapi import Response


def json_answer(value: object, *, status_code: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    try:
        text = _dumps(value)
    except ValueError:  # rare, so only then is the value copied
        text = _dumps(_finite(value))
    return Response(text.encode(), status_code, headers, media_type="application/json")


def list_answer(items: Iterable[Mapping[str, Any]], next_cursor: str | None = None) -> Response:
    return json_answer({"items": list(items), "next_cursor": next_cursor})


def error_answer(status_code: int, kind: str, message: str, headers: Mapping[str, str] | None = None) -> Response:
    return json_answer({"error": {"type": kind, "message": message}}, status_code=status_code, headers=headers)


def _dumps(value: object) -> str:
    return json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":"))


def _finite(value: object) -> object:
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
