"""Measures in another system than nearly all answers use: °F among °C, ounces among grams, km/h among m/s."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from honekit.data.checks.consistency.unit_sizes import UnitSizes
from honekit.data.checks.tally import Tallies
from honekit.data.checks.turn import has_code, warner
from honekit.data.checks.turns import Turns
from honekit.data.lines import Finding, shown

_SYSTEMS: dict[str, dict[str, str]] = {
    "temperatures": {"°C": r"(?:°|degrees? )\s?C(?:elsius)?|celsius", "°F": r"(?:°|degrees? )\s?F(?:ahrenheit)?|fahrenheit"},
    "speeds": {"m/s": r"m/s", "km/h": r"km/h|kph", "mph": r"mph"},
    "weights": {"grams and kilograms": r"mg|k?g|grams?|kilos?", "ounces and pounds": r"oz|ounces?|lbs?|pounds?"},
    "volumes": {"litres": r"[mcd]?[lL]|(?:millil|l)it(?:er|re)s?", "cups and ounces": r"cups?|fl\.? ?oz|pints?|gallons?|quarts?"},
    "lengths": {"metres": r"[mck]?m|(?:centi|kilo)?met(?:er|re)s?", "feet and miles": r"ft|feet|inch(?:es)?|miles?|yards?|mi"},
}
_NAMES = {f"{kind[:3]}{number}": (kind, system) for kind, systems in _SYSTEMS.items() for number, system in enumerate(systems)}
_UNIT = re.compile(
    r"\d[ \u00a0\u202f]?(?=[°cdfgiklLmopqy])(?:"
    + "|".join(
        f"(?P<{kind[:3]}{number}>{pattern})"
        for kind, systems in _SYSTEMS.items()
        for number, pattern in enumerate(systems.values())
    )
    + r")(?![\w/²³°])"
)
_MAX_UNIT_CHARS = 40
"""More than any unit and what must not follow it."""
_MOSTLY, _LEAST = 0.8, 8

_unit = warner("data.style.units", "use one system of units everywhere")


@dataclass
class UnitSystems:
    """`data.style.units` for the system of a measure, and the size of its unit."""

    systems: Tallies = field(default_factory=Tallies)
    sizes: UnitSizes = field(default_factory=UnitSizes)

    def see(self, turns: Turns) -> None:
        for turn, begin, end in turns.spans_of_digits:
            text = turn.answer
            if has_code(text):
                continue
            seen: set[str] = set()
            for found in _UNIT.finditer(text, begin, end + _MAX_UNIT_CHARS):
                group = str(found.lastgroup)
                if group not in seen:
                    seen.add(group)
                    kind, system = _NAMES[group]
                    # What the user measured in is taken over on purpose.
                    is_asked = found[0] in turn.question
                    self.systems.add(turn.task, kind, system, turn.line, "" if is_asked else turn.field)
                    self.sizes.note(turn, kind, found, is_asked=is_asked)

    def join(self, later: UnitSystems, lines_before: int) -> None:
        self.systems.join(later.systems, lines_before)
        self.sizes.join(later.sizes, lines_before)

    def finish(self) -> Iterator[Finding]:
        for kind, tally in self.systems.all():
            for system, (line, at) in tally.odd(share=_MOSTLY, least=_LEAST):
                if at:
                    usual = f"{tally.counts[tally.main]} of {tally.total} answers with {kind} have {shown(tally.main)}"
                    yield _unit(line, at, f"{kind} are in {system}; {usual}")
        yield from self.sizes.finish()
