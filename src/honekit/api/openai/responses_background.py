"""Responses that nobody waits for: a server makes the queued ones, a few at a time, and streams follow them.

Whichever server of a database comes first makes a response. One that a server leaves behind, killed or stopped, is made anew
by the next one. What a stream tells is kept before: the next one says that again, whatever it would have chosen, and the events
that were sent are left out of the streams that follow it then.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import ExitStack, suppress
from typing import Any

from honekit.api.engines import Engines
from honekit.api.errors import ApiError, server_error
from honekit.api.openai import answering, responses_replay
from honekit.api.openai.conversation import Run
from honekit.api.openai.responses_live import Live
from honekit.api.openai.responses_making import Making, unchanging
from honekit.api.openai.responses_schema import ResponseObject, ResponseRequest
from honekit.api.openai.stored import content
from honekit.api.served import list_bases
from honekit.errors import HoneError
from honekit.jobs.liveness import new_worker_id, worker_is_gone
from honekit.store import answers, background
from honekit.store.background import LeaseLost, Work

log = logging.getLogger("honekit.api")
AT_ONCE = 8
ATTEMPTS = 3
LEASE_S = 15.0
POLL_S = 2.0
RETRY_S = 1.0
"""Between two tries to have a model that is busy."""
FOLLOW_S = 0.5
"""Between two looks at a response that another server makes."""
TELL_S = 0.05
"""Between two times that what the followed responses say is kept."""


class Background:
    """Makes responses on the event loop that starts it."""

    def __init__(self, engines: Engines, *, lease_s: float = LEASE_S) -> None:
        self.engines, self.lease_s = engines, lease_s
        self._worker = new_worker_id()
        self._made: dict[str, asyncio.Task[None]] = {}
        self._live: dict[str, Live] = {}
        self._news, self._begun, self._said = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._stopping = False
        self._watching: asyncio.Task[None] | None = None
        self._telling: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to look for responses that are queued."""
        self._watching = asyncio.create_task(self._watch())
        self._telling = asyncio.create_task(self._tell())

    def wake(self) -> None:
        """There may be a new one."""
        self._news.set()

    def drop(self, answer_id: str) -> None:
        """One that was cancelled or deleted need not be made any longer."""
        if answer_id in self._made:
            self._made[answer_id].cancel()

    async def stop(self) -> None:
        """Leave what is not done to the next server."""
        self._stopping = True
        self.wake()
        if self._watching:
            await self._watching
        tasks = [*self._made.values(), *([self._telling] if self._telling else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def follow(self, owner: str, answer_id: str, after: int = -1) -> AsyncIterator[str]:
        """The events of a response behind the one with that number, as they come, to its end; whoever makes it."""
        while True:
            begun = self._begun
            if (live := self._live.get(answer_id)) is not None:
                live.is_followed = True
                self._said.set()
                async for number, event in live.behind(after):
                    yield responses_replay.as_text(event, number)
                    after = number
            answer = await asyncio.to_thread(answers.get, owner, background.KIND, answer_id)
            if answer is None or self._stopping:
                return
            made = ResponseObject.model_validate(content(answer))
            is_open = made.status in background.OPEN
            known = responses_replay.beginning(made)
            if is_open:
                known = known if made.status == "in_progress" else known[:-1]
            else:
                told = await asyncio.to_thread(background.events, answer_id)
                known = list(responses_replay.again(made)) if told is None else told
            for number, event in enumerate(known):
                if number > after:
                    yield responses_replay.as_text(event, number)
                    after = number
            if not is_open:
                return
            with suppress(TimeoutError):
                await asyncio.wait_for(begun.wait(), FOLLOW_S)

    async def _watch(self) -> None:
        while not self._stopping:
            self._news.clear()
            try:
                bases = await asyncio.to_thread(self._bases)
                while len(self._made) < AT_ONCE and not self._stopping:
                    work = await asyncio.to_thread(background.claim, self._worker, self.lease_s, bases)
                    if work is None:
                        break
                    self._begin(work)
            except HoneError as fault:  # a database that is away for a moment
                log.error("responses in the background cannot be taken up: %s", fault)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), POLL_S)

    async def _tell(self) -> None:
        """Keep what the followed responses say, then show it."""
        while True:
            await self._said.wait()
            self._said.clear()
            said = [
                (answer_id, live, len(live.events), live.untold())
                for answer_id, live in self._live.items()
                if live.is_followed and live.shown < len(live.events)
            ]
            to_keep = {answer_id: told for answer_id, _, _, told in said if told}
            kept: set[str] = set()
            try:
                if to_keep:
                    kept = await asyncio.to_thread(background.keep_told, self._worker, to_keep)
            except HoneError as fault:  # a database that is away for a moment
                log.error("what responses in the background say cannot be kept: %s", fault)
                self._said.set()
            for answer_id, live, count, told in said:
                if answer_id in kept:
                    live.told = told
                if told is None or answer_id in kept:
                    live.show(max(count, live.shown))
            await asyncio.sleep(TELL_S)

    def _bases(self) -> list[str]:
        """Those that this server has. What dead ones left is free from then on."""
        background.expire(worker_is_gone)
        return [base.name for base in list_bases(self.engines.extra_bases)]

    def _begin(self, work: Work) -> None:
        answer_id = work.answer.id

        def over(_: Any) -> None:
            del self._made[answer_id]
            self._live.pop(answer_id).end()
            self.wake()

        self._live[answer_id] = live = Live(work.told)
        self._made[answer_id] = asyncio.create_task(self._one(work, live))
        self._made[answer_id].add_done_callback(over)
        self._begun.set()
        self._begun = asyncio.Event()

    async def _one(self, work: Work, live: Live) -> None:
        answer_id = work.answer.id
        making = asyncio.create_task(self._make(work, live))
        try:
            while not (await asyncio.wait([making], timeout=self.lease_s / 3))[0]:
                await asyncio.to_thread(background.keep_lease, answer_id, self._worker, self.lease_s)
            making.result()
        except LeaseLost:
            log.info("response %s was cancelled, deleted, or taken up by another server", answer_id)
        except HoneError as fault:  # of the database; when the lease is over it is taken up again
            log.error("response %s cannot be kept: %s", answer_id, fault)
        except asyncio.CancelledError:
            making.cancel()  # before the model goes, which would be a fault of the response
            await asyncio.gather(making, return_exceptions=True)
            with suppress(LeaseLost, HoneError):
                await asyncio.to_thread(background.release, answer_id, self._worker)
            raise
        finally:
            making.cancel()

    async def _make(self, work: Work, live: Live) -> None:
        body = ResponseRequest.model_validate(work.request)
        made = ResponseObject.model_validate(content(work.answer))
        making = Making(body, work.answer.owner, made, work.answer.input, work.seed, work.told, live.tokens)
        live.events += responses_replay.beginning(made)
        live.show(len(live.events))
        try:
            if work.attempts > ATTEMPTS:
                raise ApiError(500, f"The server ended {ATTEMPTS} times while it made this response.", code="engine_failed")
            with ExitStack() as held:
                run = await self._run(making, held)
                held.callback(run.answers.close)
                live.fingerprint = run.fingerprint
                async for event in making.written(run):
                    live.events.append(event)
                    self._said.set()
            last = making.last()
        except ApiError as fault:
            last = making.fail(fault)
        except Exception:
            log.exception("response %s failed", made.id)
            last = making.fail(server_error(made.id))
        events = [*live.events, last] if body.stream else None
        await asyncio.to_thread(background.finish, made.id, self._worker, made.model, unchanging(made), events)
        live.events.append(last)
        live.show(len(live.events))

    async def _run(self, making: Making, held: ExitStack) -> Run:
        """Queue it with its model, however long that has no room. Raises ApiError."""
        while True:
            with ExitStack() as trying:
                try:
                    name = making.body.model
                    run = await making.start(*await answering.leased_for(self.engines, making.owner, trying, name))
                    held.enter_context(trying.pop_all())
                    return run
                except ApiError as fault:
                    if fault.status != 429:
                        raise
            await asyncio.sleep(RETRY_S)
