"""Numbers in an answer that stand nowhere in the conversation before it, where nearly all answers copy theirs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from honekit.data.checks.tally import MAX_PLACES
from honekit.data.checks.turn import CODE, Turn, has_digit, said_before, warner
from honekit.data.lines import Finding, shown

_LEAST = 8
_MOSTLY = 0.9
_SMALL = 12
"""Counts, months and hours are often put into figures."""
_ENOUGH = 300
_MAX_CHARS = 4000
_NUMBER = re.compile(r"(?<![\w#/-])\d+(?:[.,]\d+)*(?![\w/-]|[.:]\d)")
_ANY = re.compile(r"\d+(?:[.,]\d+)*")
_ANSWERS = re.compile(r"\d{1,2}:\d\d|\b(?:19|20)\d\d\b")
"""Times and years: known from elsewhere."""

_unfounded = warner("data.answers.unfounded", "copy it from the input, add it there, or take it out of the answer")


class Numbers:
    """`data.answers.unfounded` for numbers."""

    def __init__(self) -> None:
        self._total = 0
        self._copied = 0
        self._found: list[tuple[int, str, str]] = []

    def see(self, turn: Turn) -> Iterable[Finding]:
        if not has_digit(turn.answer) or CODE in turn.answer or len(turn.answer) > _MAX_CHARS:
            return ()
        if self._total >= _ENOUGH and self._copied < _MOSTLY * self._total:
            return ()
        numbers = [number for number in _NUMBER.findall(_ANSWERS.sub(" ", turn.answer)) if not _is_small(number)]
        if not numbers:
            return ()
        known = {_digits(number) for number in _ANY.findall(said_before(turn))}
        strange = next((number for number in numbers if _digits(number) not in known), None)
        self._total += 1
        if strange is None:
            self._copied += 1
        elif len(self._found) < 10 * MAX_PLACES:
            self._found.append((turn.line, turn.field, strange))
        return ()

    def finish(self) -> Iterator[Finding]:
        if self._copied < _LEAST or self._copied < _MOSTLY * self._total:
            return
        for line, at, number in self._found:
            usual = f"{self._copied} of {self._total} answers with numbers copy theirs from the input"
            yield _unfounded(line, at, f"the number {shown(number)} stands nowhere in the input; {usual}")


def _is_small(number: str) -> bool:
    return number.isdigit() and int(number[:6]) <= _SMALL and len(number) <= len(str(_SMALL))


def _digits(number: str) -> str:
    """`23,17` and `23.17`, `8.4` and `8.40`, `1,299` and `1299` are the same digits."""
    return number.replace(",", "").replace(".", "").strip("0")
