"""Which models are loaded when; loading itself is under the test's control, see conftest."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from honekit.api.batcher import EngineFailed
from honekit.api.engines import AllBusy, Engines
from honekit.api.served import Served
from honekit.inference.requests import Request
from honekit.inference.sampling import SamplingParams


def served(name: str, fingerprint: str = "") -> Served:
    return Served(name, name, name, None, fingerprint, 0, "base")


@pytest.fixture
def loaded(controlled: Any, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names in the order in which they were loaded."""
    names: list[str] = []

    def load(base: str, _adapter: Path | None, **_options: Any) -> Any:
        names.append(base)
        return dataclasses.replace(controlled, sessions=[])

    monkeypatch.setattr("honekit.inference.engine.load_engine", load)
    return names


def run(body: Callable[[Engines], Awaitable[None]], max_loaded: int = 2) -> None:
    async def scene() -> None:
        engines = Engines(max_loaded=max_loaded)
        try:
            await body(engines)
        finally:
            await engines.close()

    asyncio.run(scene())


async def use(engines: Engines, model: Served) -> None:
    with engines.lease(model) as worker:
        await worker.engine()


def test_the_least_recently_used_model_makes_room(loaded: list[str]) -> None:
    async def scene(engines: Engines) -> None:
        for name in ("a", "b", "a", "c", "a", "b"):
            await use(engines, served(name))

    run(scene)
    assert loaded == ["a", "b", "c", "b"]


def test_an_alias_and_its_version_share_an_engine_and_new_weights_do_not(loaded: list[str]) -> None:
    async def scene(engines: Engines) -> None:
        version = Served("ft:x", "ft:x", "base", Path("/adapter"), "f1", 0, "local")
        await use(engines, version)
        await use(engines, dataclasses.replace(version, name="x@production"))
        await use(engines, dataclasses.replace(version, fingerprint="f2"))

    run(scene)
    assert loaded == ["base", "base"]


def test_a_leased_model_stays(loaded: list[str]) -> None:
    async def scene(engines: Engines) -> None:
        with engines.lease(served("a")) as worker:
            await worker.engine()
            with pytest.raises(AllBusy), engines.lease(served("b")):
                pass
        await use(engines, served("b"))

    run(scene, max_loaded=1)
    assert loaded == ["a", "b"]


def test_a_forgotten_model_ends_its_answer_and_then_goes(loaded: list[str], controlled: Any) -> None:
    tuned = Served("ft:x", "ft:x", "base", Path("/adapter"), "f1", 0, "local")

    async def scene(engines: Engines) -> None:
        with engines.lease(tuned) as worker:
            await worker.engine()
            answers = worker.submit([Request([1], SamplingParams(5))])
            engines.forget([Path("/adapter")])
            controlled.go.set()
            assert [token.text async for _, token in answers] == ["a"] * 5
        await asyncio.to_thread(worker.join, 10)
        assert not worker._thread.is_alive()
        await use(engines, tuned)

    run(scene)
    assert loaded == ["base", "base"]


def test_a_model_that_was_deleted_elsewhere_is_let_go(loaded: list[str], tmp_path: Path) -> None:
    async def scene(engines: Engines) -> None:
        here = dataclasses.replace(served("a"), adapter=tmp_path)
        gone = dataclasses.replace(served("a"), adapter=tmp_path / "gone")
        for one in (here, gone, served("b")):
            await use(engines, one)
        engines.forget_removed()
        assert len(loaded) == 3
        for one in (here, served("b"), gone):
            await use(engines, one)

    run(scene, max_loaded=3)
    assert len(loaded) == 4


def test_what_runs_when_a_model_is_stopped_fails_and_does_not_hang(loaded: list[str], controlled: Any) -> None:
    async def scene(engines: Engines) -> None:
        with engines.lease(served("a")) as worker:
            await worker.engine()
            answers = worker.submit([Request([1], SamplingParams(1000))])
            controlled.go.set()
            await anext(aiter(answers))
            worker.stop()
            with pytest.raises(EngineFailed):
                async for _ in answers:
                    pass

    run(scene)
