"""Measures in a smaller or larger unit than nearly all answers use for such amounts: `2750 g` among `0.4 kg` and `18 kg`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from honekit.data.checks.quality.figures import value_of
from honekit.data.checks.tally import MAX_PLACES, MAX_TASKS
from honekit.data.checks.turn import Turn, warner
from honekit.data.lines import Finding

_FACTORS: dict[str, dict[str, float]] = {
    "weights": {"mg": 1e-6, "g": 1e-3, "kg": 1.0},
    "lengths": {"mm": 1e-3, "cm": 1e-2, "m": 1.0, "km": 1e3},
    "volumes": {"ml": 1e-3, "mL": 1e-3, "cl": 1e-2, "dl": 0.1, "l": 1.0, "L": 1.0},
}
_NUMBER = re.compile(r"(?<![\d.,])\d+(?:[.,]\d+)*$")
_MAX_CHARS = 12
_LEAST, _MOSTLY = 8, 0.9

_unit = warner("data.style.units", "write such amounts in one unit everywhere")


@dataclass
class Size:
    """Amounts in one unit."""

    count: int = 0
    smallest: float = 0.0
    largest: float = 0.0
    places: list[tuple[int, str, float]] = field(default_factory=list)
    """Line, place and amount of the first that the input does not have; amounts are kilograms, metres or litres."""

    def add(self, count: int, smallest: float, largest: float) -> None:
        self.smallest = min(self.smallest, smallest) if self.count else smallest
        self.largest = max(self.largest, largest)
        self.count += count


@dataclass
class UnitSizes:
    """`data.style.units` for the size of a unit; fed by `UnitSystems`."""

    sizes: dict[tuple[int, str], dict[str, Size]] = field(default_factory=dict)
    """By task and kind of measure, and unit."""

    def note(self, turn: Turn, kind: str, found: re.Match[str], *, is_asked: bool) -> None:
        """One amount: `found` is its last digit and its unit."""
        unit = found[0][1:].strip()
        factor = _FACTORS.get(kind, {}).get(unit)
        number = _NUMBER.search(turn.answer, max(found.start() - _MAX_CHARS, 0), found.start() + 1) if factor else None
        if factor is None or number is None or not (size := self._size(turn.task, kind, unit)):
            return
        amount = factor * value_of(number[0])
        size.add(1, amount, amount)
        if len(size.places) < MAX_PLACES and not is_asked:
            size.places.append((turn.line, turn.field, amount))

    def _size(self, task: int, kind: str, unit: str) -> Size | None:
        units = self.sizes.get((task, kind))
        if units is None:
            if len(self.sizes) >= MAX_TASKS * len(_FACTORS):
                return None
            units = self.sizes[task, kind] = {}
        return units.setdefault(unit, Size())

    def join(self, later: UnitSizes, lines_before: int) -> None:
        for (task, kind), units in later.sizes.items():
            for unit, size in units.items():
                if own := self._size(task, kind, unit):
                    own.add(size.count, size.smallest, size.largest)
                    room = MAX_PLACES - len(own.places)
                    own.places += [(line + lines_before, at, amount) for line, at, amount in size.places[:room]]

    def finish(self) -> Iterator[Finding]:
        for (_, kind), units in self.sizes.items():
            usual = max(units, key=lambda unit: units[unit].count)
            main, total = units[usual], sum(size.count for size in units.values())
            if total < _LEAST or main.count < _MOSTLY * total:
                continue
            for unit, size in units.items():
                # An amount that no other has may well need another unit.
                for line, at, amount in size.places if unit != usual else ():
                    if main.smallest <= amount <= main.largest:
                        said = f"{main.count} of {total} answers with {kind} have {usual}, for amounts as small and as large"
                        yield _unit(line, at, f"{kind} are in {unit}; {said}")
