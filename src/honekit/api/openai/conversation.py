"""A conversation on its way through a model: rendered, checked against the context, queued, and its answers as they grow."""

from __future__ import annotations

import asyncio
import time
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from honekit.api.batcher import Answers, Worker
from honekit.api.errors import ApiError, bad_request
from honekit.api.openai import answering
from honekit.api.openai.calls import CallWriter
from honekit.api.openai.chat_schema import ChatCompletionRequest, JsonSchemaFormat, Usage, as_plain
from honekit.api.openai.choices import ChoiceWriter
from honekit.api.openai.shapes import SCHEMA_PARAM, Shape, shape_of
from honekit.chat.functions import messages_with_tools
from honekit.errors import DataError, HoneError
from honekit.store.background import Told

DEFAULT_MAX_TOKENS = 1024
"""Length of an answer when the request sets none, as far as the context allows."""


@dataclass
class Run:
    """One request on its way through a model."""

    body: ChatCompletionRequest
    model: str
    fingerprint: str
    created: int
    answers: Answers
    writers: list[ChoiceWriter]
    calls: list[CallWriter]
    prompt_tokens: int

    @property
    def held_by(self) -> str:
        """The parameter whose schema holds the answers, where one does."""
        if isinstance(self.body.response_format, JsonSchemaFormat):
            return SCHEMA_PARAM
        return "tools" if self.body.tools else "response_format"

    def usage(self) -> Usage:
        made = sum(writer.tokens for writer in self.writers)
        return Usage(prompt_tokens=self.prompt_tokens, completion_tokens=made, total_tokens=self.prompt_tokens + made)


async def start(
    body: ChatCompletionRequest,
    model: str,
    worker: Worker,
    owner: str,
    *,
    drop_oldest: bool = False,
    told: Told | None = None,
) -> Run:
    """Wait for the model, turn the messages into tokens, and queue the choices for the project `owner`.

    `drop_oldest`: leave out as many messages from the beginning as do not fit into the context, see `_latest`.
    `told`: what the answer begins with.
    Raises: ApiError 400, 429, 503, and 500 for an answer that another model began.
    """
    from honekit.inference.requests import Request as Generation

    engine = await answering.loaded(worker, model)
    if told and told.fingerprint != engine.fingerprint:
        raise ApiError(500, f"The model {model!r} has changed since this answer was begun.", code="model_changed")
    shape = await shape_of(body, engine)
    messages = messages_with_tools([as_plain(message) for message in body.messages])
    room = engine.context_tokens - (_wanted(body) or 1)

    def encode() -> tuple[list[int], int]:
        if drop_oldest:
            return _latest(messages, lambda some: _encode(worker, engine.template, some, shape), room)
        return _encode(worker, engine.template, messages, shape)

    try:
        prompt, shared = await asyncio.to_thread(encode)
    except HoneError as fault:  # a DataError, or the template refuses the order of the roles
        message = f"The messages cannot be rendered for this model: {fault.what}"
        code = "invalid_value" if isinstance(fault, DataError) else "invalid_messages"
        raise bad_request(message, code=code, param="messages") from fault
    limit = _answer_limit(body, len(prompt), engine.context_tokens)
    choices = [
        Generation(
            prompt,
            answering.sampling(body, index, limit, body.top_logprobs or 0, engine.vocabulary),
            shared,
            shape.constraint,
            owner,
            shape.reader,
            told.tokens if told else (),
        )
        for index in range(body.n or 1)
    ]
    answers = answering.submit(worker, choices)
    writers = [ChoiceWriter(engine.template.tokenizer, engine.stop_ids, bool(body.logprobs)) for _ in choices]
    calls = [CallWriter(shape) for _ in choices]
    return Run(body, model, engine.fingerprint, int(time.time()), answers, writers, calls, len(prompt))


def _latest(
    messages: list[dict[str, Any]], encode: Callable[[list[dict[str, Any]]], tuple[list[int], int]], room: int
) -> tuple[list[int], int]:
    """The tokens of as many of the last messages as fit into `room`, from a user's on, and of the system's before them all.

    Of a conversation whose last turn does not fit, that turn's.
    """
    own = next((index for index, message in enumerate(messages) if message["role"] not in ("system", "developer")), 0)
    begins = [own, *(index for index, message in enumerate(messages) if message["role"] == "user" and index > own)]
    encoded: dict[int, tuple[list[int], int]] = {}

    def fits(begin: int) -> bool:
        encoded[begin] = encode(messages[:own] + messages[begin:])
        return len(encoded[begin][0]) <= room

    if fits(begins[0]):
        return encoded[begins[0]]
    return encoded[begins[min(bisect_left(begins, True, lo=1, key=fits), len(begins) - 1)]]


def _encode(worker: Worker, template: Any, messages: list[dict[str, Any]], shape: Shape) -> tuple[list[int], int]:
    with worker.encoding:
        return template.prompt_ids(messages, shape.tools), template.system_prefix_length(messages, shape.tools)


def _wanted(body: ChatCompletionRequest) -> int | None:
    return body.max_completion_tokens or body.max_tokens


def _answer_limit(body: ChatCompletionRequest, prompt_tokens: int, context_tokens: int) -> int:
    wanted = _wanted(body)
    left = context_tokens - prompt_tokens
    if left < (wanted or 1):
        asked = f", and {wanted} for the answer" if wanted else ""
        raise bad_request(
            f"This model's maximum context length is {context_tokens} tokens. However, you asked for {prompt_tokens} tokens in "
            f"the messages{asked}. Shorten the messages or the answer.",
            code="context_length_exceeded",
            param="messages",
        )
    return wanted or min(DEFAULT_MAX_TOKENS, left)
