"""Dates in a field of the answer that are taken from the input in nearly all records, and in this one are not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from honekit.data.checks.short_texts import of_turn
from honekit.data.checks.tally import MAX_PLACES
from honekit.data.checks.turn import Turn, said_before, warner
from honekit.data.checks.turns import Turns
from honekit.data.lines import Finding

_ISO = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?:[T ].*)?")
_NUMERIC = re.compile(r"(?<![\d.])(\d{1,4})([./-])(\d{1,2})\2(\d{4}|\d{1,2})(?!\d|\.\d)")
_DAY_FIRST = re.compile(
    r"\b(\d{1,2})(?:st|nd|rd|th|er|\.|º)?[ \u00a0](?:of |de |di )?([^\W\d_]{3,10})\.?,?[ \u00a0](?:de |del )?(\d{4})\b"
)
_MONTH_FIRST = re.compile(r"\b([^\W\d_]{3,10})\.?[ \u00a0](\d{1,2})(?:st|nd|rd|th)?,?[ \u00a0](\d{4})\b")
_MONTHS = {
    beginning: month
    for month, beginnings in enumerate(
        ("jan ene gen", "feb fev fév", "mar mär mrt maa", "apr abr avr", "may mai mag mei", "jun giu juin", "jul lug juil",
         "aug ago aoû aou", "sep set", "oct okt ott out", "nov", "dec dez dic déc"),
        1,
    )
    for beginning in beginnings.split()
}  # fmt: skip
"""In English, German, French, Spanish, Italian, Portuguese and Dutch, by the first letters."""
_LEAST, _MOSTLY = 6, 0.8
_MAX_FIELDS = 200
_MAX_CHARS = 8000

_unfounded = warner("data.answers.unfounded", "write the date that the input has, or add this one there")

Day = tuple[int, int, int]


@dataclass(slots=True)
class DateField:
    """How often the dates of one field stand in the input."""

    total: int = 0
    copied: int = 0
    strange: list[tuple[int, str, str]] = field(default_factory=list)
    """Line, place and date of the first that do not."""


@dataclass
class Dates:
    """`data.answers.unfounded` for dates in fields."""

    fields: dict[tuple[int, str], DateField] = field(default_factory=dict)
    """By task and path."""

    def see(self, turns: Turns) -> None:
        for turn in turns.objects:
            if not turn.has_digit:
                continue
            known: set[Day] | None = None
            for path, texts in of_turn(turn).items():
                for text in texts:
                    if len(text) < 10 or text[4] != "-" or not (found := _ISO.fullmatch(text)):
                        continue
                    if known is None:
                        known = days_in(said_before(turn)[-_MAX_CHARS:])
                    if known:
                        day = (int(found[1]), int(found[2]), int(found[3]))
                        self._count(turn, path, text, is_copied=day in known)

    def _count(self, turn: Turn, path: str, text: str, *, is_copied: bool) -> None:
        if (turn.task, path) not in self.fields and len(self.fields) >= _MAX_FIELDS:
            return
        counts = self.fields.setdefault((turn.task, path), DateField())
        counts.total += 1
        counts.copied += is_copied
        if not is_copied and len(counts.strange) < MAX_PLACES:
            counts.strange.append((turn.line, f"{turn.field}.{path}", text))

    def join(self, later: Dates, lines_before: int) -> None:
        for key, counts in later.fields.items():
            if key in self.fields or len(self.fields) < _MAX_FIELDS:
                own = self.fields.setdefault(key, DateField())
                own.total += counts.total
                own.copied += counts.copied
                room = MAX_PLACES - len(own.strange)
                own.strange += [(line + lines_before, at, text) for line, at, text in counts.strange[:room]]

    def finish(self) -> Iterator[Finding]:
        for counts in self.fields.values():
            if counts.total < _LEAST or counts.copied < _MOSTLY * counts.total:
                continue
            usual = f"{counts.copied} of {counts.total} such dates are taken from the input"
            for line, at, text in counts.strange:
                yield _unfounded(line, at, f"the date {text} stands nowhere in the input; {usual}")


def days_in(text: str) -> set[Day]:
    """Year, month and day of every full date; one that can be read in two ways is there twice."""
    days: set[Day] = set()
    for first, _, middle, last in _NUMERIC.findall(text):
        if len(first) == 4:
            days.add((int(first), int(middle), int(last)))
        elif len(first) < 3 and len(last) in (2, 4):
            year = int(last) + (2000 if len(last) == 2 else 0)
            days |= {(year, int(middle), int(first)), (year, int(first), int(middle))}
    for day, name, year in _DAY_FIRST.findall(text):
        days |= {(int(year), month, int(day)) for month in _month(name)}
    for name, day, year in _MONTH_FIRST.findall(text):
        days |= {(int(year), month, int(day)) for month in _month(name)}
    return days


def _month(name: str) -> list[int]:
    """None or one."""
    name = name.casefold()
    month = _MONTHS.get(name[:4]) or _MONTHS.get(name[:3])
    return [month] if month else []
