"""POST /v1/completions: a text goes on, with no conversation around it. Plain and as server-sent events."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field

from honekit.api.batcher import Answers, Worker
from honekit.api.errors import bad_request
from honekit.api.openai import answering
from honekit.api.openai.chat_schema import Body, LogitBias, Penalty, StopString, StreamOptions, Text, Unsupported, Usage
from honekit.api.openai.choices import ChoiceWriter
from honekit.api.openai.raw import Texts, check_tokens, listed, token_ids
from honekit.api.openai.stored import owner_of
from honekit.api.openai.token_list import TokenList, TokenListWriter
from honekit.api.routes import JsonRoute

router = APIRouter(prefix="/v1", tags=["completions"], route_class=JsonRoute)

DEFAULT_MAX_TOKENS = 16
MAX_CHOICES = 256
"""Prompts times `n`."""


class CompletionRequest(Body):
    """Texts to go on with."""

    model: Text
    prompt: Texts | None
    """Null and the empty text stand for the beginning of a document."""
    max_tokens: Annotated[int, Field(ge=0)] | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = 1.0
    top_p: Annotated[float, Field(ge=0, le=1)] | None = 1.0
    n: Annotated[int, Field(ge=1, le=128)] | None = 1
    best_of: Annotated[int, Field(ge=0, le=20)] | None = None
    seed: Annotated[int, Field(ge=-(2**63), le=2**63 - 1)] | None = None
    stop: StopString | Annotated[list[StopString], Field(min_length=1, max_length=4)] | None = None
    stream: bool | None = False
    stream_options: StreamOptions | None = None
    echo: bool | None = False
    logprobs: Annotated[int, Field(ge=0, le=5)] | None = None
    frequency_penalty: Penalty | None = 0.0
    presence_penalty: Penalty | None = 0.0
    logit_bias: LogitBias | None = None
    user: str | None = None
    suffix: Unsupported = None
    """The models here only go forward."""


class CompletionChoice(BaseModel):
    text: str
    index: int
    logprobs: TokenList | None
    finish_reason: Literal["stop", "length"]


class Completion(BaseModel):
    id: str
    object: Literal["text_completion"] = "text_completion"
    created: int
    model: str
    system_fingerprint: str
    choices: list[CompletionChoice]
    usage: Usage


@dataclass
class _Choice:
    """One text as it goes on: its prompt first, where that is echoed."""

    writer: ChoiceWriter
    tokens: TokenListWriter | None
    echoed: str
    """What is still to be said before the answer."""

    def take(self, token: Any) -> tuple[str, TokenList | None]:
        """The text and the tokens that this one makes certain."""
        text, certain = self.writer.take(token)
        text, self.echoed = self.echoed + text, ""
        return text, self.tokens.take(certain) if self.tokens else None


@dataclass
class _Run:
    """One request on its way through a model."""

    body: CompletionRequest
    answers: Answers
    choices: list[_Choice]
    prompt_tokens: int
    head: dict[str, Any]

    def usage(self) -> Usage:
        made = sum(choice.writer.tokens for choice in self.choices)
        return Usage(prompt_tokens=self.prompt_tokens, completion_tokens=made, total_tokens=self.prompt_tokens + made)


@router.post(
    "/completions",
    response_model=Completion,
    responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}},
)
async def create_completion(body: CompletionRequest, request: Request) -> Response:
    """Go on with a text."""
    if body.stream_options is not None and not body.stream:
        raise bad_request("'stream_options' needs 'stream': true.", code="invalid_value", param="stream_options")
    if body.best_of is not None and body.best_of != (body.n or 1):
        raise bad_request("'best_of': only the value of 'n' is supported.", code="unsupported_value", param="best_of")
    if len(listed(body.prompt or "")) * (body.n or 1) > MAX_CHOICES:
        raise bad_request(f"The prompts times 'n' may be {MAX_CHOICES} at most.", code="invalid_value", param="prompt")
    with ExitStack() as held:
        model, worker = await answering.leased(request, held, body.model)
        starting = _start(body, model, worker, owner_of(request))
        return await answering.respond(request, held, starting, _whole, _events if body.stream else None)


async def _start(body: CompletionRequest, model: str, worker: Worker, owner: str) -> _Run:
    """Wait for the model, turn the prompts into tokens, and queue the choices for the project `owner`."""
    from honekit.chat.plain_text import document_start
    from honekit.inference.requests import Request as Generation

    engine = await answering.loaded(worker, model)
    tokenizer = engine.template.tokenizer
    given, each = listed(body.prompt or ""), body.n or 1
    prompts = [ids or document_start(engine.template) for ids in await asyncio.to_thread(token_ids, given, tokenizer)]
    wanted = DEFAULT_MAX_TOKENS if body.max_tokens is None else body.max_tokens
    # A length that nobody asked for makes way for the prompt.
    check_tokens(prompts, engine, "prompt", answer_tokens=wanted if body.max_tokens is not None else 1)
    generations, choices = [], []
    for text, ids in zip(given, prompts, strict=True):
        shown = text if isinstance(text, str) else tokenizer.decode(ids, skip_special_tokens=False)
        limit = min(wanted, engine.context_tokens - len(ids))
        scored = await _scored(worker, ids, body.logprobs or 0) if body.echo and body.logprobs is not None else None
        for number in range(each):
            writer = ChoiceWriter(tokenizer, engine.stop_ids, body.logprobs is not None)
            tokens = TokenListWriter(tokenizer, body.logprobs) if body.logprobs is not None else None
            if tokens and scored is not None:
                tokens.prompt(ids, scored)
            choices.append(_Choice(writer, tokens, shown if body.echo else ""))
            if limit:
                sampling = answering.sampling(body, number, limit, body.logprobs or 0, engine.vocabulary)
                generations.append(Generation(ids, sampling, scope=owner))
    answers = answering.submit(worker, generations)
    head = {
        "id": "cmpl-" + secrets.token_hex(12),
        "created": int(time.time()),
        "model": model,
        "system_fingerprint": f"fp_{engine.fingerprint}",
    }
    return _Run(body, answers, choices, sum(map(len, prompts)), head)


async def _scored(worker: Worker, ids: list[int], top: int) -> list[Any]:
    def work(engine: Any) -> list[Any]:
        return list(engine.score(ids, top))

    return await answering.called(worker, work)


async def _whole(run: _Run) -> Response:
    said: list[list[str]] = [[] for _ in run.choices]
    async for index, token in answering.tokens(run.answers):
        said[index].append(run.choices[index].take(token)[0])
    choices = [
        CompletionChoice(
            text=choice.echoed + "".join(said[index]),
            index=index,
            logprobs=choice.tokens.whole if choice.tokens else None,
            finish_reason="stop" if choice.writer.finish_reason == "stop" else "length",
        )
        for index, choice in enumerate(run.choices)
    ]
    return JSONResponse(Completion(**run.head, choices=choices, usage=run.usage()).model_dump())


async def _events(run: _Run) -> AsyncIterator[str]:
    options = run.body.stream_options
    with_usage = bool(options and options.include_usage)

    def event(choices: list[dict[str, Any]], usage: dict[str, Any] | None = None) -> str:
        chunk: dict[str, Any] = {**run.head, "object": "text_completion", "choices": choices}
        if with_usage:
            chunk["usage"] = usage
        return answering.event(chunk)

    def piece(index: int, text: str, tokens: TokenList | None, reason: str | None) -> dict[str, Any]:
        return {"text": text, "index": index, "logprobs": tokens.model_dump() if tokens else None, "finish_reason": reason}

    if not run.answers.requests:
        for index, choice in enumerate(run.choices):
            yield event([piece(index, choice.echoed, choice.tokens.whole if choice.tokens else None, "length")])
    async for index, token in answering.tokens(run.answers):
        text, tokens = run.choices[index].take(token)
        if text or token.finish_reason is not None or (tokens and tokens.tokens):
            yield event([piece(index, text, tokens, token.finish_reason)])
    if with_usage:
        yield event([], run.usage().model_dump())
    yield answering.DONE
