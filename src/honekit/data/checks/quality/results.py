"""Numbers that are worked out from those of the input in nearly all answers, and in this one do not come out.

No sum need be written: `Driven: 17340 km` on counters at 50210 and 31870 is wrong where the same place of nearly all other
answers has the difference of two numbers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import combinations

from honekit.data.checks.quality.figures import is_result, rounding_of, value_of
from honekit.data.checks.quality.numbers import is_slip
from honekit.data.checks.tally import MAX_PLACES, MAX_TASKS
from honekit.data.checks.turn import Turn, has_code, said_before, warner
from honekit.data.checks.turns import Turns
from honekit.data.lines import Finding

_NUMBER = re.compile(r"(?<![\w#/:.,-])\d+(?:[.,]\d+)*(?![\w/:-]|[.,]\d)")
_WAYS: Mapping[str, Callable[[float, float], float]] = {
    "difference": lambda large, small: large - small,
    "sum": lambda large, small: large + small,
    "product": lambda large, small: large * small,
}
_LEAST, _MOSTLY, _FEW = 8, 0.9, 2
_ENOUGH, _HALF = 32, 0.5
"""After so many answers of a task a place that mostly does not come out is not looked at any more."""
_MAX_NUMBERS, _MAX_PLACES = 8, 3
_MAX_CHARS = 1000

_wrong = warner("data.answers.arithmetic", "do the sum again; a model learns the wrong one as readily")


@dataclass(slots=True)
class Looked:
    """How many answers of a task were looked at, and how many have a number that is not in their inputs."""

    total: int = 0
    computed: int = 0

    @property
    def is_hopeless(self) -> bool:
        return self.total >= _ENOUGH and self.computed < _HALF * self.total


@dataclass(slots=True)
class Place:
    """The first, second or third number of the answers of a task that is not in their inputs."""

    total: int = 0
    ways: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_WAYS, 0))
    """How often it comes out in each way."""
    odd: list[tuple[int, str, str, dict[str, list[str]]]] = field(default_factory=list)
    """Line, field and number where it comes out in no way, and what is a slip away from it in each."""

    @property
    def is_hopeless(self) -> bool:
        return self.total >= _ENOUGH and max(self.ways.values()) < _HALF * self.total


@dataclass
class Results:
    """`data.answers.arithmetic` for results without their sums."""

    places: dict[tuple[int, int], Place] = field(default_factory=dict)
    """By task and order in the answer."""
    looked: dict[int, Looked] = field(default_factory=dict)
    """By task."""

    def see(self, turns: Turns) -> None:
        for turn, begin, end in turns.spans_of_digits:
            looked = self.looked.get(turn.task)
            if looked is None:
                if len(self.looked) >= MAX_TASKS:
                    continue
                looked = self.looked[turn.task] = Looked()
            first = self.places.get((turn.task, 0))
            if looked.is_hopeless or (first and first.is_hopeless) or len(turn.answer) > _MAX_CHARS or has_code(turn.answer):
                continue
            looked.total += 1
            looked.computed += self._look(turn, turn.answer[max(begin - 1, 0) : end + 2])

    def _look(self, turn: Turn, near_digits: str) -> bool:
        """Count the results in an answer; whether there are any."""
        before = said_before(turn)
        if len(before) > 4 * _MAX_CHARS:
            return False
        operands = {value_of(number) for number in _NUMBER.findall(before)}
        if not 1 < len(operands) <= _MAX_NUMBERS:
            return False
        order = 0
        for number in _NUMBER.findall(near_digits):
            value = value_of(number)
            if value in operands:
                continue
            place = self._place(turn.task, order)
            if place is None or len(operands) > _MAX_NUMBERS:
                break
            order += 1
            self._count(place, turn, number, operands)
            operands.add(value)
        return order > 0

    def _place(self, task: int, order: int) -> Place | None:
        if (task, order) not in self.places and order < _MAX_PLACES and len(self.places) < MAX_TASKS * _MAX_PLACES:
            self.places[task, order] = Place()
        return self.places.get((task, order))

    def _count(self, place: Place, turn: Turn, number: str, operands: set[float]) -> None:
        place.total += 1
        value, near = value_of(number), rounding_of(number)
        pairs = [(max(pair), min(pair)) for pair in combinations(operands, 2)]
        fits = [name for name, way in _WAYS.items() if any(abs(way(*pair) - value) <= near for pair in pairs)]
        for name in fits:
            place.ways[name] += 1
        if (
            not fits
            and len(place.odd) < MAX_PLACES
            and not is_result(number, operands, in_percent="%" in turn.text, in_steps=True)
        ):
            meant = {name: _slips(number, [way(*pair) for pair in pairs]) for name, way in _WAYS.items()}
            place.odd.append((turn.line, turn.field, number, meant))

    def join(self, later: Results, lines_before: int) -> None:
        for task, looked in later.looked.items():
            if task in self.looked or len(self.looked) < MAX_TASKS:
                mine = self.looked.setdefault(task, Looked())
                mine.total += looked.total
                mine.computed += looked.computed
        for (task, order), place in later.places.items():
            own = self._place(task, order)
            if own:
                own.total += place.total
                own.ways = {name: count + place.ways[name] for name, count in own.ways.items()}
                room = MAX_PLACES - len(own.odd)
                own.odd += [(line + lines_before, at, number, meant) for line, at, number, meant in place.odd[:room]]

    def finish(self) -> Iterator[Finding]:
        for place in self.places.values():
            way = max(place.ways, key=lambda name: place.ways[name])
            count = place.ways[way]
            if count < _LEAST or count < _MOSTLY * place.total or place.total - count > max(_FEW, 0.03 * place.total):
                continue
            for line, at, number, meant in place.odd:
                if meant[way]:
                    usual = f"in {count} of {place.total} answers it is the {way} of two numbers"
                    here = f", which is {' or '.join(meant[way][:2])} here"
                    yield _wrong(line, at, f"{number} does not come out: {usual}{here}")


def _slips(number: str, results: list[float]) -> list[str]:
    """The results that are a slip away from a number: one digit is another, two are exchanged, or a nought is too many."""
    decimals = len(number.rpartition(".")[2]) if "." in number else 0
    own = number.replace(",", "").replace(".", "")
    texts = sorted({f"{result:.{decimals}f}" for result in results if result > 0})
    return [text for text in texts if len(own) > 1 and is_slip(own, text.replace(".", ""))]
