"""How thousands are parted in numbers of answers: `1,200`, `1.200`, `1 200`, `1'200` or `1200`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

from honekit.data.checks.short_texts import of_turn
from honekit.data.checks.tally import Tallies
from honekit.data.checks.turn import NO_JSON, Turn, has_code, warner
from honekit.data.checks.turns import Turns
from honekit.data.lines import Finding, shown

_FORMS = {
    "comma": r"[1-9]\d{0,2}(?:,\d{3})+(?:\.\d{1,2})?",
    "dot": r"[1-9]\d{0,2}(?:\.\d{3})+(?:,\d{1,2})?",
    "blank": r"[1-9]\d{0,2}(?:[ \u00a0\u202f]\d{3})+(?:[.,]\d{1,2})?",
    "stroke": r"[1-9]\d{0,2}(?:['’]\d{3})+(?:\.\d{1,2})?",
    "none": r"[1-9]\d{3,8}(?:[.,]\d{1,2})?",
}
_CURRENCY = (
    r"(?:R\$|[€$£¥₹]|(?:EUR|BRL|USD|GBP|CHF|JPY|SEK|NOK|DKK|PLN|INR|AUD|CAD|[Ee]uros?|dollars?|pounds?|francs?|Franken)\b)"
)


def _number(suffix: str) -> str:
    """One of `_FORMS`, each a group of its name and the suffix."""
    return "(?:" + "|".join(f"(?P<{name}{suffix}>{form})" for name, form in _FORMS.items()) + r")(?!\d|[.,'’]\d)"


_MONEY = re.compile(rf"(?<![\w.,]){_CURRENCY}\s?{_number('_behind')}|(?<![\w.,€$£¥₹-]){_number('_before')}(?=\s?{_CURRENCY})")
_VALUE = re.compile(rf"(?:{_CURRENCY}\s?)?{_number('')}(?:\s?{_CURRENCY}|\s(?P<word>[^\W\d_]{{1,16}}|km²|m²|m³))?")
"""A number alone, or with a currency, or with the word for what is counted."""
_EXAMPLES = {"comma": "1,200", "dot": "1.200", "blank": "1 200", "stroke": "1'200", "none": "1200"}
_MOSTLY, _LEAST = 0.75, 6
_MAX_VALUE_CHARS = 24
_MAX_NUMBERS = 20
_FOUR = 4
_YEAR = re.compile(r"(?:1[0-9]|20)\d\d")
_ANSWER, _MONEY_IN_TEXT = "", "in text"

_thousands = warner("data.style.thousands", "part thousands in one way everywhere")


@dataclass
class Thousands:
    """`data.style.thousands`, in amounts of money and in values that are a number."""

    forms: Tallies = field(default_factory=Tallies)

    def see(self, turns: Turns) -> None:
        for turn in turns.with_digits:
            if turn.value is NO_JSON:
                if len(turn.answer) <= _MAX_VALUE_CHARS and (found := _VALUE.fullmatch(turn.answer.strip())):
                    self._count(turn, _ANSWER, found, turn.field)
            elif isinstance(turn.value, dict):
                for path, texts in of_turn(turn).items():
                    if not path.endswith("[]"):
                        self._count_values(turn, path, texts)
        for turn in turns.with_money:
            if len(turn.answer) > _MAX_VALUE_CHARS or not _VALUE.fullmatch(turn.answer.strip()):
                for found in islice(_MONEY.finditer(turn.answer), 0 if has_code(turn.answer) else _MAX_NUMBERS):
                    self._count(turn, _MONEY_IN_TEXT, found, turn.field)

    def _count_values(self, turn: Turn, path: str, texts: list[str]) -> None:
        for text in texts:
            is_short = len(text) <= _MAX_VALUE_CHARS and (text[0].isdigit() or text[-1].isdigit())
            if is_short and (found := _VALUE.fullmatch(text)):
                self._count(turn, path, found, f"{turn.field}.{path}")

    def _count(self, turn: Turn, name: str, found: re.Match[str], at: str) -> None:
        """What was copied keeps the form of its source: it counts, and is not blamed."""
        if name != _MONEY_IN_TEXT and _YEAR.fullmatch(found[0]):
            return
        form, number = next((group.partition("_")[0], text) for group, text in found.groupdict().items() if text)
        # Many part no number of four digits beside a word, though they part longer ones; or it is a year (`1066 AD`).
        if form == "none" and len(number) == _FOUR and found.groupdict().get("word"):
            return
        self.forms.add(turn.task, name, form, turn.line, "" if found[0] in turn.question else at)

    def join(self, later: Thousands, lines_before: int) -> None:
        self.forms.join(later.forms, lines_before)

    def finish(self) -> Iterator[Finding]:
        told: set[tuple[int, str]] = set()
        for name, tally in self.forms.all():
            usual = str(tally.main)
            for form, place in tally.odd(share=_MOSTLY, least=_LEAST):
                if place[1] and (name == _MONEY_IN_TEXT or _is_telling(name, usual, str(form))) and place not in told:
                    told.add(place)
                    said = f"{tally.counts[usual]} of {tally.total} are written as {shown(_EXAMPLES[usual])}"
                    yield _thousands(*place, f"a number is written as {shown(_EXAMPLES[str(form)])}; {said}")


def _is_telling(name: str, usual: str, form: str) -> bool:
    """Whether a value that is a number stands out for sure: `1.250` may be a decimal, and answers may be years and codes."""
    if usual == "dot" or (form == "dot" and usual == "none"):
        return False
    return bool(name) or usual != "none"
