"""The events that tell of a response: those of its beginning, and all of a stored one, with each text in one piece."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from honekit.api.openai import answering
from honekit.api.openai.responses_output import Event, OutputWriter
from honekit.api.openai.responses_schema import ResponseObject

_UNKNOWN_YET: dict[str, Any] = {
    "output": [],
    "usage": None,
    "completed_at": None,
    "error": None,
    "incomplete_details": None,
}


def beginning(answer: ResponseObject) -> list[Event]:
    """The events before the output; of one that is made in the background the last of them tells that it is begun."""
    stages = ("queued", "queued", "in_progress") if answer.background else ("in_progress", "in_progress")
    kinds = ("created", *stages[1:])
    return [
        {"type": f"response.{kind}", "response": answer.model_copy(update={**_UNKNOWN_YET, "status": status}).as_json()}
        for kind, status in zip(kinds, stages, strict=True)
    ]


def again(answer: ResponseObject) -> Iterator[Event]:
    """All events of a response that is over. No event tells that one was cancelled."""
    yield from beginning(answer)
    yield from OutputWriter().again(answer.output)
    if answer.status != "cancelled":
        yield {"type": f"response.{answer.status}", "response": answer.as_json()}


def as_text(event: Event, number: int) -> str:
    """A server-sent event with its `sequence_number`."""
    return answering.event({**event, "sequence_number": number}, name=event["type"])
