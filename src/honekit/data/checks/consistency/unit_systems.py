"""Measures in another system than nearly all answers use: °F among °C, ounces among grams, km/h among m/s."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from honekit.data.checks.consistency.unit_sizes import UnitSizes
from honekit.data.checks.tally import Tallies
from honekit.data.checks.turn import Turn, has_code, has_digit, warner
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
_ASKED = {
    (kind, system): re.compile(rf"(?<!\w)(?:{pattern}|metric|imperial)(?!\w)", re.I)
    for kind, systems in _SYSTEMS.items()
    for system, pattern in systems.items()
}
_MAX_UNIT_CHARS = 40
"""More than any unit and what must not follow it."""
_MOSTLY, _LEAST = 0.8, 8
_LEAST_KEPT, _FEW_CHANGED = 2, 2

_unit = warner("data.style.units", "use one system of units everywhere")


@dataclass
class UnitSystems:
    """`data.style.units` for the system of a measure, and the size of its unit."""

    systems: Tallies = field(default_factory=Tallies)
    sizes: UnitSizes = field(default_factory=UnitSizes)
    kept: Tallies = field(default_factory=Tallies)
    """Whether a measure has the system of its input, where that has such a measure."""

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
                    if is_asked:
                        self.kept.add(turn.task, kind, "", turn.line, "")
                    elif has_digit(turn.question):
                        self._compare(turn, kind, system)

    def _compare(self, turn: Turn, kind: str, system: str) -> None:
        """A measure that the input does not have as it stands."""
        systems = {found for group, found in _in(turn.question) if group == kind}
        if systems and not _ASKED[kind, system].search(turn.question):
            is_both = bool(systems.intersection(found for _, found in _in(turn.answer)))
            self.kept.add(turn.task, kind, "" if is_both else system, turn.line, turn.field)

    def join(self, later: UnitSystems, lines_before: int) -> None:
        self.kept.join(later.kept, lines_before)
        self.systems.join(later.systems, lines_before)
        self.sizes.join(later.sizes, lines_before)

    def finish(self) -> Iterator[Finding]:
        told: set[tuple[int, str]] = set()
        for kind, tally in self.systems.all():
            for system, (line, at) in tally.odd(share=_MOSTLY, least=_LEAST):
                if at:
                    told.add((line, at))
                    usual = f"{tally.counts[tally.main]} of {tally.total} answers with {kind} have {shown(tally.main)}"
                    yield _unit(line, at, f"{kind} are in {system}; {usual}")
        for kind, tally in self.kept.all():
            kept = tally.counts.get("", 0)
            changed = tally.total - kept
            if kept < _LEAST_KEPT or changed > _FEW_CHANGED or changed >= kept:
                continue
            for system, places in tally.places.items():
                for place in places if system and not told.intersection(places) else ():
                    yield _unit(*place, f"{kind} are in {system}, and in the input in another system; {kept} answers keep it")
        yield from self.sizes.finish()


def _in(text: str) -> Iterator[tuple[str, str]]:
    """Kind and system of every measure in a text."""
    return (_NAMES[str(found.lastgroup)] for found in _UNIT.finditer(text))
