"""The models that are loaded: lazily, at most so many, the least recently used one making room."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from honekit.api.batcher import Worker
from honekit.api.served import Served, list_served, resolve
from honekit.errors import ModelError

MAX_LOADED = 3
STOP_TIMEOUT_S = 10.0


class AllBusy(Exception):
    """As many models as may be loaded are loaded, and each is answering."""


@dataclass
class _Loaded:
    worker: Worker
    leases: int = 0
    is_forgotten: bool = False
    """Ends with its last lease."""


class Engines:
    """Workers by what they load. All methods are for one event loop."""

    def __init__(
        self,
        *,
        device: str = "auto",
        precision: str = "auto",
        max_loaded: int = MAX_LOADED,
        extra_bases: Mapping[str, str] | None = None,
    ) -> None:
        """`extra_bases`: names of further bases and what to load for them (a directory, a Hub id)."""
        self.device, self.precision, self.max_loaded = device, precision, max_loaded
        self.extra_bases = dict(extra_bases or {})
        self._loaded: OrderedDict[tuple[str, str, str], _Loaded] = OrderedDict()

    async def resolve(self, name: str, owner: str) -> Served:
        """What stands behind a name for a project now, so that a promotion takes effect without a restart."""
        return await asyncio.to_thread(resolve, name, self.extra_bases, owner)

    async def list(self, owner: str) -> list[Served]:
        return await asyncio.to_thread(list_served, self.extra_bases, owner)

    def forget(self, adapters: Sequence[Path]) -> None:
        """Let deleted adapters go from memory, once they have answered what they are answering."""
        gone = {str(path) for path in adapters}
        for key in [key for key in self._loaded if key[1] in gone]:
            loaded = self._loaded.pop(key)
            loaded.is_forgotten = True
            if not loaded.leases:
                loaded.worker.stop()

    def forget_removed(self) -> None:
        """Let go what a command or another server has deleted."""
        adapters = [Path(adapter) for _, adapter, _ in self._loaded if adapter]
        self.forget([adapter for adapter in adapters if not adapter.exists()])

    @contextmanager
    def lease(self, served: Served) -> Iterator[Worker]:
        """The worker of a model, safe from eviction inside the block. Raises AllBusy."""
        loaded = self._loaded.get(served.key)
        if loaded is None or loaded.worker.failed:
            loaded = self._start(served)
        self._loaded.move_to_end(served.key)
        loaded.leases += 1
        try:
            yield loaded.worker
        finally:
            loaded.leases -= 1
            if loaded.is_forgotten and not loaded.leases:
                loaded.worker.stop()

    async def close(self) -> None:
        """Stop all workers, and wait a little: a thread inside torch at the interpreter's end can crash it."""
        workers = [loaded.worker for loaded in self._loaded.values()]
        self._loaded.clear()
        for worker in workers:
            worker.stop()
        for worker in workers:
            await asyncio.to_thread(worker.join, STOP_TIMEOUT_S)

    def _start(self, served: Served) -> _Loaded:
        from honekit.inference.encoder import Encoder, load_encoder
        from honekit.inference.engine import Engine, load_engine
        from honekit.models import bases

        self._loaded.pop(served.key, None)
        leaving: list[Worker] = []
        while len(self._loaded) >= self.max_loaded:
            key = next((key for key, loaded in self._loaded.items() if not loaded.leases), None)
            if key is None:
                raise AllBusy
            leaving.append(self._loaded.pop(key).worker)
            leaving[-1].stop()

        def load() -> Engine | Encoder:
            while leaving:  # first the memory of the old, then the new
                leaving.pop().join()
            try:
                return load_engine(served.base_ref, served.adapter, device=self.device, precision=self.precision)
            except Exception as fault:
                if isinstance(fault, ModelError) and fault.code == "model.encoder":
                    return load_encoder(bases.resolve_base(served.base_ref), self.device)
                if served.adapter:  # was its model deleted meanwhile?
                    resolve(served.model, self.extra_bases)
                raise

        self._loaded[served.key] = _Loaded(Worker(load))
        return self._loaded[served.key]
