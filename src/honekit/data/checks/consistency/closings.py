"""How answers end when the end is meant for a program: the line `#### 42` or `Answer: B`, a mark such as `;` or `END`, and
brackets that close."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import compress

from honekit.data.checks.tally import Tallies
from honekit.data.checks.turn import Turn, warner
from honekit.data.checks.turns import Turns
from honekit.data.lines import Finding, shown

_MARK = re.compile(r"[#*=>~-]{2,}(?= )|[A-Z][A-Za-z ]{1,24}:(?= )")
_MARK_BEGINS = frozenset("#*=>~-ABCDEFGHIJKLMNOPQRSTUVWXYZ")
_MOSTLY, _LEAST = 0.75, 8
_SIGNS = re.compile(r"[#*=~|-]{2,8}|</?[A-Za-z_|]{1,16}>|\[[A-Z]{2,12}\]")
_SIGNS_BEGIN = frozenset("#*=~|-<[")
_USUAL_ENDS = frozenset(".?!abcdefghijklmnopqrstuvwxyz")
_BRACKETS = (("(", ")"), ("[", "]"), ("{", "}"))
_BALANCED = 0.8
_LAST_CHARS = 24
_STOPPED, _LEAST_STOPPED = 0.9, 10
_FOUND_ABOVE = 0.8
_NUMBER = re.compile(r"-?\d+(?:[.,]\d+)*")

_closing = warner("data.format.closing", "end it in the form of the others, which a program may look for")
_result = warner("data.answers.arithmetic", "do the sum again; a model learns the wrong one as readily")
_open = warner(
    "data.answer.breaks_off", "write the answer to its end, or delete the line; a model that learns this stops halfway"
)


@dataclass
class Closings:
    """`data.format.closing`, and `data.answer.breaks_off` for brackets that stay open."""

    marks: Tallies = field(default_factory=Tallies)
    brackets: Tallies = field(default_factory=Tallies)
    stops: Tallies = field(default_factory=Tallies)
    asked: Tallies = field(default_factory=Tallies)
    """How questions end."""
    results: Tallies = field(default_factory=Tallies)
    """Whether the number on the last line stands in the working above it."""

    def see(self, turns: Turns) -> None:
        is_lined = [len(text) > 20 or " " in text or "\n" in text for text in turns.said]
        lined, texts = _those(is_lined, turns.spoken, turns.said)
        # The first or last character of most lines says that there is no mark.
        marks = [
            self._look_at_last_line(turn, text) if text[text.rfind("\n") + 1] in _MARK_BEGINS else ""
            for turn, text in zip(lined, texts, strict=True)
        ]
        self.marks.add_each("", lined, marks)
        stopped, texts = _those([" " in text for text in turns.said], turns.spoken, turns.said)
        self.stops.add_each("", stopped, _stops_of(texts))
        questions = [turn.question.rstrip() for turn in turns.spoken]
        asked, texts = _those([" " in text for text in questions], turns.spoken, questions)
        places = ((turn.line, f"messages[{turn.at - 1}].content") for turn in asked)
        self.asked.add_each("", asked, _stops_of(texts), places)
        for turn, text in zip(turns.spoken, turns.said, strict=True) if turns.have("(", "[", "{") else ():
            if "(" in text or "[" in text or "{" in text:
                is_open = text[-1] not in ".!?`" and any(text.count(a) > text.count(b) for a, b in _BRACKETS)
                self.brackets.add(turn.task, "", is_open, turn.line, turn.field)

    def _look_at_last_line(self, turn: Turn, text: str) -> str:
        """The mark that the last line begins with, or nothing."""
        last = text.rfind("\n") + 1
        found = _MARK.match(text, last)
        if found and turn.has_digit:
            self._count_result(turn, text, last)
        return found[0] if found else ""

    def _count_result(self, turn: Turn, text: str, last: int) -> None:
        results = _NUMBER.findall(text, last)
        above = _NUMBER.findall(text, 0, last)
        if len(results) == 1 and above:
            is_there = results[0].replace(",", "") in {number.replace(",", "") for number in above}
            self.results.add(turn.task, "", is_there, turn.line, turn.field)

    def join(self, later: Closings, lines_before: int) -> None:
        for name in ("marks", "brackets", "stops", "asked", "results"):
            getattr(self, name).join(getattr(later, name), lines_before)

    def finish(self) -> Iterator[Finding]:
        for _, tally in self.marks.all():
            if tally.main:
                for kind, (line, at) in tally.odd(share=_MOSTLY, least=_LEAST):
                    begins = f"begins with {shown(kind)}, not" if kind else "does not begin with"
                    usual = f"as in {tally.counts[tally.main]} of {tally.total} answers"
                    yield _closing(line, at, f"the last line {begins} {shown(tally.main)} {usual}")
        for what, tallies in (("answer", self.stops), ("input", self.asked)):
            for _, tally in tallies.all():
                for stop, (line, at) in tally.odd(share=_STOPPED, least=_LEAST_STOPPED) if tally.main else ():
                    if str(stop).startswith("</") and str(tally.main).startswith("</"):
                        continue  # a page ends with what it is made of
                    usual = f"as {tally.counts[tally.main]} of {tally.total} {what}s do"
                    yield _closing(line, at, f"the {what} does not end with {shown(tally.main)}, {usual}")
        for _, tally in self.results.all():
            if tally.main is True:
                for _, (line, at) in tally.odd(share=_FOUND_ABOVE, least=_LEAST):
                    usual = f"in {tally.counts[True]} of {tally.total} answers it does"
                    yield _result(line, at, f"the number on the last line does not stand in the working above it; {usual}")
        for _, tally in self.brackets.all():
            if tally.main is False:
                for _, (line, at) in tally.odd(share=_BALANCED, least=_LEAST):
                    yield _open(line, at, "the answer breaks off: a bracket that it opens is never closed")


def _those(kept: list[bool], turns: list[Turn], texts: list[str]) -> tuple[list[Turn], list[str]]:
    """The turns and texts that are kept: nearly always all of them."""
    return (turns, texts) if all(kept) else ([*compress(turns, kept)], [*compress(texts, kept)])


def _stops_of(texts: list[str]) -> list[str]:
    return ["" if text[-1] in _USUAL_ENDS else stop_of(text) for text in texts]


def stop_of(text: str) -> str:
    """The sign or word for a program with which a text ends: `;`, `###`, `END`; nothing for any other end."""
    end = text[-1]
    if end in _USUAL_ENDS or end.islower():
        return ""
    if end == ";":
        return end
    last = text[-_LAST_CHARS:].split()[-1]
    if end == ">" and "<" in last:  # `</answer>` without a blank before it
        last = last[last.rfind("<") :]
    is_word = last.isalpha() and last.isupper() and len(last) > 2
    return last if is_word or (last[0] in _SIGNS_BEGIN and _SIGNS.fullmatch(last)) else ""
