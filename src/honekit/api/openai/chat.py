"""POST /v1/chat/completions, plain and as server-sent events."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from honekit.api.batcher import Answers, EngineFailed, QueueFull, Worker
from honekit.api.engines import AllBusy, Engines
from honekit.api.errors import NO_RETRY, ApiError, bad_request, log, server_error
from honekit.api.openai.chat_schema import AnswerMessage, ChatCompletion, ChatCompletionRequest, Choice, Logprobs, Usage
from honekit.api.openai.choices import ChoiceWriter
from honekit.api.openai.models import find_model
from honekit.api.routes import JsonRoute
from honekit.errors import DataError, HoneError

router = APIRouter(prefix="/v1", tags=["chat"], route_class=JsonRoute)

DEFAULT_MAX_TOKENS = 1024
"""Length of an answer when the request sets none, as far as the context allows."""
KEEP_ALIVE_S = 10.0
"""A stream waits this long for its first token before it begins, so that a fault until then is a plain HTTP error."""
GREEDY_BELOW = 1e-4
"""Lower temperatures overflow the logits; they all mean the likeliest token."""


@dataclass
class _Run:
    """One request on its way through a model."""

    body: ChatCompletionRequest
    answers: Answers
    writers: list[ChoiceWriter]
    prompt_tokens: int
    head: dict[str, Any]
    """id, created, model and system_fingerprint: the same in every chunk."""

    def usage(self) -> Usage:
        made = sum(writer.tokens for writer in self.writers)
        return Usage(prompt_tokens=self.prompt_tokens, completion_tokens=made, total_tokens=self.prompt_tokens + made)


class _EventStream(StreamingResponse):
    """Lets the model go when the answer is over, or was never begun because the client had gone."""

    media_type = "text/event-stream"

    def __init__(self, events: AsyncIterator[str], held: ExitStack) -> None:
        super().__init__(events, headers={"cache-control": "no-cache", "x-accel-buffering": "no"})
        self._held = held

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._held:
            await super().__call__(scope, receive, send)


@router.post(
    "/chat/completions",
    response_model=ChatCompletion,
    responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}},
)
async def create_chat_completion(body: ChatCompletionRequest, request: Request) -> Response:
    """Answer a conversation."""
    if body.top_logprobs is not None and not body.logprobs:
        raise bad_request("'top_logprobs' needs 'logprobs': true.", code="invalid_value", param="top_logprobs")
    if body.stream_options is not None and not body.stream:
        raise bad_request("'stream_options' needs 'stream': true.", code="invalid_value", param="stream_options")
    served = await find_model(request, body.model)
    engines: Engines = request.app.state.engines
    with ExitStack() as held:
        try:
            worker = held.enter_context(engines.lease(served))
        except AllBusy as fault:
            raise _try_later("All models that may be loaded at once are answering.", 5) from fault
        start = asyncio.ensure_future(_start(body, served.model, worker))
        held.callback(_abandon, start)
        if not body.stream:
            return await _unless_gone(request, _whole(start))
        events = _events(start)
        first = asyncio.ensure_future(anext(events))
        held.callback(first.cancel)
        done, _ = await asyncio.wait([first], timeout=KEEP_ALIVE_S)
        if done:
            first.result()  # raises here what went wrong before the first token
        return _EventStream(_stream(first, events, request.state.request_id), held.pop_all())


async def _start(body: ChatCompletionRequest, model: str, worker: Worker) -> _Run:
    """Wait for the model, turn the messages into tokens, and queue the choices."""
    from honekit.inference.engine import Request as Generation
    from honekit.inference.sampling import SamplingParams

    try:
        engine = await worker.engine()
    except HoneError as fault:
        log.error("the model %s cannot be loaded: %s", model, fault)
        message = f"The model cannot be loaded [{fault.code}]; the server's log says why."
        raise ApiError(503, message, code="model_unavailable", param="model", headers=NO_RETRY) from fault
    messages = [message.model_dump(include={"role", "content", "name"}, exclude_none=True) for message in body.messages]
    try:
        prompt, shared = await asyncio.to_thread(_encode, worker, engine.template, messages)
    except HoneError as fault:  # a DataError, or the template refuses the order of the roles
        message = f"The messages cannot be rendered for this model: {fault.what}"
        code = "invalid_value" if isinstance(fault, DataError) else "invalid_messages"
        raise bad_request(message, code=code, param="messages") from fault
    limit = _answer_limit(body, len(prompt), engine.context_tokens)
    temperature = 1.0 if body.temperature is None else body.temperature
    top_p = 1.0 if body.top_p is None else body.top_p
    greedy = temperature < GREEDY_BELOW or top_p == 0
    stop = (body.stop,) if isinstance(body.stop, str) else tuple(body.stop or ())
    choices = [
        Generation(
            prompt,
            SamplingParams(
                max_new_tokens=limit,
                temperature=0.0 if greedy else temperature,
                top_p=top_p or 1.0,
                seed=_seed(body.seed, index),
                stop=stop,
                top_logprobs=body.top_logprobs or 0,
            ),
            shared,
        )
        for index in range(body.n or 1)
    ]
    try:
        answers = worker.submit(choices)
    except QueueFull as fault:
        raise _try_later("The queue of this model is full.", 1) from fault
    writers = [ChoiceWriter(engine.template.tokenizer, engine.stop_ids, bool(body.logprobs)) for _ in choices]
    head = {
        "id": "chatcmpl-" + secrets.token_hex(12),
        "created": int(time.time()),
        "model": model,
        "system_fingerprint": f"fp_{engine.fingerprint}",
    }
    return _Run(body, answers, writers, len(prompt), head)


def _encode(worker: Worker, template: Any, messages: list[dict[str, Any]]) -> tuple[list[int], int]:
    with worker.encoding:
        return template.prompt_ids(messages), template.system_prefix_length(messages)


def _answer_limit(body: ChatCompletionRequest, prompt_tokens: int, context_tokens: int) -> int:
    wanted = body.max_completion_tokens or body.max_tokens
    left = context_tokens - prompt_tokens
    if left < (wanted or 1):
        asked = f" and {wanted} for the answer" if wanted else ""
        raise bad_request(
            f"This model's context is {context_tokens} tokens; the messages take {prompt_tokens}{asked}.",
            code="context_length_exceeded",
            param="messages",
        )
    return wanted or min(DEFAULT_MAX_TOKENS, left)


def _seed(seed: int | None, choice: int) -> int | None:
    """Each choice its own random stream: with one seed for all, all would be equal."""
    if seed is None:
        return None
    return (seed + choice + 2**63) % 2**64 - 2**63


async def _whole(start: asyncio.Future[_Run]) -> Response:
    run = await start
    try:
        async for choice, token in run.answers:
            run.writers[choice].take(token)
    except EngineFailed as fault:
        raise _engine_failed() from fault
    choices = [
        Choice(
            index=index,
            message=AnswerMessage(content="".join(writer.text)),
            logprobs=Logprobs(content=writer.shown) if writer.with_logprobs else None,
            finish_reason="stop" if writer.finish_reason == "stop" else "length",
        )
        for index, writer in enumerate(run.writers)
    ]
    answer = ChatCompletion(**run.head, choices=choices, usage=run.usage(), metadata=run.body.metadata)
    content = answer.model_dump()
    if answer.metadata is None:
        del content["metadata"]
    return JSONResponse(content)


async def _events(start: asyncio.Future[_Run]) -> AsyncIterator[str]:
    run = await start
    options = run.body.stream_options
    with_usage = bool(options and options.include_usage)

    def event(choices: list[dict[str, Any]], usage: dict[str, Any] | None = None) -> str:
        chunk: dict[str, Any] = {**run.head, "object": "chat.completion.chunk", "choices": choices}
        if with_usage:
            chunk["usage"] = usage
        return f"data: {json.dumps(chunk, ensure_ascii=False, separators=(',', ':'))}\n\n"

    def delta(index: int, content: dict[str, Any], logprobs: Any = None, reason: str | None = None) -> dict[str, Any]:
        return {"index": index, "delta": content, "logprobs": logprobs, "finish_reason": reason}

    begun: set[int] = set()
    try:
        async for index, token in run.answers:
            writer = run.writers[index]
            text, certain = writer.take(token)
            if index not in begun:
                begun.add(index)
                yield event([delta(index, {"role": "assistant", "content": "", "refusal": None})])
            if text or certain:
                shown = Logprobs(content=certain).model_dump() if writer.with_logprobs else None
                yield event([delta(index, {"content": text}, shown)])
            if token.finish_reason is not None:
                yield event([delta(index, {}, reason=writer.finish_reason)])
    except EngineFailed as fault:
        raise _engine_failed() from fault
    if with_usage:
        yield event([], run.usage().model_dump())
    yield "data: [DONE]\n\n"


async def _stream(first: asyncio.Future[str], events: AsyncIterator[str], request_id: str) -> AsyncIterator[str]:
    """The events, with comments while there is nothing to send; the client's going away cancels this."""
    following = first
    try:
        while True:
            done, _ = await asyncio.wait([following], timeout=KEEP_ALIVE_S)
            if not done:
                yield ": still working\n\n"
                continue
            try:
                text = following.result()
            except StopAsyncIteration:
                return
            yield text
            following = asyncio.ensure_future(anext(events))
    except ApiError as fault:
        yield f"data: {json.dumps(fault.body())}\n\n"
    except Exception:
        log.exception("%s failed while streaming", request_id)
        yield f"data: {json.dumps(server_error(request_id).body())}\n\n"
    finally:
        following.cancel()


async def _unless_gone(request: Request, answer: Any) -> Response:
    """The answer, or nothing for a client that has gone: what it asked for is dropped then."""

    async def gone() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass

    work, departure = asyncio.ensure_future(answer), asyncio.ensure_future(gone())
    try:
        await asyncio.wait([work, departure], return_when=asyncio.FIRST_COMPLETED)
        return work.result() if work.done() else Response(status_code=499)
    finally:
        work.cancel()
        departure.cancel()


def _abandon(start: asyncio.Future[_Run]) -> None:
    """Drop what still runs, whether it was queued yet or not."""
    if not start.done():
        start.cancel()
    elif not start.cancelled() and start.exception() is None:
        start.result().answers.close()


def _try_later(message: str, seconds: int) -> ApiError:
    return ApiError(429, message + " Try again later.", code="rate_limit_exceeded", headers={"retry-after": str(seconds)})


def _engine_failed() -> ApiError:
    return ApiError(500, "The model failed to answer; the server's log says why.", code="engine_failed")
