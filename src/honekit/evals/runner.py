"""A server's evaluations: runs are taken up as they come, a few at a time, and those that a killed server left behind."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
from collections.abc import Callable
from contextlib import suppress

from honekit.errors import EvalError, GraderError, HoneError
from honekit.evals import engine
from honekit.evals.endpoint import Endpoint
from honekit.store import eval_items, evals
from honekit.store.eval_items import LeaseLost

log = logging.getLogger("honekit.evals")
POLL_S = 2.0
AT_ONCE = 2


class Runner:
    """Works runs off on the event loop that starts it; `endpoint(owner)` asks models as that project may."""

    def __init__(self, endpoint: Callable[[str], Endpoint], *, lease_s: float = engine.LEASE_S) -> None:
        self.endpoint, self.lease_s = endpoint, lease_s
        self._tasks: list[asyncio.Task[None]] = []
        self._news = asyncio.Event()

    def start(self) -> None:
        """Begin to look for runs."""
        self._tasks = [asyncio.create_task(self._work(f"{os.getpid()}-{secrets.token_hex(4)}")) for _ in range(AT_ONCE)]

    def wake(self) -> None:
        """There may be a new run."""
        self._news.set()

    async def stop(self) -> None:
        """Leave what is not done to the next server."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _work(self, worker: str) -> None:
        while True:
            self._news.clear()
            try:
                run = await asyncio.to_thread(eval_items.claim, worker, self.lease_s)
                if run is not None:
                    await self._one(run, worker)
                    continue
            except HoneError as fault:  # a database that is away for a moment
                log.error("evaluation runs cannot be taken up: %s", fault)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), POLL_S)

    async def _one(self, run: evals.Run, worker: str) -> None:
        try:
            if run.subject.get("by") == "command":  # whose command was killed: its endpoint may be out of reach here
                await asyncio.to_thread(eval_items.release, run.id, worker, hold=True)
                return
            found = await asyncio.to_thread(evals.get_eval, run.owner, run.eval_id)
            if found is None:  # deleted since, and the run with it
                return
            await engine.work_off(run, found, self.endpoint(run.owner), worker, lease_s=self.lease_s)
        except LeaseLost:
            log.info("evaluation run %s was cancelled or deleted", run.id)
        except asyncio.CancelledError:
            await asyncio.to_thread(eval_items.release, run.id, worker)
            raise
        except HoneError as fault:
            log.error("evaluation run %s failed: %s", run.id, fault)
            # What an installation lacks names its paths, so only the log has it.
            message = fault.what if isinstance(fault, EvalError | GraderError) else "The server's log says why."
            await self._fail(run, worker, {"code": fault.code, "message": message})
        except Exception:
            log.exception("evaluation run %s failed", run.id)
            await self._fail(run, worker, {"code": "internal_error", "message": "The server's log says why."})

    async def _fail(self, run: evals.Run, worker: str, error: dict[str, str]) -> None:
        now = await asyncio.to_thread(evals.get_run, run.owner, run.id)
        with suppress(LeaseLost):
            await asyncio.to_thread(eval_items.finish, run.id, worker, now.tallies if now else {}, error)
