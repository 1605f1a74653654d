"""Numbers in an answer that stand nowhere in the conversation before it, where nearly all answers copy theirs."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from itertools import filterfalse

from honekit.data.checks.quality.figures import is_result, value_of
from honekit.data.checks.quality.number_words import numbers_in_words
from honekit.data.checks.quality.taken import Taken
from honekit.data.checks.tally import MAX_PLACES
from honekit.data.checks.turn import Turn, adviser, has_code, said_before, warner
from honekit.data.checks.turns import Turns
from honekit.data.lines import Finding, shown

_LEAST = 8
_MOSTLY = 0.9
_FEW, _HALF = 4, 0.6
"""What is needed to blame a number that is a slip away from one in the input."""
_MIN_DIGITS = 3
_SMALL = 12
"""Counts, months and hours are often put into figures."""
_MEASURED = re.compile(
    r"(?<![\w#/.,:-])[2-9]"
    r"(?= ?(?:[mµ]?g|mcg|kg|[mcd]?l|[mck]?m|[mk]?[VAW]|kWh|[KMGT]B|[kMG]?Hz|bar|psi|°[CF])(?![\w/²³]))"
)
"""A small number that measures something is no count."""
_MAX_IN_WORDS = 4
_NEARLY = 1e-9
_ENOUGH = 300
_MAX_CHARS = 4000
_MAX_FOUND = 10 * MAX_PLACES
_SLIP, _ADDED = "slip", "added"
"""Of a number that the input has, and beside all those that it has."""
_NUMBER = re.compile(r"\d(?<![\w#/-]\d)\d*(?:[.,]\d+)*(?![\w/-]|[.:]\d)")
_ANY = re.compile(r"\d+(?:[.,]\d+)*")
_FIGURES = bytes(code if chr(code) in "0123456789.," else 0x20 for code in range(256))
_AROUND = 10
"""More characters than the patterns look at beside a number."""
_KNOWN_ANYWAY = re.compile(r"\d(?:\d?:\d\d|(?<=\b1)9\d\d\b|(?<=\b2)0\d\d\b)")
"""Times and years: known from elsewhere."""

_ROUND = re.compile(r"\d{1,3}0+")
_ROUND_WORD = re.compile(
    r"(?:twen|thir|for|fif|six|seven|eigh|nine)ty|hundred|thousand|million|billion|(?:z|ß)ig\b|hundert|tausend|\b(?:cents?|mille|cien(?:tos?)?|mil)\b",
    re.I,
)
"""Round numbers are often said in words."""

_unfounded = warner("data.answers.unfounded", "copy it from the input, add it there, or take it out of the answer")
_added = adviser("data.answers.unfounded", "see where it comes from: a model can only learn to make it up")


@dataclass
class Numbers:
    """`data.answers.unfounded` for numbers."""

    taken: Taken = field(default_factory=Taken)

    def see(self, turns: Turns) -> None:
        taken = self.taken
        for turn, begin, end in turns.spans_of_digits:
            if len(turn.answer) > _MAX_CHARS or has_code(turn.answer):
                continue
            if taken.total >= _ENOUGH and taken.copied < _HALF * taken.total:
                continue
            near_digits = turn.answer[max(begin - _AROUND, 0) : end + _AROUND]
            numbers = [*filterfalse(_is_small, every := _NUMBER.findall(_KNOWN_ANYWAY.sub(" ", near_digits)))]
            if len(numbers) < len(every):
                numbers += _MEASURED.findall(near_digits)
            if not numbers:
                continue
            taken.total += 1
            said = {*_ANY.findall(_figures(said_before(turn)))}
            if said.issuperset(numbers):
                taken.copied += 1
                continue
            known = set(map(_digits, said))
            strange = next((number for number in numbers if _digits(number) not in known), None)
            if strange and len(_digits(strange)) <= _MAX_IN_WORDS:
                words = numbers_in_words(said_before(turn))
                known.update(map(str, words))
                strange = next((one for one in numbers if _digits(one) not in known and not _is_in_words(one, words)), None)
            if strange is None and (moved := _moved_point(turn, [number for number in numbers if number not in said], said)):
                taken.note(turn.line, turn.field, _said(*moved), _SLIP, _MAX_FOUND)
            elif strange is None:
                taken.copied += 1
            elif len(taken.strange) < _MAX_FOUND and not _is_said_in_words(strange, turn):
                meant = _slip_of(strange, known)
                if _is_surely_slip(strange, meant) or not is_result(strange, _values(turn), in_percent="%" in turn.text):
                    kind = _SLIP if meant else _ADDED if _is_added(turn, numbers, known) else ""
                    taken.note(turn.line, turn.field, _said(strange, meant), kind, _MAX_FOUND)

    def join(self, later: Numbers, lines_before: int) -> None:
        self.taken.join(later.taken, lines_before, _MAX_FOUND)

    def finish(self) -> Iterator[Finding]:
        usually = "answers with numbers copy theirs from the input"
        is_usual = self.taken.is_usual(_LEAST, _MOSTLY)
        if is_usual or self.taken.is_usual(_FEW, _HALF):
            yield from self.taken.findings(_unfounded, usually, _SLIP)
        if is_usual:
            yield from self.taken.findings(_unfounded, usually, "")
            yield from self.taken.findings(_added, usually, _ADDED)


def _said(number: str, meant: str | None) -> str:
    return f"the number {shown(number)} stands nowhere in the input" + (f", but {meant} does" if meant else "")


def _figures(text: str) -> str:
    """All runs of digits, full stops and commas: `_ANY` finds the same in them, and sooner."""
    return " ".join(text.encode().translate(_FIGURES).decode().split()) if text.isascii() else text


def _is_in_words(number: str, words: Collection[int]) -> bool:
    """Whether words say an amount in two numbers: `five pounds forty` is 5.40."""
    whole, mark, cents = number.replace(",", ".").partition(".")
    return bool(mark) and len(cents) == 2 and cents.isdigit() and {int(whole), int(cents)} <= {*words, 0}


def _is_said_in_words(number: str, turn: Turn) -> bool:
    return bool(_ROUND.fullmatch(_digits(number)) and _ROUND_WORD.search(said_before(turn)))


def _is_added(turn: Turn, numbers: list[str], known: set[str]) -> bool:
    """Whether the answer has all numbers of the input and adds one that may be common knowledge: `31 %; plants like 45 %`."""
    own = set(map(_digits, numbers))
    given = [
        text for text, message in zip(turn.texts[: turn.at], turn.messages, strict=False) if message.role in ("user", "tool")
    ]
    asked = {_digits(one) for text in given for one in _NUMBER.findall(text) if not _is_small(one)}
    return not own.isdisjoint(known) and asked <= own


def _moved_point(turn: Turn, numbers: list[str], said: set[str]) -> tuple[str, str] | None:
    """A number whose digits the input has with the decimal point elsewhere and the same unit behind, and that one."""
    for number in numbers:
        unit = re.search(rf"(?<![\d.,]){re.escape(number)}( ?[^\W\d_]+| ?[%€°]+)", turn.answer)
        for other in sorted(said) if unit else ():
            ratio = value_of(other) / (value_of(number) or 1)
            is_moved = _digits(other) == _digits(number) and all(
                abs(ratio / usual - 1) > _NEARLY for usual in (1, 1000, 0.001, 1e6)
            )
            if is_moved and unit and re.search(rf"(?<![\d.,]){re.escape(other)} ?{unit[1].strip()}(?!\w)", said_before(turn)):
                return number, other
    return None


def _values(turn: Turn) -> set[float]:
    """Of the numbers in all messages before the answer."""
    return {value_of(number) for text in turn.texts[: turn.at] for number in _NUMBER.findall(text)}


def _is_surely_slip(number: str, meant: str | None) -> bool:
    """Whether what was meant has the same digits, or a nought more than a single one: another digit may be a sum's."""
    own = _digits(number)
    return bool(meant) and (len(own) == 1 or sorted(own) == sorted(meant or ""))


