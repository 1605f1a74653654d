"""Amounts in another currency than nearly all answers of a task have: `$` among `€`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from honekit.data.checks.tally import Tallies
from honekit.data.checks.turn import adviser, said_before, system_of, warner
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

_FIX = "write the amount in the currency of the others, with its value, or say in the input which one is meant"
_currency = warner("data.style.money", _FIX)
_advised = adviser("data.style.money", _FIX)


@dataclass
class Currencies:
    """`data.style.money` for the currency itself."""

    signs: Tallies = field(default_factory=Tallies)
    """By task: the sign, and whether the system prompt names a currency."""

    def see(self, turns: Turns) -> None:
        for turn in turns.with_money:
            found = {CURRENCIES[one or other] for one, other in _SIGN.findall(turn.answer)}
            if len(found) == 1:
                sign = found.pop()
                is_asked = bool(_ASKED[sign].search(said_before(turn)))
                self.signs.add(turn.task, "", (sign, _named(system_of(turn) or "")), turn.line, "" if is_asked else turn.field)

    def join(self, later: Currencies, lines_before: int) -> None:
        self.signs.join(later.signs, lines_before)

    def finish(self) -> Iterator[Finding]:
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


@lru_cache(maxsize=64)
def _named(prompt: str) -> str:
    """The one currency that a system prompt names."""
    named = [sign for sign, words in _ASKED.items() if words.search(prompt)]
    return named[0] if len(named) == 1 else ""
