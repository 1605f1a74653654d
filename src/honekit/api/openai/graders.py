"""POST /v1/fine_tuning/alpha/graders/run and /validate.

A fault of grading is an answer with a flag set. A grader that could never grade (malformed, of an unknown model, or in
Python where that is not allowed) is an error of the request.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict
from functools import partial
from typing import Any, TypeVar

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from pydantic import ValidationError

from honekit.api.errors import ApiError, bad_request, log
from honekit.api.openai.chat import create_chat_completion
from honekit.api.openai.chat_schema import ChatCompletionRequest
from honekit.api.openai.embeddings import EmbeddingRequest, create_embeddings
from honekit.api.openai.graders_schema import (
    GraderErrors,
    RunGraderRequest,
    RunGraderResponse,
    RunMetadata,
    Usage,
    ValidateGraderRequest,
    ValidateGraderResponse,
)
from honekit.api.openai.models import find_writer
from honekit.api.openai.shapes import SCHEMA_PARAM
from honekit.api.routes import JsonRoute
from honekit.api.served import Served, first_base
from honekit.errors import GraderError
from honekit.graders import elsewhere, sandbox
from honekit.graders.judges import Answer, AskFailed, completion_answer, completion_request
from honekit.graders.run import Means, Outcome, run_grader
from honekit.graders.schema import (
    Grader,
    LabelModelGrader,
    PythonGrader,
    SamplingParams,
    ScoreModelGrader,
    placed_graders,
)

router = APIRouter(prefix="/v1/fine_tuning/alpha/graders", tags=["graders"], route_class=JsonRoute)

MAX_RUNNING = 4
"""Graders that run at once; a Python grader may take a processor for two minutes."""
MAX_WAITING = 32
T = TypeVar("T")


class _Slots:
    """How many graders run and wait, on one event loop."""

    def __init__(self) -> None:
        self.running, self.waiting = asyncio.Semaphore(MAX_RUNNING), 0


@router.post("/run")
async def run(body: RunGraderRequest, request: Request) -> RunGraderResponse:
    """Grade one sample."""
    await check_grader(body.grader, request, "grader")
    loop = asyncio.get_running_loop()

    def ask(model: str, messages: list[dict[str, str]], sampling: SamplingParams, labels: Sequence[str]) -> Answer:
        if elsewhere.is_elsewhere(model):
            return elsewhere.ask(model, messages, sampling, labels)
        return asyncio.run_coroutine_threadsafe(_ask(request, model, messages, sampling, labels), loop).result()

    def embed(texts: Sequence[str]) -> list[list[float]]:
        return asyncio.run_coroutine_threadsafe(_embed(request, texts), loop).result()

    async with _slot(request):
        grade = partial(run_grader, body.grader, body.item or {}, body.model_sample, Means(ask=ask, embed=embed))
        outcome = await _in_thread(partial(_refusing, grade))
    return _response(body.grader, outcome)


@router.post("/validate", response_model=ValidateGraderResponse)
async def validate(body: ValidateGraderRequest, request: Request) -> Response:
    """Whether a grader could grade here; it comes back as it was given."""
    await check_grader(body.grader, request, "grader")
    await check_sources(body.grader, request, "grader")
    return JSONResponse({"grader": body.grader.model_dump(exclude_unset=True)})


async def check_grader(grader: Grader, request: Request, place: str) -> dict[str, Served]:
    """The models of this server that a grader asks, by the names that it has for them; `place` is where it stands in the
    request. Those that are asked elsewhere are left out.

    Raises: ApiError 404 for a model that is not served, 400 for one that only embeds, 403 for Python where it is refused.
    """
    asked: dict[str, Served] = {}
    for path, part in placed_graders(grader, place):
        if isinstance(part, ScoreModelGrader | LabelModelGrader):
            if elsewhere.is_elsewhere(part.model):
                continue
            try:
                asked[part.model] = await find_writer(request, part.model)
            except ApiError as fault:
                fault.param = f"{path}.model"
                raise
        elif isinstance(part, PythonGrader):
            await _in_thread(partial(_refusing, sandbox.require, place))
    return asked


async def check_sources(grader: Grader, request: Request, place: str) -> None:
    """Raises: ApiError 400 for a Python grader that does not compile, or has no `grade`."""
    for path, part in placed_graders(grader, place):
        if isinstance(part, PythonGrader):
            check = partial(sandbox.check_source, part.source)
            async with _slot(request):
                fault = await _in_thread(partial(_refusing, check, place))
            if fault is not None:
                message = f"This is no Python grader: {fault}"
                raise bad_request(message, code="invalid_value", param=f"{path}.source")


def _refusing(work: Callable[[], T], place: str = "grader") -> T:
    """The work's result, or ApiError 403 where Python graders are refused. What the probe found is for the log alone."""
    try:
        return work()
    except GraderError as fault:
        code = fault.code.removeprefix("graders.")
        if code == "no_isolation":
            log.error("%s", fault)
            message = "Python graders cannot be isolated on this server, so they are refused; its log says why."
        else:
            message = f"{fault.what}; {fault.mend}."
        raise ApiError(403, message, code=code, param=place) from fault


