"""A person's name in a file whose other inputs have a mark such as `[NAME]` in its place: one that was overlooked.

No recogniser of names is needed: nearly all inputs have the mark, this record has none, and the same two capitalised words stand
in its input and in its answer, in the middle of a sentence.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from honekit.data.checks.tally import MAX_PLACES
from honekit.data.checks.turn import Turn, warner
from honekit.data.checks.turns import Turns
from honekit.data.lines import Finding

_MARK = re.compile(
    r"[\[<{]{1,2} ?(?:\w{2,10}[ _-])?"
    r"(?:names?|vorname|nachname|person|per|patient(?:in)?|customer|kunde|employee|client|nom|nombre)"
    r"(?:[ _-]?\w{1,2})? ?[\]>}]{1,2}|(?<![\w-])X{3,5}(?![\w-])",
    re.I,
)
_BRACKETS = ("[", "<", "{")
_UPPER, _LOWER = "A-ZÀ-ÖØ-ÞĆČĐŁŃŚŠŹŻŽ", "a-zß-öø-ÿąćčđęěłńňřśšťůźżž'’"
_WORD = f"[{_UPPER}][{_LOWER}]+(?:-[{_UPPER}][{_LOWER}]+)?"
_NAME = re.compile(rf"(?<=[{_LOWER},] )({_WORD}) ({_WORD})(?![\w-])")
_PLACE = re.compile(r"\b(?:in|at|near|on|into|across|via|im|am|an|auf|bei|nach|aus|à|au|dans|chez|en|del?) $")
_NO_NAMES = """
street road lane avenue square park house hall university hospital clinic college school church centre center bank
station bridge hotel airport harbour port sea river lake mount mountain city county north south east west new old saint
san santa los las the great union institute museum library office department team group company act day monday tuesday
wednesday thursday friday saturday sunday january february march april may june july august september october november
december montag dienstag mittwoch donnerstag freitag samstag sonntag januar februar märz mai juni juli oktober dezember
anfang mitte ende straße platz firma bahnhof red green black white blue first second google microsoft windows apple
amazon covid european american british german french
"""
_NOT_A_NAME = frozenset(_NO_NAMES.split())
_LEAST, _MOSTLY, _FEW = 8, 0.9, 0.05
_MANY = 0.5
"""Where fewer inputs have a mark, no names are looked for."""

_unmasked = warner("data.privacy.name", "write the mark in its place, in the input and in the answer")


@dataclass
class Unmasked:
    """`data.privacy.name` beside marks."""

    total: int = 0
    marks: Counter[str] = field(default_factory=Counter)
    found: list[tuple[int, str, str]] = field(default_factory=list)
    """Line, place and first letters of names in records without a mark."""

    def see(self, turns: Turns) -> None:
        self.total += len(turns.all)
        together = "\n".join([turn.question for turn in turns.all])
        may_be_marked = bool(_mark_in(together))
        marks = [_mark(turn.question) if may_be_marked else "" for turn in turns.all]
        self.marks.update(filter(None, marks))
        if self.marks.total() < _MANY * self.total:
            return
        for turn, mark in zip(turns.all, marks, strict=True):
            if not mark and len(self.found) < MAX_PLACES and not _mark(turn.answer) and (name := _name(turn)):
                at = max(at for at in range(turn.at) if turn.texts[at] == turn.question)
                self.found.append((turn.line, f"messages[{at}].content", name))

    def join(self, later: Unmasked, lines_before: int) -> None:
        self.total += later.total
        self.marks += later.marks
        self.found += [(line + lines_before, at, name) for line, at, name in later.found[: MAX_PLACES - len(self.found)]]

    def finish(self) -> Iterator[Finding]:
        marked = self.marks.total()
        if marked < _LEAST or marked < _MOSTLY * self.total or len(self.found) > max(2, _FEW * self.total):
            return
        mark = self.marks.most_common(1)[0][0]
        for line, at, name in self.found:
            yield _unmasked(
                line, at, f"the name of a person ({name}), it seems; {marked} of {self.total} inputs have a mark such as {mark}"
            )


def _mark(text: str) -> str:
    """The first mark, empty where there is none. Text between tags is no mark."""
    found = _mark_in(text)
    return found[0] if found and "</" not in text else ""


def _mark_in(text: str) -> re.Match[str] | None:
    # One letter is looked for ten times as fast as three.
    may_be = any(bracket in text for bracket in _BRACKETS) or ("X" in text and "XXX" in text)
    return _MARK.search(text) if may_be else None


def _name(turn: Turn) -> str:
    """The first letters of a name that stands in the question and in the answer, once in the middle of a sentence."""
    answer = turn.answer
    for text, other in ((turn.question, answer), (answer, turn.question)):
        for found in _NAME.finditer(text):
            first, last = found.groups()
            is_place = _PLACE.search(text, max(found.start() - 8, 0), found.start())
            if not is_place and found[0] in other and _NOT_A_NAME.isdisjoint((first.lower(), last.lower())):
                return f"{first[0]}… {last[0]}…"
    return ""
