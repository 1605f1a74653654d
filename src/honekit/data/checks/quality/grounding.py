"""Identifiers in an answer that stand nowhere in what it answers: the model would learn to make them up."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from honekit.data.checks.tally import MAX_PLACES
from honekit.data.checks.turn import NO_JSON, adviser, has_code, has_digit, said_before, warner
from honekit.data.checks.turns import Turns
from honekit.data.lines import Finding, shown

_TOKEN = re.compile(r"(?<![\w./:@#%-])#?[A-Za-z0-9]+(?:[-_][A-Za-z0-9]+)*(?![\w/@]|[.:]\w)")
_COMMON = re.compile(
    r"\d+(?:st|nd|rd|th|s|x|d|[ap]m|k|m)|\d+(?:[.,]\d+)?[a-zA-Zµ°]{1,4}|[vV]\d+|[A-Za-z]\d|[A-Z]?\d{1,2}[A-Z]?|(?:19|20)\d\ds?|\d{4}-\d\d-\d\d\w*"
    r"|(?:utf|iso|http|ipv|mp|h|covid|sha|md|rs|usb|wpa|wi|top|web|python|base|step|q|option|part|level|class|type|phase|day|week|log|int|float"
    r"|win|windows|rfc|en|din|iec|ieee|co|co2|h2o)[-_]?\d+\w{0,3}|\d+[-_][a-z]{2,}|[a-z]{1,2}\d[a-z]|0x[0-9a-f]+",
    re.I,
)
_MAY_BE_NAME = re.compile(r"[0-9](?:(?<=[A-Za-z_#-].)|(?=[A-Za-z_-]))")
"""What every identifier has: a digit beside a letter, a hyphen or the like."""
_NUMBERED = re.compile(r"#?\d+(?:-\d+)+")
"""Groups of digits: an order number such as `88-1204`, but also a date, a range of numbers or of years, and a score."""
_NO_NUMBERED = re.compile(r"\d{4}-\d\d?(?:-\d\d?)?|\d\d?-\d\d?-(?:\d\d|\d{4})|(?:\d\d?-)*\d\d?")
_LETTER, _DIGIT = re.compile(r"[A-Za-z]"), re.compile(r"\d")
_LEAST = 6
_MAX_FOUND = 10 * MAX_PLACES
_COPIED = 0.8
_LEAST_ANSWERS, _FEW_LONE, _LONE_SHARE = 10, 2, 0.02
"""Where hardly any answer has an identifier, the few that do may have made them up."""
_LONE_DIGITS = 5
"""So many digits name one order, letter or person; a product has fewer."""
_LONE = re.compile(r"(?:#|[A-Za-z]{1,6}[-_]?)\d[\d-]*")
_NOT_WORD = re.compile(r"[^a-z0-9]")

_FIX = "copy it from the input, add it there, or take it out of the answer"
_unfounded = warner("data.answers.unfounded", _FIX)
_lone = adviser("data.answers.unfounded", _FIX)


@dataclass
class Grounding:
    """`data.answers.unfounded`."""

    copied: int = 0
    total: int = 0
    answers: int = 0
    found: list[tuple[int, str, str]] = field(default_factory=list)
    """Line, field and identifier of the first answers with a strange one."""

    def see(self, turns: Turns) -> None:
        self.answers += len(turns.all)
        for turn, begin, end in turns.spans_of_digits:
            if not _MAY_BE_NAME.search(turn.answer[max(begin - 1, 0) : end + 1]):
                continue
            text = turn.answer if turn.value is NO_JSON else " ".join(texts_in(turn.value))
            names = identifiers(text) if has_digit(text) else ()
            if not names:
                continue
            self.total += 1
            strange = first_strange(names, said_before(turn))
            if strange is None:
                self.copied += 1
            elif len(self.found) < _MAX_FOUND:
                self.found.append((turn.line, turn.field, strange))

    def join(self, later: Grounding, lines_before: int) -> None:
        self.copied += later.copied
        self.total += later.total
        self.answers += later.answers
        room = _MAX_FOUND - len(self.found)
        self.found += [(line + lines_before, at, name) for line, at, name in later.found[:room]]

    def finish(self) -> Iterator[Finding]:
        if self.total < _LEAST or self.copied < _COPIED * self.total:
            yield from self._lone()
            return
        for line, at, name in self.found:
            others = f"{self.copied} of {self.total} answers with identifiers copy theirs from the input"
            yield _unfounded(line, at, f"{shown(name)} stands nowhere in the input; {others}")

    def _lone(self) -> Iterator[Finding]:
        if self.answers < _LEAST_ANSWERS or self.total > max(_FEW_LONE, _LONE_SHARE * self.answers):
            return
        for line, at, name in self.found:
            if _LONE.fullmatch(name) and sum(map(str.isdigit, name)) >= _LONE_DIGITS:
                yield _lone(
                    line, at, f"{shown(name)} stands nowhere in the input, and hardly any other answer names such a thing"
                )


def identifiers(text: str) -> list[str]:
    """Tokens of letters and digits that name one thing, such as `pump-14`, `P-310`, `ORD48213`, `#48213` and `88-1204`.

    Quantities, dates, years, versions and names of standards are none, nor is anything in a text with code.
    """
    if has_code(text):
        return []
    tokens = chain.from_iterable(map(_TOKEN.findall, _runs_with_digits(text)))
    return [token for token in tokens if _DIGIT.search(token) and _is_identifier(token)]


def _runs_with_digits(text: str) -> Iterator[str]:
    """What `split` gives, without the runs that have no digit."""
    end = 0
    while digit := _DIGIT.search(text, end):
        before, rest = text[end : digit.start()], text[digit.start() :].split(None, 1)[0]
        yield before.rsplit(None, 1)[-1] + rest if before and not before[-1].isspace() else rest
        end = digit.start() + len(rest)


def _is_identifier(token: str) -> bool:
    if token.startswith("#"):
        return len(token) >= 4
    if _NUMBERED.fullmatch(token):
        first, *others = token.split("-")
        is_range = len(others) == 1 and len(first) == len(others[0]) and first <= others[0]
        return not is_range and not _NO_NUMBERED.fullmatch(token)
    return len(token) >= 4 and bool(_LETTER.search(token)) and not _COMMON.fullmatch(token)


def texts_in(value: Any) -> list[str]:
    """All texts of decoded JSON, without the keys."""
    found: list[str] = []
    for item in value.values() if isinstance(value, dict) else value:
        if type(item) is str:
            found.append(item)
        elif isinstance(item, dict | list):
            found += texts_in(item)
    return found


def first_strange(names: Sequence[str], before: str) -> str | None:
    """The first name that `before` does not have, whatever its case and hyphens."""
    before = before.lower()
    strange = [name for name in names if name.lower() not in before]
    if not strange:
        return None
    letters = _NOT_WORD.sub("", before)
    return next((name for name in strange if _NOT_WORD.sub("", name.lower()) not in letters), None)
