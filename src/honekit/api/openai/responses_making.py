"""A response as it is made: what it is asked turned into a run, and the run's tokens into its output and its events."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from honekit.api.batcher import Worker
from honekit.api.errors import ApiError, bad_request
from honekit.api.openai import answering, conversation, responses_input, stored
from honekit.api.openai.chat_schema import ChatCompletionRequest
from honekit.api.openai.conversation import Run
from honekit.api.openai.responses_output import Event, OutputWriter
from honekit.api.openai.responses_schema import (
    IncompleteDetails,
    ResponseFault,
    ResponseObject,
    ResponseRequest,
    ResponseUsage,
)
from honekit.store import answers, background
from honekit.store.answers import Answer
from honekit.store.background import Told
from honekit.store.tables import new_id

MAX_EARLIER = 1000
"""Responses that one goes on from; far more than contexts hold."""
_CHAT_PARAMS = (
    ("response_format.json_schema.schema", "text.format.schema"),
    ("response_format", "text.format"),
    ("messages", "input"),
    (".function.", "."),
)
"""What a chat completion calls a parameter, and what it is called here."""


@dataclass
class Making:
    """One response. `made` says at any time how far it is; `items` are its input as it is kept; `told` is what it begins with."""

    body: ResponseRequest
    owner: str
    made: ResponseObject
    items: list[dict[str, Any]]
    seed: int | None = None
    told: Told | None = None
    tokens: list[int] = field(default_factory=list)
    """Those whose events have come."""
    _writer: OutputWriter = field(default_factory=OutputWriter)

    async def asked(self) -> ChatCompletionRequest:
        """The same as a chat completion. Raises ApiError, naming the parameters as they are called here."""
        earlier = await _earlier(self.owner, self.body.previous_response_id)
        with _named_here():
            return responses_input.chat_request(self.body, earlier, self.items).model_copy(update={"seed": self.seed})

    async def start(self, model: str, worker: Worker) -> Run:
        """Queue it. Raises ApiError as `asked` does, and 429, 503."""
        asked = await self.asked()
        with _named_here():
            cut = self.body.truncation == "auto"
            return await conversation.start(asked, model, worker, self.owner, drop_oldest=cut, told=self.told)

    async def written(self, run: Run) -> AsyncIterator[Event]:
        """The events of the output, to its end; then `made` is complete. Raises ApiError."""
        self.made.model = run.model
        async for _, token in answering.tokens(run.answers, _renamed(run.held_by)):
            self.tokens.append(token.token_id)
            text, certain = run.writers[0].take(token)
            self._writer.note(certain)
            for delta in run.calls[0].take(text, token.finish_reason):
                for event in self._writer.take(delta):
                    yield event
            if token.finish_reason is not None:
                for event in self._writer.end(cut=token.finish_reason == "length"):
                    yield event
        self._end(run)

    def fail(self, fault: ApiError) -> Event:
        """The response with what went wrong, as the event that tells of it."""
        self.made.status, self.made.output = "failed", self._writer.items
        self.made.error = ResponseFault(code="server_error" if fault.status >= 500 else "invalid_prompt", message=fault.message)
        return self.last()

    def last(self) -> Event:
        """The event of its end."""
        return {"type": f"response.{self.made.status}", "response": self.made.as_json()}

    def to_keep(self) -> Answer:
        """The response as it is stored."""
        content = unchanging(self.made)
        return Answer(self.made.id, self.owner, "response", self.made.model, content, self.items, self.made.metadata)

    def _end(self, run: Run) -> None:
        made, usage = self.made, run.usage()
        made.output = self._writer.items
        made.usage = ResponseUsage(
            input_tokens=usage.prompt_tokens, output_tokens=usage.completion_tokens, total_tokens=usage.total_tokens
        )
        if run.writers[0].finish_reason == "length":
            made.status, made.incomplete_details = "incomplete", IncompleteDetails()
        else:
            made.status, made.completed_at = "completed", int(time.time())


def new_making(body: ResponseRequest, owner: str) -> Making:
    """Before anything is said."""
    return Making(body, owner, _begun(body), responses_input.to_keep(body.input))


def unchanging(made: ResponseObject) -> dict[str, Any]:
    """All of a response but its metadata, which are kept beside it."""
    return {name: value for name, value in made.as_json().items() if name != "metadata"}


async def _earlier(owner: str, response_id: str | None) -> list[dict[str, Any]]:
    """What was asked and answered before, oldest first. Raises ApiError 400."""
    if response_id is None:
        return []
    found, missing = await asyncio.to_thread(answers.conversation, owner, response_id, MAX_EARLIER)
    if missing is not None:
        if len(found) == MAX_EARLIER:
            message = f"The conversation is longer than {MAX_EARLIER} responses."
            raise bad_request(message, code="invalid_value", param="previous_response_id")
        fault = stored.unknown("response", missing, "previous_response_id")
        fault.code = "previous_response_not_found"
        raise fault
    for answer in found:
        if answer.body["status"] in background.OPEN:
            message = f"The response '{answer.id}' is still being made; go on from it when it is over."
            raise bad_request(message, code="invalid_value", param="previous_response_id")
    return [item for answer in found for item in (*answer.input, *answer.body["output"])]


@contextmanager
def _named_here() -> Iterator[None]:
    try:
        yield
    except ApiError as fault:
        if fault.param:
            here = _renamed(fault.param)
            fault.message, fault.param = fault.message.replace(fault.param, here), here
        raise


def _renamed(param: str) -> str:
    for there, here in _CHAT_PARAMS:
        param = param.replace(there, here)
    return param


def _begun(body: ResponseRequest) -> ResponseObject:
    """The response before anything is said."""
    choice = body.tool_choice or "auto"
    shape = body.text.format if body.text and body.text.format else None
    return ResponseObject(
        id=new_id("resp_"),
        created_at=int(time.time()),
        instructions=body.instructions,
        max_output_tokens=body.max_output_tokens,
        max_tool_calls=body.max_tool_calls,
        metadata=body.metadata or {},
        model=body.model,
        parallel_tool_calls=body.parallel_tool_calls is not False,
        previous_response_id=body.previous_response_id,
        prompt_cache_key=body.prompt_cache_key,
        safety_identifier=body.safety_identifier,
        store=bool(body.store),
        background=bool(body.background),
        status="queued" if body.background else "in_progress",
        temperature=1.0 if body.temperature is None else body.temperature,
        text={"format": shape.model_dump(by_alias=True) if shape else {"type": "text"}},
        tool_choice=choice if isinstance(choice, str) else choice.model_dump(),
        truncation=body.truncation or "disabled",
        tools=[
            {**tool.model_dump(include={"type", "name", "description", "parameters"}), "strict": bool(tool.strict)}
            for tool in body.tools or []
        ],
        top_logprobs=body.top_logprobs or 0,
        top_p=1.0 if body.top_p is None else body.top_p,
        user=body.user,
    )
