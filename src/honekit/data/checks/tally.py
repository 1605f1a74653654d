"""Counting what records are like, so that the few odd ones can be named: bounded, whatever the size of the file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

from honekit.data.checks.turn import Turn

MAX_PLACES = 20
"""Places remembered for each category; more of them are counted only."""
MAX_CATEGORIES = 1000
"""A tally with more distinct categories is open: what it counts is no choice among a few."""
MAX_TASKS = 32
MAX_NAMES = 2000
"""Names (fields, mostly) told apart in one task; more of them are not counted."""
SMALL_TASK = 8
"""Tasks with fewer records are judged together."""

Place = tuple[int, str]
"""Line and field."""
_TASK = attrgetter("task")


@dataclass(slots=True)
class Tally:
    """How often each category occurs, and where it did first."""

    total: int = 0
    counts: dict[Any, int] = field(default_factory=dict)
    """By category: a text, a truth value, or a tuple of such."""
    places: dict[Any, list[Place]] = field(default_factory=dict)
    is_open: bool = False

    def add(self, category: Hashable, line: int, at: str) -> None:
        self.total += 1
        count = self.counts.get(category, 0)
        if count:
            self.counts[category] = count + 1
            if count < MAX_PLACES:
                self.places[category].append((line, at))
        elif not self.is_open:
            self.counts[category] = 1
            self.places[category] = [(line, at)]
            if len(self.counts) > MAX_CATEGORIES:
                self._open()

    def count_known(self, category: Hashable, times: int = 1) -> bool:
        """Count some more of a category of which no more places are remembered; whether it was such a one. Spares whoever counts
        the common ones the work of naming their place."""
        count = self.counts.get(category, 0)
        if count < MAX_PLACES:
            return False
        self.total += times
        self.counts[category] = count + times
        return True

    def add_each(self, categories: Sequence[Hashable], places: Iterable[Place]) -> None:
        """As `add` for each category at its place. The common ones are counted together, and `places` is then not even begun."""
        if self.is_open:
            self.total += len(categories)
            return
        # Most often all are of one category, which is seen sooner than they are counted.
        total, first = len(categories), categories[0] if categories else None
        if total and first == categories[-1] and categories.count(first) == total and self.count_known(first, total):
            return
        counts = Counter(categories)
        known = {category for category, times in counts.items() if self.count_known(category, times)}
        if len(known) < len(counts):
            for category, (line, at) in zip(categories, places, strict=True):
                if category not in known:
                    self.add(category, line, at)

    def _open(self) -> None:
        self.is_open = True
        self.counts, self.places = {}, {}

    def join(self, later: Tally, lines_before: int = 0) -> None:
        """Add what was counted in a later part of the same file."""
        self.total += later.total
        if self.is_open or later.is_open:
            self._open()
            return
        for category, count in later.counts.items():
            known = self.places.setdefault(category, [])
            self.counts[category] = self.counts.get(category, 0) + count
            known += [(line + lines_before, at) for line, at in later.places[category][: MAX_PLACES - len(known)]]
        if len(self.counts) > MAX_CATEGORIES:
            self._open()

    def of(self, position: int) -> Tally:
        """Of a tally whose categories are tuples: what stands at one position of them, None aside."""
        tally = Tally()
        places: dict[Any, list[Place]] = {}
        for category, count in self.counts.items():
            value = category[position]
            if value is not None:
                tally.total += count
                tally.counts[value] = tally.counts.get(value, 0) + count
                places.setdefault(value, []).extend(self.places[category])
        firsts = {value: sorted(found, key=lambda place: place[0])[:MAX_PLACES] for value, found in places.items()}
        tally.places = dict(sorted(firsts.items(), key=lambda one: one[1][0][0]))
        tally.counts = {value: tally.counts[value] for value in tally.places}
        return tally

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


@dataclass(slots=True)
class Tallies:
    """A tally for each task and name; tasks too small to be judged alone are judged together."""

    tasks: dict[int, dict[str, Tally]] = field(default_factory=dict)

    def add(self, task: int, name: str, category: Hashable, line: int, at: str) -> None:
        # As `of` and `count_known` do, without the calls: this is done ten times for each answer.
        tallies = self.tasks.get(task)
        tally = (tallies and tallies.get(name)) or self.of(task, name)
        count = tally.counts.get(category, 0)
        if count < MAX_PLACES:
            tally.add(category, line, at)
        else:
            tally.total += 1
            tally.counts[category] = count + 1

    def add_each(
        self, name: str, turns: Sequence[Turn], categories: Sequence[Hashable], places: Iterable[Place] | None = None
    ) -> None:
        """As `add` for each turn and its category, at the place of its answer if at no other."""
        if places is None:
            places = ((turn.line, turn.field) for turn in turns)
        if not turns:
            return
        tasks = [*map(_TASK, turns)]
        if tasks.count(tasks[0]) == len(tasks):
            self.of(turns[0].task, name).add_each(categories, places)
            return
        for turn, category, (line, at) in zip(turns, categories, places, strict=True):
            self.add(turn.task, name, category, line, at)

    def of(self, task: int, name: str) -> Tally:
        """The tally of one name, a new one where there is none."""
        tallies = self.tasks.get(task) or self._of_task(task)
        tally = tallies.get(name)
        if tally is None:
            tally = Tally()
            if len(tallies) < MAX_NAMES:
                tallies[name] = tally
        return tally

    def join(self, later: Tallies, lines_before: int) -> None:
        """Add what was counted in a later part of the same file."""
        for task, tallies in later.tasks.items():
            own = self._of_task(task)
            for name, tally in tallies.items():
                if name in own or len(own) < MAX_NAMES:
                    own.setdefault(name, Tally()).join(tally, lines_before)

    def _of_task(self, task: int) -> dict[str, Tally]:
        """Tasks beyond the first `MAX_TASKS` are counted as one."""
        is_known = task in self.tasks or len(self.tasks) < MAX_TASKS
        return self.tasks.setdefault(task if is_known else 0, {})

    def by_task(self) -> list[dict[str, Tally]]:
        """The tallies of each task by name, the small tasks as one."""
        large: list[dict[str, Tally]] = []
        small: dict[str, Tally] = {}
        for tallies in self.tasks.values():
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
