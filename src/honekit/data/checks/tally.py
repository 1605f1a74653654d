"""Counting what records are like, so that the few odd ones can be named: bounded, whatever the size of the file."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field

MAX_PLACES = 20
"""Places remembered for each category; more of them are counted only."""
MAX_CATEGORIES = 1000
"""A tally with more distinct categories is open: what it counts is no choice among a few."""
MAX_TASKS = 32
SMALL_TASK = 8
"""Tasks with fewer records are judged together."""

Place = tuple[int, str]
"""Line and field."""


@dataclass(slots=True)
class Tally:
    """How often each category occurs, and where it did first."""

    total: int = 0
    counts: dict[Hashable, int] = field(default_factory=dict)
    places: dict[Hashable, list[Place]] = field(default_factory=dict)
    is_open: bool = False

    def add(self, category: Hashable, line: int, at: str) -> None:
        self.total += 1
        if self.is_open:
            return
        count = self.counts.get(category, 0)
        if not count:
            if len(self.counts) >= MAX_CATEGORIES:
                self.is_open = True
                self.counts, self.places = {}, {}
                return
            self.places[category] = []
        self.counts[category] = count + 1
        if count < MAX_PLACES:
            self.places[category].append((line, at))

    def join(self, other: Tally) -> None:
        self.total += other.total
        self.is_open = self.is_open or other.is_open
        for category, count in other.counts.items():
            self.counts[category] = self.counts.get(category, 0) + count
            places = self.places.setdefault(category, [])
            places += other.places[category][: MAX_PLACES - len(places)]
        if self.is_open:
            self.counts, self.places = {}, {}

    def share(self, category: Hashable) -> float:
        return self.counts.get(category, 0) / self.total if self.total else 0.0

    @property
    def main(self) -> Hashable:
        """The most frequent category."""
        return max(self.counts, key=lambda category: self.counts[category], default=None)

    def odd(self, *, share: float, least: int = SMALL_TASK) -> Iterator[tuple[Hashable, Place]]:
        """Every remembered place that is not of the main category, when that one holds at least `share` of `least`
        or more records."""
        if self.total < least or self.is_open or self.share(self.main) < share:
            return
        main = self.main
        for category, places in self.places.items():
            if category != main:
                yield from ((category, place) for place in places)


class Tallies:
    """A tally for each task and name; tasks too small to be judged alone are judged together."""

    def __init__(self) -> None:
        self._tasks: dict[int, dict[str, Tally]] = {}

    def add(self, task: int, name: str, category: Hashable, line: int, at: str) -> None:
        tallies = self._tasks.get(task)
        if tallies is None:
            if len(self._tasks) >= MAX_TASKS:
                task = 0
            tallies = self._tasks.setdefault(task, {})
        tally = tallies.get(name)
        if tally is None:
            tally = tallies[name] = Tally()
        tally.add(category, line, at)

    def by_task(self) -> list[dict[str, Tally]]:
        """The tallies of each task by name, the small tasks as one."""
        large: list[dict[str, Tally]] = []
        small: dict[str, Tally] = {}
        for tallies in self._tasks.values():
            if max(tally.total for tally in tallies.values()) >= SMALL_TASK:
                large.append(tallies)
                continue
            for name, tally in tallies.items():
                small.setdefault(name, Tally()).join(tally)
        return [*large, small] if small else large

    def all(self) -> Iterator[tuple[str, Tally]]:
        for tallies in self.by_task():
            yield from tallies.items()


def majority_share(total: int, *, small: float = 0.9, large: float = 0.97) -> float:
    """How much of `total` records must agree before the rest is odd: in a small file one or two may stand out,
    in a large one a tenth is a kind of its own."""
    return small if total < 50 else large
