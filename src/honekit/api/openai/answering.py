"""What all generating endpoints share: a leased model, answers that stop when the client goes, server-sent events."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

from fastapi import Request
from fastapi.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from honekit.api.batcher import Answers, EngineFailed, LoadedEngine, QueueFull, ServingEngine, Worker
from honekit.api.engines import AllBusy, Engines
from honekit.api.errors import NO_RETRY, ApiError, bad_request, log, server_error
from honekit.api.middleware import CLIENT_GONE
from honekit.api.openai.models import find_for, no_model, only_embeds
from honekit.errors import HoneError

if TYPE_CHECKING:
    from honekit.inference.requests import Request as Generation
    from honekit.inference.requests import Token
    from honekit.inference.sampling import SamplingParams

KEEP_ALIVE_S = 10.0
"""A stream waits this long for its first token before it begins, so that a fault until then is a plain HTTP error."""
GREEDY_BELOW = 1e-4
"""Lower temperatures overflow the logits; they all mean the likeliest token."""


class SamplingBody(Protocol):
    """What the bodies of all generating endpoints say about sampling."""

    temperature: float | None
    top_p: float | None
    seed: int | None
    presence_penalty: float | None
    frequency_penalty: float | None
    logit_bias: dict[str, float] | None
    stop: str | list[str] | None


class Run(Protocol):
    """One request on its way through a model."""

    answers: Answers


AnyRun = TypeVar("AnyRun", bound=Run)
T = TypeVar("T")


async def leased(request: Request, held: ExitStack, name: str) -> tuple[str, Worker]:
    """What answers for a name, and its worker, safe from eviction until `held` closes. Raises ApiError 404, 429."""
    return await leased_for(request.app.state.engines, request.state.api_key.owner, held, name)


async def leased_for(engines: Engines, owner: str, held: ExitStack, name: str) -> tuple[str, Worker]:
    """The same for a project whose request is not at hand."""
    served = await find_for(engines, owner, name)
    await asyncio.to_thread(_import_torch)
    try:
        return served.model, held.enter_context(engines.lease(served))
    except AllBusy as fault:
        raise try_later("All models that may be loaded at once are answering.", 5) from fault


def _import_torch() -> None:
    """When a model is asked: a server that only takes jobs never needs it. In a thread: others are answered meanwhile."""
    import honekit.inference  # noqa: F401


async def respond(
    request: Request,
    held: ExitStack,
    starting: Awaitable[AnyRun],
    whole: Callable[[AnyRun], Awaitable[Response]],
    events: Callable[[AnyRun], AsyncIterator[str]] | None,
) -> Response:
    """The answer of a run, as a stream when `events` is given. `held` closes when it is over or nobody waits for it."""
    start = asyncio.ensure_future(starting)
    held.callback(_abandon, start)
    if events is None:
        return await unless_gone(request, _then(start, whole))
    pieces = _after(start, events)
    first = asyncio.ensure_future(anext(pieces))
    held.callback(first.cancel)
    done, _ = await asyncio.wait([first], timeout=KEEP_ALIVE_S)
    if done:
        first.result()  # raises here what went wrong before the first token
    return _EventStream(_stream(first, pieces, request.state.request_id), held.pop_all())


def following(request: Request, pieces: AsyncIterator[str]) -> Response:
    """A stream of what goes on without the client, too."""
    return _EventStream(_stream(asyncio.ensure_future(anext(pieces)), pieces, request.state.request_id), ExitStack())


async def loaded(worker: Worker, model: str) -> ServingEngine:
    """The engine, once it is there. Raises ApiError 404 and 503, and 400 for a model that only embeds."""
    engine = await loaded_to_embed(worker, model)
    if not engine.writes:
        raise only_embeds(model)
    return cast("ServingEngine", engine)


async def loaded_to_embed(worker: Worker, model: str) -> LoadedEngine:
    """The engine, once it is there. Raises ApiError 503, and 404 for a model that was deleted before it was."""
    try:
        return await worker.engine()
    except HoneError as fault:
        if fault.code == "serve.unknown_model":
            raise no_model(model) from fault
        log.error("the model %s cannot be loaded: %s", model, fault)
        message = f"The model cannot be loaded [{fault.code}]; the server's log says why."
        raise ApiError(503, message, code="model_unavailable", param="model", headers=NO_RETRY) from fault


def submit(worker: Worker, choices: Sequence[Generation]) -> Answers:
    """Queue the choices of a request. Raises ApiError 429."""
    try:
        return worker.submit(choices)
    except QueueFull as fault:
        raise try_later("The queue of this model is full.", 1) from fault


async def called(worker: Worker, work: Callable[[Any], T]) -> T:
    """What `work(engine)` returns, run between two steps. Raises ApiError 429, 500."""
    try:
        return await worker.call(work)
    except QueueFull as fault:
        raise try_later("The queue of this model is full.", 1) from fault
    except EngineFailed as fault:
        raise _engine_failed() from fault


def sampling(body: SamplingBody, choice: int, limit: int, top_logprobs: int, vocabulary: int) -> SamplingParams:
    """How one choice is sampled. Raises ApiError 400 for a bias on a token that the model does not have."""
    from honekit.inference.sampling import SamplingParams

    temperature = 1.0 if body.temperature is None else body.temperature
    top_p = 1.0 if body.top_p is None else body.top_p
    bias = tuple((int(token), value) for token, value in (body.logit_bias or {}).items())
    unknown = next((token for token, _ in bias if token >= vocabulary), None)
    if unknown is not None:
        message = f"'logit_bias' names the token {unknown}; this model has {vocabulary} tokens, from 0 on."
        raise bad_request(message, code="invalid_value", param="logit_bias")
    return SamplingParams(
        max_new_tokens=limit,
        temperature=0.0 if temperature < GREEDY_BELOW or top_p == 0 else temperature,
        top_p=top_p or 1.0,
        seed=_seed(body.seed, choice),
        stop=(body.stop,) if isinstance(body.stop, str) else tuple(body.stop or ()),
        top_logprobs=top_logprobs,
        presence_penalty=body.presence_penalty or 0.0,
        frequency_penalty=body.frequency_penalty or 0.0,
        logit_bias=bias,
    )


async def tokens(answers: Answers, held_by: str | None = None) -> AsyncIterator[tuple[int, Token]]:
    """(choice, token) as they come.

    Raises ApiError 500 when the engine fails, 400 when an answer takes more work to be held to its schema, which stands in
    the parameter `held_by`, than it may.
    """
    try:
        async for choice, token in answers:
            if token.finish_reason == "error":
                message = "Holding the answer to this schema takes more work than it may; simplify the schema."
                raise bad_request(message, code="schema_too_complex", param=held_by)
            yield choice, token
    except EngineFailed as fault:
        raise _engine_failed() from fault


def event(content: dict[str, Any], name: str | None = None) -> str:
    """One server-sent event."""
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {json.dumps(content, ensure_ascii=False, separators=(',', ':'))}\n\n"


DONE = "data: [DONE]\n\n"


def try_later(message: str, seconds: int) -> ApiError:
    return ApiError(429, message + " Try again later.", code="rate_limit_exceeded", headers={"retry-after": str(seconds)})


def _engine_failed() -> ApiError:
    return ApiError(500, "The model failed to answer; the server's log says why.", code="engine_failed")


async def unless_gone(request: Request, answer: Awaitable[Response]) -> Response:
    """The answer, or nothing for a client that has gone: what it asked for is dropped then."""

    async def gone() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass

    work, departure = asyncio.ensure_future(answer), asyncio.ensure_future(gone())
    try:
        await asyncio.wait([work, departure], return_when=asyncio.FIRST_COMPLETED)
        return work.result() if work.done() else Response(status_code=CLIENT_GONE)
    finally:
        work.cancel()
        departure.cancel()


class _EventStream(StreamingResponse):
    """Lets the model go when the answer is over, or was never begun because the client had gone."""

    media_type = "text/event-stream"

    def __init__(self, events: AsyncIterator[str], held: ExitStack) -> None:
        super().__init__(events, headers={"cache-control": "no-cache", "x-accel-buffering": "no"})
        self._held = held

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._held:
            await super().__call__(scope, receive, send)


async def _then(start: asyncio.Future[AnyRun], whole: Callable[[AnyRun], Awaitable[Response]]) -> Response:
    return await whole(await start)


async def _after(start: asyncio.Future[AnyRun], events: Callable[[AnyRun], AsyncIterator[str]]) -> AsyncIterator[str]:
    async for piece in events(await start):
        yield piece


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


def _abandon(start: asyncio.Future[Any]) -> None:
    """Drop what still runs, whether it was queued yet or not."""
    if not start.done():
        start.cancel()
    elif not start.cancelled() and start.exception() is None:
        start.result().answers.close()


def _seed(seed: int | None, choice: int) -> int | None:
    """Each choice its own random stream: with one seed for all, all would be equal."""
    if seed is None:
        return None
    return (seed + choice + 2**63) % 2**64 - 2**63
