"""Drift of the way in which times of day and amounts of money are written: `7:30 pm` among `19:30`, `5 €` among `€5`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from honekit.data.checks.tally import Tallies
from honekit.data.checks.turn import NO_JSON, Turn, has_code, warner
from honekit.data.checks.turns import Turns
from honekit.data.lines import Finding, shown

_CLOCK = re.compile(
    r"\d(?<![\d:.,-]\d)(?:(?P<twelve>\d?(?::[0-5]\d\s?[ap]\.?m\b|\s?pm\b|am\b|\s?[ap]\.m\.))"
    r"|(?P<day>(?:(?<=0)\d|(?<=1)[3-9]|(?<=2)[0-3]):[0-5]\d(?![\d:])))",
    re.I,
)
"""German has `3 am Bahnhof`. Without am or pm, and neither behind noon nor with a nought before it, a time may be either."""
_MONEY = re.compile(r"(?<!\w)(?P<before>[€$£¥])\s?\d[\d.,]*|(?<![\w.,])\d[\d.,]*\s?(?P<behind>[€$£¥])(?![\w#$%&])")
_MOSTLY = 0.75
_FORMS = {"twelve": "with am or pm", "day": "with 24 hours", "before": "before the number", "behind": "behind the number"}

_clock = warner("data.style.times", "write all times of day in one way")
_money = warner("data.style.money", "write the sign of a currency on one side of the number")


@dataclass
class Amounts:
    """`data.style.times`, `data.style.money`."""

    clocks: Tallies = field(default_factory=Tallies)
    money: Tallies = field(default_factory=Tallies)

    def see(self, turns: Turns) -> None:
        for turn in turns.with_digits:
            text = turn.answer
            if turn.value is not NO_JSON or has_code(text):
                continue
            if ":" in text or "pm" in text or "am" in text or ".m." in text:
                self._count(self.clocks, _CLOCK, text, turn)
            if "$" in text or "€" in text or "£" in text or "¥" in text:
                self._count(self.money, _MONEY, text, turn)

    def _count(self, tallies: Tallies, pattern: re.Pattern[str], text: str, turn: Turn) -> None:
        """The first of an answer; what the user wrote is taken over on purpose."""
        found = pattern.search(text)
        if found:
            kind = str(found.lastgroup)
            sign = found[kind] if kind in ("before", "behind") else ""
            tallies.add(turn.task, sign, kind, turn.line, "" if found[0] in turn.question else turn.field)

    def join(self, later: Amounts, lines_before: int) -> None:
        self.clocks.join(later.clocks, lines_before)
        self.money.join(later.money, lines_before)

    def finish(self) -> Iterator[Finding]:
        for tallies, make, what in ((self.clocks, _clock, "a time of day"), (self.money, _money, "")):
            for sign, tally in tallies.all():
                for kind, (line, at) in tally.odd(share=_MOSTLY):
                    if at:
                        usual = f"{tally.counts[tally.main]} of {tally.total} write it {_FORMS[str(tally.main)]}"
                        yield make(line, at, f"{what or shown(sign)} is written {_FORMS[str(kind)]}; {usual}")
