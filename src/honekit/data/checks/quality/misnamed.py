"""Names in running text that are a slip away from one in the input: `Mr Lindgern` where the note has `Mr Lindgren`.

Values of fields and short answers are for `copied`. Here the answers of a file have to name what their input names, nearly all
without a slip: else words that look alike are translations, or inflected.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from rapidfuzz.distance import OSA

from honekit.data.checks.quality.languages import is_same, language_of
from honekit.data.checks.tally import MAX_PLACES
from honekit.data.checks.turn import Turn, said_before, warner
from honekit.data.checks.turns import Turns
from honekit.data.lines import Finding, shown

_NAME = re.compile(r"\b[A-ZÀ-ÖØ-Þ][a-zß-öø-ÿ]{4,}(?![\w-])")
_WITHIN = re.compile(r"(?<![.!?] )(?<!\n)(?<=[\w,:;(/\"'’-] )[A-ZÀ-ÖØ-Þ][a-zß-öø-ÿ]{4,}(?![\w-])")
"""A name that does not begin a sentence, where any word has a capital."""
_TRANSLATES = re.compile(r"transl|übersetz|tradu|vertaal|przetłum|spell|typo|proofread|grammar|misspel", re.I)
_LEAST, _HALF, _FEW_SHARE = 6, 0.5, 0.03
_ENOUGH, _EVERY = 100, 64
"""After so many answers in which hardly any name is from the input, one of so many lines is looked at."""
_MAX_CHARS = 1500
_LONG = 8

_unfounded = warner("data.answers.unfounded", "copy it from the input as it stands there")


@dataclass
class Misnamed:
    """`data.answers.unfounded` for names in running text."""

    total: int = 0
    named: int = 0
    """Answers looked at, and those with a name of their input."""
    found: list[tuple[int, str, str, str, str, str]] = field(default_factory=list)
    """Line, place, name, the one that the input has, input and answer."""

    def see(self, turns: Turns) -> None:
        is_hopeless = self.is_hopeless
        for turn in turns.prose:
            if (is_hopeless and turn.line % _EVERY) or len(turn.answer) > _MAX_CHARS:
                continue
            self.total += 1
            is_hopeless = self.is_hopeless
            names = {*_NAME.findall(turn.answer)}
            if not names:
                continue
            before = said_before(turn)
            strange = [name for name in names if name not in before]
            self.named += len(strange) < len(names)
            if strange and len(self.found) < MAX_PLACES and (slip := _slip(turn, sorted(strange), before)):
                self.found.append((turn.line, turn.field, *slip, turn.question[:_MAX_CHARS], turn.answer))

    @property
    def is_hopeless(self) -> bool:
        return self.total >= _ENOUGH and self.named < _HALF * self.total

    def join(self, later: Misnamed, lines_before: int) -> None:
        self.total += later.total
        self.named += later.named
        room = MAX_PLACES - len(self.found)
        self.found += [(line + lines_before, *rest) for line, *rest in later.found[:room]]  # type: ignore[misc]

    def finish(self) -> Iterator[Finding]:
        if self.named < max(_LEAST, _HALF * self.total) or len(self.found) > max(1, _FEW_SHARE * self.named):
            return
        for line, at, name, meant, asked, answered in self.found:
            asked_in, answered_in = language_of(asked), language_of(answered)
            if not asked_in or not answered_in or is_same(asked_in, answered_in):
                usual = f"{self.named} of {self.total} answers name what it names"
                yield _unfounded(line, at, f"{shown(name)} stands nowhere in the input, but {shown(meant)} does; {usual}")


def _slip(turn: Turn, strange: list[str], before: str) -> tuple[str, str] | None:
    """The first name with the one that was meant: the input has it within a sentence, and the answer has it not."""
    folded = before.casefold()
    doubtful = [name for name in strange if name.casefold() not in folded]
    others = sorted({*_WITHIN.findall(before)}) if doubtful and not _TRANSLATES.search(before) else []
    for name in doubtful:
        meant = next((other for other in others if other not in turn.answer and _is_slip(name, other)), None)
        if meant:
            return name, meant
    return None


def _is_slip(name: str, other: str) -> bool:
    """Whether two names differ by a slip of the hand, and not in their endings alone: these may be inflected."""
    if name[0] != other[0] or name[:-2] == other[: len(name) - 2] or other[:-2] == name[: len(other) - 2]:
        return False
    allowed = 2 if min(len(name), len(other)) >= _LONG or sorted(name) == sorted(other) else 1
    return abs(len(name) - len(other)) <= 1 and OSA.distance(name, other, score_cutoff=allowed) <= allowed
