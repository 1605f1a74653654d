"""One thread for each loaded model: it owns the engine, admits requests between two steps, and hands tokens to asyncio.

An engine is not thread-safe, and its steps are long compared with the event loop's work, so nothing else touches it.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from honekit.chat.template import ChatTemplate
    from honekit.inference.constrain import Grammars
    from honekit.inference.requests import Request, Token

log = logging.getLogger("honekit.api")

T = TypeVar("T")

MAX_OUTSTANDING = 256
"""Answers that may be running or waiting on one model; beyond that a request gets a 429."""


class QueueFull(Exception):
    """The model has as many answers to make as it may have."""


class EngineFailed(Exception):
    """A step raised; the log has the cause."""


class _Session(Protocol):
    @property
    def busy(self) -> bool: ...
    def add(self, request: Request) -> int: ...
    def step(self) -> list[tuple[int, Token]]: ...
    def cancel(self, number: int) -> None: ...


class LoadedEngine(Protocol):
    """A model in memory; `writes`: it answers (then it is a `ServingEngine`), else it only embeds."""

    @property
    def writes(self) -> bool: ...
    @property
    def tokenizer(self) -> Tokenizer: ...
    @property
    def context_tokens(self) -> int: ...
    @property
    def fingerprint(self) -> str: ...
    @property
    def vocabulary(self) -> int: ...
    def open(self, batch_size: int = 64) -> Any: ...


class ServingEngine(LoadedEngine, Protocol):
    template: ChatTemplate
    grammars: Grammars

    @property
    def stop_ids(self) -> frozenset[int]: ...


@dataclass(eq=False)
class Answers:
    """The running answers to one HTTP request, one for each of its choices. Iterate once; then `close`."""

    requests: Sequence[Request]
    _loop: asyncio.AbstractEventLoop
    _close: Callable[[Answers], None]
    _items: asyncio.Queue[tuple[int, Token] | None] = field(default_factory=asyncio.Queue)
    numbers: dict[int, int] = field(default_factory=dict)
    """Choice by the session's number, while it runs. Only the worker's thread uses this."""
    closed: bool = False

    async def __aiter__(self) -> AsyncIterator[tuple[int, Token]]:
        """(choice, token) as they come, until every choice has ended. Raises EngineFailed."""
        open_choices = len(self.requests)
        while open_choices:
            item = await self._items.get()
            if item is None:
                raise EngineFailed
            open_choices -= item[1].finish_reason is not None
            yield item

    def close(self) -> None:
        """Let go: what still runs is dropped from the batch. To be called on the event loop; twice does nothing."""
        if not self.closed:
            self.closed = True
            self._close(self)

    def put(self, item: tuple[int, Token] | None) -> None:
        """Called by the worker's thread."""
        try:
            self._loop.call_soon_threadsafe(self._items.put_nowait, item)
        except RuntimeError:  # the event loop is gone, and with it whoever waited
            return


@dataclass(frozen=True)
class _Call:
    work: Callable[[Any], Any]
    done: asyncio.Future[Any]


