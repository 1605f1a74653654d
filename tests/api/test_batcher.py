"""The thread that owns an engine; the engine here is under the test's control, see conftest."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from honekit.api.batcher import EngineFailed, QueueFull, Worker
from honekit.errors import ModelError


def request(tokens: int = 3) -> Any:
    from honekit.inference.requests import Request
    from honekit.inference.sampling import SamplingParams

    return Request([1, 2, 3], SamplingParams(tokens))


def run(body: Callable[[Worker], Awaitable[None]], engine: Any, **options: Any) -> None:
    async def scene() -> None:
        worker = Worker(lambda: engine, **options)
        try:
            await worker.engine()
            await asyncio.wait_for(body(worker), 10)
        finally:
            engine.go.set()
            worker.stop()
            await asyncio.to_thread(worker.join, 10)

    asyncio.run(scene())


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.005)


def test_each_choice_gets_its_tokens_and_its_end(controlled: Any) -> None:
    async def scene(worker: Worker) -> None:
        controlled.go.set()
        answers = worker.submit([request(2), request(4)])
        tokens = [item async for item in answers]
        assert [choice for choice, _ in tokens].count(0) == 2
        assert [choice for choice, _ in tokens].count(1) == 4
        assert sum(token.finish_reason == "length" for _, token in tokens) == 2
        answers.close()

    run(scene, controlled)


def test_requests_that_come_later_join_the_running_batch(controlled: Any) -> None:
    async def scene(worker: Worker) -> None:
        first = worker.submit([request(400)])
        await until(lambda: bool(controlled.sessions) and controlled.sessions[0].busy)
        second = worker.submit([request(2)])
        controlled.go.set()
        assert len([item async for item in second]) == 2
        assert len([item async for item in first]) == 400
        assert controlled.sessions[0].most_at_once == 2

    run(scene, controlled)


def test_a_client_that_goes_frees_its_place(controlled: Any) -> None:
    async def scene(worker: Worker) -> None:
        answers = worker.submit([request(10**9)])
        await until(lambda: controlled.sessions[0].busy)
        with pytest.raises(QueueFull):
            worker.submit([request()])
        answers.close()
        answers.close()
        controlled.go.set()
        await until(lambda: len(controlled.sessions[0].cancelled) == 1)
        again = worker.submit([request(2)])
        assert len([item async for item in again]) == 2

    run(scene, controlled, limit=1)


def test_an_idle_model_takes_more_choices_than_the_limit_a_busy_one_does_not(controlled: Any) -> None:
    async def scene(worker: Worker) -> None:
        controlled.go.set()
        answers = worker.submit([request(1)] * 5)
        with pytest.raises(QueueFull):
            worker.submit([request()])
        assert len([item async for item in answers]) == 5
        answers.close()
        worker.submit([request()]).close()

    run(scene, controlled, limit=2)


def test_a_step_that_fails_loses_its_answers_not_the_model(controlled: Any) -> None:
    async def scene(worker: Worker) -> None:
        controlled.sessions[0].fails = True
        answers = worker.submit([request(), request()])
        controlled.go.set()
        with pytest.raises(EngineFailed):
            [item async for item in answers]
        answers.close()
        assert len([item async for item in worker.submit([request(2)])]) == 2
        assert len(controlled.sessions) == 2

    run(scene, controlled)


def test_what_loading_raised_reaches_everyone_who_waits() -> None:
    def load() -> Any:
        raise ModelError("model.unloadable", what="broken")

    async def scene() -> None:
        worker = Worker(load)
        outcomes = await asyncio.gather(worker.engine(), worker.engine(), return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [ModelError, ModelError]
        assert worker.failed

    asyncio.run(scene())


def test_waiting_for_the_model_can_be_given_up_alone(controlled: Any) -> None:
    async def scene() -> None:
        worker = Worker(lambda: controlled.go.wait(10) and controlled)
        impatient = asyncio.ensure_future(worker.engine())
        await asyncio.sleep(0)
        impatient.cancel()
        patient = asyncio.ensure_future(worker.engine())
        controlled.go.set()
        assert await patient is controlled
        worker.stop()

    asyncio.run(scene())


def test_other_work_runs_between_two_steps_and_its_failure_is_its_own(controlled: Any) -> None:
    async def scene(worker: Worker) -> None:
        controlled.go.set()
        answers = worker.submit([request(50)])
        assert await worker.call(lambda engine: engine.fingerprint) == "controlled"
        with pytest.raises(EngineFailed):
            await worker.call(lambda engine: 1 // 0)
        assert len([item async for item in answers]) == 50
        answers.close()

    run(scene, controlled)


def test_other_work_counts_towards_the_limit(controlled: Any) -> None:
    async def scene(worker: Worker) -> None:
        answers = worker.submit([request()])
        with pytest.raises(QueueFull):
            await worker.call(lambda engine: None)
        answers.close()
        controlled.go.set()
        await worker.call(lambda engine: None)

    run(scene, controlled, limit=1)