def _is_small(number: str) -> bool:
    return number.isdigit() and int(number[:6]) <= _SMALL and len(number) <= len(str(_SMALL))


def _digits(number: str) -> str:
    """`23,17` and `23.17`, `8.4` and `8.40`, `1,299` and `1299` are the same digits."""
    whole, mark, last = number.replace(",", ".").rpartition(".")
    if mark and len(last) < 3:
        number = whole + last.rstrip("0")
    return number.replace(",", "").replace(".", "").lstrip("0")


def _slip_of(number: str, known: set[str]) -> str | None:
    """Digits in the input that are those of the number in another order, or all but one of them."""
    own = _digits(number)
    if len(own) == 1:
        return f"{own}0" if f"{own}0" in known else None
    if len(own) == 2 and own[0] != own[1]:
        return own[::-1] if own[::-1] in known else None
    if len(own) < _MIN_DIGITS:
        return None
    return next((other for other in sorted(known) if is_slip(own, other)), None)


def is_slip(own: str, other: str) -> bool:
    """Whether digits are a nought too many or too few away from others, have them in another order, or all but one."""
    if own.rstrip("0") == other.rstrip("0"):
        return abs(len(own) - len(other)) == 1  # a nought too many or too few
    return len(own) == len(other) and (sorted(own) == sorted(other) or sum(map(str.__ne__, own, other)) == 1)
