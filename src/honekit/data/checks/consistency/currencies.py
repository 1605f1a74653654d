"""Amounts in another currency than nearly all answers of a task have (`$` among `€`), or with it in another form (`EUR` among
`euros`)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from honekit.data.checks.tally import Tallies
from honekit.data.checks.turn import adviser, said_before, warner
from honekit.data.checks.turns import CURRENCIES, Turns
from honekit.data.lines import Finding, shown

_WORDS = {
    "€": r"€|\bEUR\b|\beuros?\b",
    "$": r"\$|\b(?:USD|AUD|CAD)\b|\bdollars?\b|\b(?:bucks|cents)\b",
    "£": r"£|\bGBP\b|\bpounds?\b|\bsterling\b",
    "¥": r"¥|\b(?:JPY|CNY|RMB)\b|\b(?:yen|yuan)\b",
    "₹": r"₹|\bINR\b|\brupees?\b",
    "CHF": r"\bCHF\b|\b(?:Swiss )?francs?\b|\bFranken\b",
    "kr": r"\bkr\b|\b(?:SEK|NOK|DKK)\b|\bkrone[rn]?\b|\bkronor\b",
    "zł": r"zł|\bPLN\b|\bzłot\w+",
}
"""What says that a currency is meant."""
_ASKED = {sign: re.compile(words, re.I) for sign, words in _WORDS.items()}
_NAMES = "|".join(word for word in CURRENCIES if word.isalpha())
_SIGN = re.compile(rf"(?<!\w)([€$£¥₹]|(?:{_NAMES})\b) ?\d|\d ?([€£¥₹]|\$(?!\w)|(?:{_NAMES})\b)")
_LEAST, _MOSTLY, _FEW = 8, 0.85, 2
_FORM = 0.75

_FIX = "write the amount in the currency of the others, with its value, or say in the input which one is meant"
_currency = warner("data.style.money", _FIX)
_advised = adviser("data.style.money", _FIX)
_form = adviser("data.style.money", "write the currency in one form everywhere: as a sign, a code or a word")


@dataclass
class Currencies:
    """`data.style.money` for the currency itself, and for the form in which it is written."""

    signs: Tallies = field(default_factory=Tallies)
    """By task: the sign, and whether the system prompt names a currency."""
    forms: Tallies = field(default_factory=Tallies)
    """By currency: how the first amount of an answer has it."""

    def see(self, turns: Turns) -> None:
        for turn in turns.with_money:
            amounts = [*_SIGN.finditer(turn.answer)]
            found = {CURRENCIES[one[1] or one[2]] for one in amounts}
            if len(found) == 1:
                sign = found.pop()
                is_copied = amounts[0][0] in turn.question
                form = _form_of(amounts[0][1] or amounts[0][2])
                self.forms.add(turn.task, sign, form, turn.line, "" if is_copied else turn.field)
                is_asked = bool(_ASKED[sign].search(said_before(turn)))
                self.signs.add(turn.task, "", (sign, _named(turn.system or "")), turn.line, "" if is_asked else turn.field)

    def join(self, later: Currencies, lines_before: int) -> None:
        self.signs.join(later.signs, lines_before)
        self.forms.join(later.forms, lines_before)

    def finish(self) -> Iterator[Finding]:
        for _, forms in self.forms.all():
            for form, (line, at) in forms.odd(share=_FORM, least=_LEAST):
                if at:
                    said = f"{forms.counts[forms.main]} of {forms.total} answers with it have {forms.main}"
                    yield _form(line, at, f"the currency is written as {form}; {said}")
        for _, both in self.signs.all():
            tally = both.of(0)
            odd = tally.total - tally.counts.get(tally.main, 0)
            if odd > _FEW:
                continue
            for (sign, named), places in both.places.items():
                for line, at in places if sign != tally.main and tally.total >= _LEAST else ():
                    if at and tally.share(tally.main) >= _MOSTLY:
                        said = f"{tally.counts[tally.main]} of {tally.total} answers with money have {shown(tally.main)}"
                        say = _currency if named == tally.main else _advised
                        yield say(line, at, f"an amount is in {shown(sign)}; {said}")


def _form_of(word: str) -> str:
    if not word.isalpha():
        return "a sign"
    return "a code" if word.isupper() else "a word"


@lru_cache(maxsize=64)
def _named(prompt: str) -> str:
    """The one currency that a system prompt names."""
    named = [sign for sign, words in _ASKED.items() if words.search(prompt)]
    return named[0] if len(named) == 1 else ""
