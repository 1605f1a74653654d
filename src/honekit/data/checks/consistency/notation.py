"""Drift of the way in which dates, units and decimal numbers are written in answers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from honekit.data.checks.tally import Tallies, Tally
from honekit.data.checks.turn import NO_JSON, Turn, has_code, has_digit, warner
from honekit.data.checks.turns import Turns
from honekit.data.lines import Finding, shown

_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]{0,6}\.?"
_NUMBER = re.compile(r"\d[\d.,/-]*\d|\d")
"""A number with all that may belong to it: a date, a decimal, a range."""
_DATE = re.compile(
    r"(?P<iso>\d{4}-\d\d-\d\d)|(?P<slash>\d{1,2}/\d{1,2}/(?:\d{4}|\d\d))|(?P<dot>\d{1,2}\.\d{1,2}\.\d{4})"
    r"|(?P<dash>\d{1,2}-\d{1,2}-\d{4})|(?P<stroke>\d{4}/\d\d?/\d\d?)|(?P<short>\d\d-\d\d-\d\d)"
    r"|(?P<bare>\d{4}-\d\d?-\d\d?)"
)
_DAY_OF_MONTH = re.compile(rf"(?:st|nd|rd|th)?\s{_MONTH},?\s\d{{4}}\b")
_BEFORE_MONTH = frozenset("snrt,")
"""What `_DAY_OF_MONTH` and `_YEAR` begin with, blanks aside."""
_YEAR = re.compile(r"(?:st|nd|rd|th)?,?\s\d{4}\b")
_MONTH_BEFORE = re.compile(rf"\b{_MONTH}\s$")
FORMS_OF_DATES = {
    "iso": "2026-04-03",
    "slash": "03/04/2026",
    "dot": "03.04.2026",
    "words": "3 April 2026",
    "dash": "03-04-2026",
    "stroke": "2026/04/03",
    "short": "26-04-03",
    "bare": "2026-4-3",
}
_UNIT = re.compile(
    r"(?P<gap>[ \u00a0\u202f]?)(?P<unit>km/h|km|cm|mm|kg|mg|° ?C|° ?F|C|F|kWh|kW|MW|mA|mV|kV|Hz|kHz|MHz|GHz|ms|kB|KB|MB|GB|TB"
    r"|hPa|kPa|bar|psi|rpm|V|A|W|m/s|mph|m[lL]|cl|dl|oz|lbs?|kcal|dB|min|%)(?![\w°/²³-])"
)
_SPELT = re.compile(
    r"[ \u00a0\u202f-]?(?:(?:kilo|milli)?grams?|(?:kilo|centi|milli)?met(?:re|er)s?|(?:milli)?lit(?:re|er)s?|ounces?|pounds?"
    r"|(?:kilo|milli)?volts?|(?:kilo|mega)?watts?|(?:kilo)?watt[ -]hours?|(?:milli)?amp(?:ere)?s?|(?:kilo|mega|giga)bytes?)\b",
    re.I,
)
"""Minutes and degrees aside, which are words beside symbols in good sets too."""
_DECIMAL = re.compile(
    r"(?:\d{1,6}|(?P<commas>\d{1,3}(?:,\d{3})+))(?P<mark>\.)\d{1,6}"
    r"|\d{1,6}(?P<comma>,)(?:\d{1,2}|\d{4,6})|(?P<dots>\d{1,3}(?:\.\d{3})+),\d{1,2}"
)
"""A comma before three digits may part thousands, so it says nothing."""
_MAX_NUMBERS = 40
_JOINED = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_-.:,/#@")
_MOSTLY = 0.75

_date = warner("data.style.dates", "write all dates in one way; ISO 8601 (2026-04-03) cannot be misread")
_unit = warner("data.style.units", "write units in one way everywhere")
_decimal = warner("data.style.decimals", "use one decimal mark everywhere")


@dataclass
class Notation:
    """`data.style.dates`, `data.style.units`, `data.style.decimals`."""

    dates: Tallies = field(default_factory=Tallies)
    gaps: Tallies = field(default_factory=Tallies)
    degrees: Tallies = field(default_factory=Tallies)
    decimals: Tallies = field(default_factory=Tallies)
    spellings: Tallies = field(default_factory=Tallies)
    impossible: Tally = field(default_factory=Tally)

    def see(self, turns: Turns) -> None:
        for turn in turns.with_digits:
            if turn.value is NO_JSON:
                if not has_code(turn.answer):
                    self._count(turn, "", turn.answer, turn.field)
            elif isinstance(turn.value, dict):
                for path, text in _texts(turn.value):
                    self._count(turn, path, text, f"{turn.field}.{path}")

    def _count(self, turn: Turn, name: str, text: str, at: str) -> None:
        if not has_digit(text):
            return
        # A field is written by whoever made the answers; in prose a copied number keeps the form of its source: it counts
        # (without a place), and is not blamed.
        is_value = bool(name) or text.count(" ") < 3
        for number, found in enumerate(_NUMBER.finditer(text)):
            if number >= _MAX_NUMBERS:
                break
            if (text[found.start() - 1 : found.start()] or " ") in _JOINED:
                continue
            place = at if is_value or found[0] not in turn.question else ""
            if form := date_form(text, found):
                if is_value and form == "iso" and not _is_day(found[0]):
                    self.impossible.add(found[0], turn.line, at)
                elif place and (form != "short" or text.strip() == found[0]):
                    self.dates.add(turn.task, name, form, turn.line, place)
            elif ("." in found[0] or "," in found[0]) and (decimal := _DECIMAL.fullmatch(found[0])):
                # `1.200,50` among `1,200.50` is for the check of thousands, which cannot tell the other way round.
                self.decimals.add(turn.task, name, decimal["mark"] or ",", turn.line, "" if decimal["dots"] else place)
            if unit := _UNIT.match(text, found.end()):
                self._count_unit(turn, name, unit, at if is_value or found[0] + unit[0] not in turn.question else "")
            if is_value and (unit or _SPELT.match(text, found.end())):
                self.spellings.add(turn.task, f"{name} word", "with its symbol" if unit else "as a word", turn.line, at)

    def _count_unit(self, turn: Turn, name: str, unit: re.Match[str], place: str) -> None:
        kind = unit["unit"]
        # A percent sign has a habit of its own.
        self.gaps.add(turn.task, f"{name}%" if kind == "%" else name, bool(unit["gap"]), turn.line, place)
        if kind[-1] in "CF":
            self.degrees.add(turn.task, name + kind[-1], "°" in kind, turn.line, place)
        elif kind in ("ml", "mL"):
            self.spellings.add(turn.task, f"{name} ml", kind, turn.line, place)

    def join(self, later: Notation, lines_before: int) -> None:
        for name in ("dates", "gaps", "degrees", "decimals", "spellings"):
            getattr(self, name).join(getattr(later, name), lines_before)
        self.impossible.join(later.impossible, lines_before)

    def finish(self) -> Iterator[Finding]:
        for day, places in self.impossible.places.items():
            for line, at in places:
                yield _date(line, at, f"there is no day {day}: month and day may have been exchanged")
        for _, tally in self.dates.all():
            for kind, (line, at) in tally.odd(share=_MOSTLY):
                usual = f"{tally.counts[tally.main]} of {tally.total} with a date write {FORMS_OF_DATES[str(tally.main)]}"
                yield _date(line, at, f"a date is written as {FORMS_OF_DATES[str(kind)]}; {usual}")
        yield from _of_units(self.gaps, "with a blank before it", "without a blank before it")
        yield from _of_units(self.degrees, "with a degree sign", "without a degree sign", seen=set(_places(self.gaps)))
        for _, tally in self.spellings.all():
            for kind, (line, at) in tally.odd(share=_MOSTLY):
                if at:
                    yield _unit(line, at, f"a unit is written {kind}; {_most(tally)} {tally.main}")
        for _, tally in self.decimals.all():
            for kind, (line, at) in tally.odd(share=_MOSTLY):
                if not at:
                    continue
                usual = f"{tally.counts[tally.main]} of {tally.total} answers use {shown(tally.main)}"
                yield _decimal(line, at, f"the decimal mark is {shown(kind)}; {usual}")


def date_form(text: str, found: re.Match[str]) -> str | None:
    """Which key of `FORMS_OF_DATES` a number is written as, with what stands around it."""
    token = found[0]
    if len(token) > 2:
        date = _DATE.fullmatch(token) if len(token) >= 8 or "/" in token else None
        return date.lastgroup if date else None
    follows = text[found.end() : found.end() + 1]
    if not (follows.isspace() or follows in _BEFORE_MONTH):
        return None
    if _DAY_OF_MONTH.match(text, found.end()):
        return "words"
    is_words = _YEAR.match(text, found.end()) and _MONTH_BEFORE.search(text[max(0, found.start() - 12) : found.start()])
    return "words" if is_words else None


def _is_day(iso: str) -> bool:
    try:
        date.fromisoformat(iso)
    except ValueError:
        return False
    return True


def _places(tallies: Tallies) -> Iterator[tuple[int, str]]:
    for _, tally in tallies.all():
        yield from (place for _, place in tally.odd(share=_MOSTLY))


def _of_units(tallies: Tallies, yes: str, no: str, seen: set[tuple[int, str]] | None = None) -> Iterator[Finding]:
    """One finding for each record, though it may part from the others in blank and sign alike."""
    for _, tally in tallies.all():
        for kind, place in tally.odd(share=_MOSTLY):
            if place[1] and place not in (seen or ()):
                yield _unit(*place, f"a unit is written {yes if kind else no}; {_most(tally)} {no if kind else yes}")


def _most(tally: Tally) -> str:
    return f"{tally.counts[tally.main]} of {tally.total} write it"


def _texts(value: dict[str, Any], prefix: str = "", depth: int = 0) -> Iterator[tuple[str, str]]:
    for key, item in value.items():
        if type(item) is str:
            yield prefix + key, item
        elif type(item) is dict and depth < 3:
            yield from _texts(item, f"{prefix}{key}.", depth + 1)
