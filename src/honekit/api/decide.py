"""The interview of `hone decide` over HTTP: its questions, and the verdict on a set of answers. No part of OpenAI's interface."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from honekit.api.errors import bad_request
from honekit.api.routes import JsonRoute
from honekit.decide import decide, questions_document
from honekit.decide.questions import check_answers
from honekit.errors import DataError

router = APIRouter(prefix="/v1/decide", tags=["decide"], route_class=JsonRoute)


class DecideRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")

    answers: dict[str, Any]
    """Question id -> value; what is not known is left out or "unknown"."""


@router.get("/questions")
async def list_questions() -> dict[str, Any]:
    """What `hone decide questions --json` prints."""
    return questions_document()


@router.post("")
async def create_decision(body: DecideRequest) -> dict[str, Any]:
    """What `hone decide --answers FILE --json` prints; nothing is stored."""
    try:
        answers = check_answers(body.answers, "answers")
    except DataError as fault:
        raise bad_request(f"{fault.what}\n{fault.mend}", code="invalid_answers", param="answers") from fault
    decision = await asyncio.to_thread(decide, answers)
    return decision.as_dict()
