"""Lists with fewer or more items than the line above them announces: `Here are five tips:` and four of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from honekit.data.checks.accidents import accidents
from honekit.data.checks.quality.number_words import cardinal, numbers_in_words
from honekit.data.checks.tally import Tally
from honekit.data.checks.turn import NO_JSON, has_code, has_digit, warner
from honekit.data.checks.turns import Turns
from honekit.data.lines import Finding

_NUMBER = r"[*_]*(\d{1,2}|[^\W\d_]{2,})[*_]* "
_NO_COUNT = (
    r"(?!of\b|to\b|or\b|and\b|bis\b|oder\b|und\b|von\b|ou\b|à\b|o\b|y\b|de\b|a\b|comes?\b|is\b|was\b"
    r"|(?:min|hour|day|week|month|year|percent|cup|gram|stunde|tage|woche|monat|jahr|heure|jour|semaine|ann?é|hora|día|semana"
    r"|mes|año|h\b|g\b|kg\b|ml\b))"
)
"""A range, a part of the things, or a quantity."""
_LEAD = re.compile(
    r"[\s*_#>]*(?:(?:here are|here['’]s|there are|these(?: are)?|the|follow|try|consider|take"
    r"|hier sind|es gibt|die|diese|voici|il y a|les|ces|aquí (?:tienes|están|hay)|hay|estos son|estas son|los|las)\b"
    r"(?: (?:the|my|some|these|our|your|just|top|best|following|folgenden?|les|los|las))* )?"
    rf"{_NUMBER}{_NO_COUNT}([^\W\d_][^\n:]{{1,100}}?)[ *_]*:[ *_]*$",
    re.I,
)
"""Whose number counts what follows: it begins the sentence."""
_TRAIL = re.compile(
    r".*\b(?:in|into|with|of|has|have|are|the following|these|top|are the|mit|aus|in diesen|en|avec|con|estos|estas)"
    rf" {_NUMBER}{_NO_COUNT}([^\W\d_][\w'’-]*(?: [\w'’-]+)?)[ *_]*:[ *_]*$",
    re.I,
)
"""Whose number stands at its end: `… is made with three ingredients:`."""
_SENTENCE = re.compile(r"[.!?] +(?=[^\W\d_]|\d+ )")
_ITEM = re.compile(r"([ \t]*)(?:([-*•–‣])|\(?(\d{1,2})[.)])[ \t]+\S")
_MANY = range(2, 21)
_MAX_CHARS, _MAX_LINE = 8000, 200

_announced = warner("data.answers.count", "write as many as are announced, or announce as many as there are")


@dataclass
class Announced:
    """`data.answers.count`."""

    odd: Tally = field(default_factory=Tally)
    lists: int = 0
    """Lists whose number was announced."""

    def see(self, turns: Turns) -> None:
        for turn, at, text in turns.trained:
            if "\n" not in text or not (":\n" in text or ":*" in text):
                continue
            if len(text) > _MAX_CHARS or has_code(text) or (at == turn.at and turn.value is not NO_JSON):
                continue
            for announced, items in announced_lists(text):
                self.lists += 1
                if announced != items:
                    self.odd.add(f"the answer announces {announced} and lists {items}", turn.line, f"messages[{at}].content")
                    break

    def join(self, later: Announced, lines_before: int) -> None:
        self.odd.join(later.odd, lines_before)
        self.lists += later.lists

    def finish(self) -> Iterator[Finding]:
        for what, (line, at) in accidents(self.odd, self.lists):
            yield _announced(line, at, what)


def announced_lists(text: str) -> Iterator[tuple[int, int]]:
    """The number that the line above a list announces and that of its items, for every list where both can be told."""
    lines = text.split("\n")
    for index, line in enumerate(lines[:-1]):
        if len(line) <= _MAX_LINE and line.rstrip(" *_").endswith(":") and not _ITEM.match(line):
            number = _announced_in(line)
            items = _items(lines[index + 1 :]) if number else None
            if number and items:
                yield number, items


def _announced_in(line: str) -> int | None:
    sentence = _SENTENCE.split(line)[-1]
    found = _LEAD.match(sentence) or _TRAIL.match(sentence)
    if not found:
        return None
    others = sentence[: found.start(1)] + sentence[found.end(1) :]
    if has_digit(others) or numbers_in_words(others) - {1}:
        return None
    number = int(found[1]) if found[1].isdigit() else cardinal(found[1])
    return number if number in _MANY else None


def _items(lines: list[str]) -> int | None:
    """How many items the list has that begins the lines; None where this cannot be told."""
    first = next((found for line in lines[:2] if (found := _ITEM.match(line))), None)
    if first is None or (lines[0].strip() and not _ITEM.match(lines[0])):
        return None
    indent, mark = first[1], first[2]
    items, is_over = 0, False
    for line in lines:
        found = _ITEM.match(line)
        if found and found[1] == indent and found[2] == mark:
            if is_over or (not mark and int(found[3]) != items + 1):
                return None
            items += 1
        elif mark and line.strip() and not line.startswith((" ", "\t")) and items:
            is_over = True
    return items
