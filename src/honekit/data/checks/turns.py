"""The turns of a block of lines, for checks that look at many at once: most of them have nothing for most checks."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import Any, Protocol

from honekit.data.checks.quality.cues import Cues, cues_of
from honekit.data.checks.turn import MAX_LABEL_CHARS, NO_JSON, Turn, digit_span, is_label
from honekit.data.lines import Finding

CURRENCIES = {
    "€": "€", "EUR": "€", "euros": "€", "euro": "€", "$": "$", "USD": "$", "dollars": "$", "£": "£", "GBP": "£", "¥": "¥",
    "JPY": "¥", "₹": "₹", "INR": "₹", "CHF": "CHF", "francs": "CHF", "Franken": "CHF", "kr": "kr", "SEK": "kr", "NOK": "kr",
    "DKK": "kr", "zł": "zł", "PLN": "zł",
}  # fmt: skip
"""Signs, codes and words beside an amount, with the currency. Pounds are a weight too."""
_AROUND = max(map(len, CURRENCIES)) + 1


class Turns:
    """Turns in order of the file, and those of a kind that several checks look at."""

    def __init__(self, turns: Iterable[Turn]) -> None:
        self.all = [*turns]

    @cached_property
    def systems(self) -> list[str | None]:
        """The system prompt of each."""
        return [turn.system for turn in self.all]

    @cached_property
    def prompts(self) -> list[str | None]:
        """These, each once. Comparing is sooner done than hashing, which every text that was read needs anew."""
        first = self.systems[:1]
        return first if self.systems == first * len(self.systems) else [*dict.fromkeys(self.systems)]

    @cached_property
    def cues(self) -> list[Cues]:
        """The words that several checks search trained answers for; most turns have none."""
        return cues_of(self.all)

    @cached_property
    def trained(self) -> list[tuple[Turn, int, str]]:
        """Every trained answer that is a text, with its place."""
        return [(turn, at, text) for turn in self.all for at, text in turn.trained]

    @cached_property
    def trained_text(self) -> str:
        """All of them in one string: what it does not have need not be looked for in any of them."""
        return "\n".join([text for _, _, text in self.trained])

    @cached_property
    def _of_texts(self) -> str:
        return "\0".join([turn.answer for turn in self.texts])

    def have(self, *signs: str) -> bool:
        """Whether one of the answers that are no JSON has one of these in it: what none has need not be looked for in each."""
        text = self._of_texts
        return any(sign in text for sign in signs)

    @cached_property
    def are_ascii(self) -> bool:
        """Whether all answers are that are no JSON."""
        return self._of_texts.isascii()

    @cached_property
    def spans_of_digits(self) -> list[tuple[Turn, int, int]]:
        """Those whose answer has a digit, with where the first one stands and where the last one ends."""
        return [(turn, *digit_span(turn.answer)) for turn in self.with_digits]

    @cached_property
    def written(self) -> list[Turn]:
        """Those whose answer is more than blanks."""
        return [turn for turn in self.all if turn.answer and not turn.answer.isspace()]

    @cached_property
    def with_digits(self) -> list[Turn]:
        """Those whose answer has a digit."""
        return [turn for turn in self.all if turn.has_digit]

    @cached_property
    def with_money(self) -> list[Turn]:
        """Those whose answer is no JSON and has a digit, and a currency or what looks like one."""
        turns = [turn for turn in self.texts if turn.has_digit]
        near = [_near_digits(turn.answer) for turn in turns]
        all_near = "\n".join(near)
        said = [word for word in CURRENCIES if word in all_near]
        if not said:
            return []
        return [turn for turn, text in zip(turns, near, strict=True) if any(word in text for word in said)]

    @cached_property
    def prose(self) -> list[Turn]:
        return [turn for turn in self.all if turn.is_prose]

    @cached_property
    def texts(self) -> list[Turn]:
        """Those whose answer is no JSON."""
        return [turn for turn in self.all if turn.value is NO_JSON]

    @cached_property
    def labels(self) -> list[Turn]:
        """Those whose answer may be a label."""
        return [turn for turn in self.all if len(turn.answer) <= MAX_LABEL_CHARS and is_label(turn.answer)]

    @cached_property
    def spoken(self) -> list[Turn]:
        """Those whose answer is no JSON and more than blanks."""
        return [turn for turn in self.texts if turn.answer and not turn.answer.isspace()]

    @cached_property
    def said(self) -> list[str]:
        """The answers of these, the blanks around them taken off."""
        return [turn.answer.strip() for turn in self.spoken]

    @cached_property
    def objects(self) -> list[Turn]:
        """Those whose answer is a JSON object."""
        return [turn for turn in self.all if type(turn.value) is dict]


def _near_digits(text: str) -> str:
    """From a little before the first digit of a text to a little behind its last."""
    begin, end = digit_span(text)
    return text[max(begin - _AROUND, 0) : end + _AROUND]


class TurnCheck(Protocol):
    """A check that needs no more than the turns. What it remembers stays small at any file size, and is made of what msgspec can
    send: parts of a file are seen in several processes, and joined in order."""

    def see(self, turns: Turns) -> None:
        """Look at a block of turns. How a file is cut into blocks makes no difference."""

    def join(self, later: Any, lines_before: int) -> None:
        """Add what the same check saw in a later part of the file, whose lines count from one after `lines_before`."""

    def finish(self) -> Iterable[Finding]: ...
