"""A response that this server makes in the background, and those who follow it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from honekit.api.openai.responses_output import Event
from honekit.store.background import Told


@dataclass
class Live:
    """The events of a response that this server makes, as they come; followers see those that may be shown."""

    told: Told | None
    """What is kept of it."""
    is_followed: bool = False
    fingerprint: str = ""
    tokens: list[int] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    shown: int = 0
    is_over: bool = False
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    def untold(self) -> Told | None:
        """What has to be kept before all events are shown."""
        is_kept = self.told is not None and len(self.told.tokens) >= len(self.tokens)
        return None if is_kept else Told(self.fingerprint, list(self.tokens))

    def show(self, count: int) -> None:
        """The first `count` events."""
        self.shown = count
        self._pulse()

    def end(self) -> None:
        self.is_over = True
        self._pulse()

    async def behind(self, number: int) -> AsyncIterator[tuple[int, Event]]:
        """Those after the one with that number, until there are no more."""
        while True:
            news = self._news
            while number + 1 < self.shown:
                number += 1
                yield number, self.events[number]
            if self.is_over:
                return
            await news.wait()

    def _pulse(self) -> None:
        self._news.set()
        self._news = asyncio.Event()