class Worker:
    """An engine and its thread, used from one event loop."""

    def __init__(self, load: Callable[[], LoadedEngine], *, batch_size: int = 64, limit: int = MAX_OUTSTANDING) -> None:
        self._load, self._batch_size, self._limit = load, batch_size, limit
        self._loop = asyncio.get_running_loop()
        self._inbox: queue.SimpleQueue[tuple[str, Answers | _Call | None]] = queue.SimpleQueue()
        self._engine: asyncio.Future[LoadedEngine] = self._loop.create_future()
        self._outstanding = 0
        self.encoding = threading.Lock()
        """Held while the template encodes: it keeps a cache of shared prefixes, which one thread at a time may change."""
        self._thread = threading.Thread(target=self._run, name="hone-engine", daemon=True)
        self._thread.start()

    async def engine(self) -> LoadedEngine:
        """The engine, once it is loaded: for its template and limits only. Raises what loading raised."""
        return await asyncio.shield(self._engine)

    @property
    def failed(self) -> bool:
        """Whether loading failed, so that this worker will never answer."""
        return self._engine.done() and self._engine.exception() is not None

    def submit(self, requests: Sequence[Request]) -> Answers:
        """Queue the choices of one HTTP request. Raises QueueFull. An idle model takes any number of choices."""
        if self._outstanding and self._outstanding + len(requests) > self._limit:
            raise QueueFull
        self._outstanding += len(requests)
        answers = Answers(requests, self._loop, self._release)
        self._inbox.put(("add", answers))
        return answers

    async def call(self, work: Callable[[Any], T]) -> T:
        """Run `work(engine)` between two steps, for what is no generation: running answers wait for it, so keep it short.

        Raises QueueFull, EngineFailed.
        """
        if self._outstanding >= self._limit:
            raise QueueFull
        done: asyncio.Future[T] = self._loop.create_future()
        self._outstanding += 1
        try:
            self._inbox.put(("call", _Call(work, done)))
            return await done
        finally:
            self._outstanding -= 1

    def stop(self) -> None:
        """End the thread after its current step and let the model's memory go; what still runs fails."""
        self._inbox.put(("stop", None))

    def join(self, timeout_s: float | None = None) -> None:
        """Wait until the model's memory is free."""
        self._thread.join(timeout_s)

    def _release(self, answers: Answers) -> None:
        self._outstanding -= len(answers.requests)
        self._inbox.put(("cancel", answers))

    def _run(self) -> None:
        try:
            engine = self._load()
            session: _Session = engine.open(self._batch_size)
        except Exception as fault:
            self._settle(fault)
            return
        self._settle(engine)
        running: dict[int, Answers] = {}
        while self._take_orders(engine, session, running):
            try:
                produced = session.step()
            except Exception:
                log.exception("the engine failed; %d answers are lost", len(running))
                for answers in set(running.values()):
                    answers.put(None)
                running.clear()
                session = engine.open(self._batch_size)
                continue
            for number, token in produced:
                answers_of = running.get(number)
                if answers_of is not None:
                    answers_of.put((answers_of.numbers[number], token))
                    if token.finish_reason is not None:
                        del running[number]
        for answers in set(running.values()):
            answers.put(None)

    def _take_orders(self, engine: LoadedEngine, session: _Session, running: dict[int, Answers]) -> bool:
        """Carry out what was asked for since the last step; waits while there is nothing to generate. False ends."""
        while True:
            try:
                order, answers = self._inbox.get(block=not session.busy)
            except queue.Empty:
                return True
            if answers is None:
                return False
            if isinstance(answers, _Call):
                self._carry_out(answers, engine)
                if session.busy:  # one call at most between two steps
                    return True
                continue
            if order == "add":
                if not answers.closed:
                    _add(session, answers, running)
            else:
                for number in answers.numbers:
                    if running.pop(number, None) is not None:
                        session.cancel(number)

    def _carry_out(self, call: _Call, engine: LoadedEngine) -> None:
        if call.done.cancelled():
            return
        result: Any = None
        fault: EngineFailed | None = None
        try:
            result = call.work(engine)
        except Exception:
            log.exception("the engine failed")
            fault = EngineFailed()

        def settle() -> None:
            if call.done.done():
                return
            if fault is not None:
                call.done.set_exception(fault)
            else:
                call.done.set_result(result)

        try:
            self._loop.call_soon_threadsafe(settle)
        except RuntimeError:  # the event loop is gone
            return

    def _settle(self, outcome: LoadedEngine | Exception) -> None:
        def settle() -> None:
            if self._engine.done():
                return
            if isinstance(outcome, Exception):
                self._engine.set_exception(outcome)
                self._engine.exception()  # mark as seen: nobody may be waiting any more
            else:
                self._engine.set_result(outcome)

        try:
            self._loop.call_soon_threadsafe(settle)
        except RuntimeError:
            return


def _add(session: _Session, answers: Answers, running: dict[int, Answers]) -> None:
    try:
        for choice, request in enumerate(answers.requests):
            number = session.add(request)
            running[number] = answers
            answers.numbers[number] = choice
    except Exception:
        log.exception("the engine refused a request")
        answers.put(None)