def _chat_request(asked: dict[str, Any]) -> ChatCompletionRequest:
    try:
        return ChatCompletionRequest.model_validate(asked)
    except ValidationError as fault:
        wrong = fault.errors()[0]["msg"]
    # Not raised from pydantic's error: that keeps a validator's own, and so all frames, where no collection of garbage looks.
    raise AskFailed(f"the messages cannot be sent to a model: {wrong}")


async def _ask(
    request: Request, model: str, messages: list[dict[str, str]], sampling: SamplingParams, labels: Sequence[str]
) -> Answer:
    """A grading model's answer, as the chat endpoint gives it to the same key. Raises: AskFailed."""
    body = _chat_request(completion_request(model, messages, sampling, labels))
    try:
        response = await create_chat_completion(body, request)
    except ApiError as fault:
        if (fault.code, fault.param) == ("unsupported_value", SCHEMA_PARAM):  # its tokenizer cannot be held to anything
            return await _ask(request, model, messages, sampling, ())
        raise AskFailed(fault.message) from fault
    if response.status_code != 200:
        raise AskFailed("the client has gone")
    return completion_answer(json.loads(bytes(response.body)))


async def _embed(request: Request, texts: Sequence[str]) -> list[list[float]]:
    """Embeddings by the first base that the server has, as the embeddings endpoint gives them. Raises: AskFailed."""
    model = await asyncio.to_thread(first_base, request.app.state.engines.extra_bases)
    if model is None:
        raise AskFailed("this server has no base model")
    try:
        response = await create_embeddings(EmbeddingRequest(model=model, input=list(texts)), request)
    except ApiError as fault:
        raise AskFailed(fault.message) from fault
    if response.status_code != 200:
        raise AskFailed("the client has gone")
    return [one["embedding"] for one in json.loads(bytes(response.body))["data"]]


@asynccontextmanager
async def _slot(request: Request) -> AsyncIterator[None]:
    """Waits until a grader may run. Raises: ApiError 429."""
    state = request.app.state
    slots: _Slots = getattr(state, "grader_slots", None) or _Slots()
    state.grader_slots = slots
    if slots.running.locked() and slots.waiting >= MAX_WAITING:
        message = "Too many graders are waiting. Try again later."
        raise ApiError(429, message, code="rate_limit_exceeded", headers={"retry-after": "5"})
    slots.waiting += 1
    try:
        await slots.running.acquire()
    finally:
        slots.waiting -= 1
    try:
        yield
    finally:
        slots.running.release()


async def _in_thread(work: Callable[[], T]) -> T:
    """The result of work in a thread of its own that does not hold the server up when it stops: some graders take minutes."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, fault: BaseException | None) -> None:
        if done.cancelled():
            return
        if fault is not None:
            done.set_exception(fault)
        else:
            done.set_result(result)  # type: ignore[arg-type]

    def run_it() -> None:
        result, failed = None, None
        try:
            result = work()
        except BaseException as fault:
            failed = fault
        try:
            loop.call_soon_threadsafe(settle, result, failed)
        except RuntimeError:  # the loop has ended, and with it whoever waited
            return

    threading.Thread(target=run_it, name="hone-grader", daemon=True).start()
    return await done


def _response(grader: Grader, outcome: Outcome) -> RunGraderResponse:
    used = {
        model: Usage(
            prompt_tokens=usage.prompt_tokens, completion_tokens=usage.completion_tokens, total_tokens=usage.total_tokens
        )
        for model, usage in outcome.usage.items()
    }
    return RunGraderResponse(
        reward=outcome.reward,
        metadata=RunMetadata(
            name=grader.name,
            type=grader.type,
            errors=GraderErrors(**asdict(outcome.errors)),
            execution_time=outcome.seconds,
            scores=outcome.sub_rewards,
            token_usage=sum(usage.total_tokens for usage in used.values()) if used else None,
            sampled_model_name=next(iter(used)) if len(used) == 1 else None,
        ),
        sub_rewards=outcome.sub_rewards,
        model_grader_token_usage_per_model=used,
    )
