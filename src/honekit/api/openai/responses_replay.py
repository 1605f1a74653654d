"""A stored response as the stream that tells of it: the same events, with each text in one piece."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from honekit.api.openai import answering
from honekit.api.openai.responses_output import OutputWriter
from honekit.api.openai.responses_schema import ResponseObject

_UNKNOWN_YET: dict[str, Any] = {
    "status": "in_progress",
    "output": [],
    "usage": None,
    "completed_at": None,
    "error": None,
    "incomplete_details": None,
}


def replayed(answer: ResponseObject, after: int = -1) -> Iterator[str]:
    """The server-sent events behind the one with the `sequence_number` `after`; the same numbers at each call."""
    for number, content in enumerate(_events(answer)):
        if number > after:
            yield answering.event({**content, "sequence_number": number}, name=content["type"])


def _events(answer: ResponseObject) -> Iterator[dict[str, Any]]:
    begun = answer.model_copy(update=_UNKNOWN_YET).as_json()
    yield {"type": "response.created", "response": begun}
    yield {"type": "response.in_progress", "response": begun}
    yield from OutputWriter().again(answer.output)
    yield {"type": f"response.{answer.status}", "response": answer.as_json()}
