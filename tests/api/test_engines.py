"""Which models are loaded when; loading itself is under the test's control, see conftest."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from honekit.api.engines import AllBusy, Engines
from honekit.api.served import Served


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
