"""Numbers of a field beyond the scale that the system prompt gives it: `"rating": 1 to 5`, and a 50."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from honekit.data.checks.accidents import is_meant
from honekit.data.checks.tally import Tally
from honekit.data.checks.turn import warner
from honekit.data.checks.turns import Turns
from honekit.data.lines import Finding

_SCALE = re.compile(
    r"[\"'`]?\b(?P<name>[A-Za-z_]\w{0,40})[\"'`]?(?:\s?[:=(,]|\s(?:is|as)\b)\s?(?:an?\s)?"
    r"(?:(?P<whole>int(?:eger)?|whole number)|float|number|score)?[\s,(]{0,2}"
    r"(?:from |between )?(?P<low>\d{1,4}(?:\.\d+)?)\s?(?:to|-|–|and|\.\.)\s?(?P<high>\d{1,4}(?:\.\d+)?)"
    r"(?=\s*(?:[)\],};\"'`\n]|\.?$|\.\s|or\b))"
)
"""`temperature (36 to 38 is normal)` is no scale."""
_LEAST = 8

_beyond = warner("data.labels.undeclared", "write a number of the scale, or mend the scale in the prompt")


@dataclass
class Scales:
    """`data.labels.undeclared` for numbers."""

    beyond: Tally = field(default_factory=Tally)
    """What is said of each."""
    total: int = 0
    """Values that a scale was given for."""

    def see(self, turns: Turns) -> None:
        for turn in turns.objects:
            scales = scales_in(turn.system or "")
            for name, (low, high, is_whole) in scales.items():
                value = turn.value.get(name)
                if type(value) in (int, float):
                    self.total += 1
                    if not low <= value <= high or (is_whole and value % 1):
                        kind = "a whole number from " * is_whole
                        said = f"`{name}` is {value:g}; the system prompt says {kind}{low:g} to {high:g}"
                        self.beyond.add(said, turn.line, f"{turn.field}.{name}")

    def join(self, later: Scales, lines_before: int) -> None:
        self.beyond.join(later.beyond, lines_before)
        self.total += later.total

    def finish(self) -> Iterator[Finding]:
        if self.total < _LEAST or is_meant(self.beyond.total, self.total):
            return
        for said, places in self.beyond.places.items():
            for line, at in places:
                yield _beyond(line, at, str(said))


@lru_cache(maxsize=64)
def scales_in(prompt: str) -> dict[str, tuple[float, float, bool]]:
    """The name of each field that a prompt gives a scale, with its ends and whether only whole numbers are meant."""
    found = {}
    for match in _SCALE.finditer(prompt):
        low, high = float(match["low"]), float(match["high"])
        if low < high:
            found[match["name"]] = (low, high, bool(match["whole"]))
    return found
