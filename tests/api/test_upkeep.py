"""A server does now and then what a killed process or another one left undone."""

from __future__ import annotations

import asyncio

import pytest

from honekit import registry
from honekit.api import upkeep
from honekit.api.engines import Engines
from honekit.errors import StoreError
from honekit.store import files


def test_each_round_looks_at_what_ended_since_the_one_before(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[float] = []
    left_over: list[None] = []
    forgotten: list[None] = []
    monkeypatch.setattr(upkeep, "EVERY_S", 0.01)
    monkeypatch.setattr(registry, "remove_left_over", lambda: left_over.append(None))
    monkeypatch.setattr(files, "drop_left_over", asked.append)
    monkeypatch.setattr(Engines, "forget_removed", lambda _self: forgotten.append(None))

    async def scene() -> None:
        task = asyncio.create_task(upkeep.upkeep(Engines(device="cpu")))
        while len(asked) < 3:
            assert not task.done()
            await asyncio.sleep(0.01)
        task.cancel()

    asyncio.run(scene())
    assert len(left_over) == 1
    assert len(forgotten) >= 2
    assert asked[0] == 0.0 < asked[1] < asked[2]


def test_a_database_that_is_away_for_a_moment_does_not_end_it(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[float] = []

    def fail(since: float = 0.0) -> None:
        asked.append(since)
        raise StoreError("store.unusable", what="away")

    monkeypatch.setattr(upkeep, "EVERY_S", 0.01)
    monkeypatch.setattr(registry, "remove_left_over", fail)
    monkeypatch.setattr(files, "drop_left_over", fail)

    async def scene() -> None:
        task = asyncio.create_task(upkeep.upkeep(Engines(device="cpu")))
        while len(asked) < 4:
            assert not task.done()
            await asyncio.sleep(0.01)
        task.cancel()

    asyncio.run(scene())
    assert set(asked) == {0.0}  # so that nothing is passed over
