"""REST to erase a person. The receipt is the answer, however long it takes."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Body, Depends
from pydantic import BaseModel, Field

from collector.api.guard import Guard
from collector.api.shapes import ERRORS
from collector.erasure import MAX_ID_CHARS, Asked, Erasures
from collector.projects.access import Access


class EraseShape(BaseModel, extra="forbid"):
    user_id: str = Field(min_length=1, max_length=MAX_ID_CHARS)
    """As the calls carry it, before redaction."""
    project: str | None = None
    """Only in this one; null: in all that the key opens."""
    request_id: str | None = Field(default=None, max_length=128)
    """A new one for each erasure that is meant: a retry with the same gets the same receipt."""


class ReceiptShape(BaseModel):
    """`erased`: how many of each kind; `days`: the UTC days that were written anew."""

    receipt: int
    time: str
    actor: str
    user_sha256: str
    project: str | None
    erased: dict[str, int]
    days: list[str]
    note: str


def erasing_router(erasures: Erasures, guard: Guard) -> APIRouter:
    router = APIRouter(prefix="/api/v1", tags=["administration"], responses=ERRORS)

    @router.post("/erase", response_model=ReceiptShape)
    async def erase(
        body: Annotated[EraseShape, Body()], access: Annotated[Access, Depends(guard.administers)]
    ) -> ReceiptShape:
        """Erase all that is stored of a user: calls, spans, logs, scores, vectors, review items. Needs scope admin.

        Answered when the bytes are gone from the disk, which may take minutes. What arrives later is stored.
        """
        project = body.project if access.project is None else access.project_of(body.project)
        actor = f"key:{access.key_id}" if access.key_id else "rest"
        asked = Asked(user=body.user_id, project=project, actor=actor, request_id=body.request_id)
        # Shielded: who hangs up ends the wait, not the erasure.
        receipt = await asyncio.shield(asyncio.wrap_future(erasures.submit(asked)))
        return ReceiptShape(**receipt)

    return router
