"""Answers that went to the wrong question: from some row on, each answers the question before or after its own.

Content words of an answer stand in its own question more often than in a neighbour's. A run of records in which it is the
other way round, longer than chance makes one in a file of this size, is a shifted column. Big files are read in samples of
neighbouring lines.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

from honekit.data.checks.turn import warner
from honekit.data.checks.turns import Turns
from honekit.data.lines import Finding

_NO_LETTERS = bytes(code if code > 127 or chr(code).isalpha() else 32 for code in range(256))
_LEAST_LETTERS, _BEGINNING = 4, 5
"""The beginning of a word of four letters or more: endings differ between question and answer."""
_MAX_CHARS = 300
_MIN_ANSWER_WORDS = 3
_ALL, _SAMPLE, _EVERY = 2048, 64, 32
"""The first lines are all looked at; then 64 lines on end, of every 2048."""
_LOSS = 2
_LEAST = 4
_MAX_CHANCE, _USUAL_CHANCE = 0.3, 0.05
_MAX_RUNS = 100
_OTHER = {-1: "the question before it", 1: "the question after it"}

_shifted = warner("data.answers.shifted", "move the answers back to their questions; a row was lost or doubled in one column")


@dataclass
class _Run:
    """A run that may still grow: where it began, the line of its best score, and the scores."""

    first: int = 0
    best_line: int = 0
    score: int = 0
    best: int = 0


@dataclass
class Shifted:
    """`data.answers.shifted`."""

    line: int = 0
    question: set[bytes] = field(default_factory=set)
    answer: set[bytes] = field(default_factory=set)
    """Words of the record before, at `line`."""
    own: int = 0
    nearer: dict[int, int] = field(default_factory=lambda: {-1: 0, 1: 0})
    """How many answers have more words of the question before (-1) or after (1) than of their own."""
    farther: dict[int, int] = field(default_factory=lambda: {-1: 0, 1: 0})
    """How many have less."""
    open: dict[int, _Run] = field(default_factory=lambda: {-1: _Run(), 1: _Run()})
    runs: list[tuple[int, int, int, int]] = field(default_factory=list)
    """Direction, first line, last line and score."""

    def see(self, turns: Turns) -> None:
        for turn in turns.prose:
            line = turn.line
            if line > _ALL and line // _SAMPLE % _EVERY:
                continue
            if len(turn.messages) > 3:
                continue
            answer, question = words_of(turn.answer), words_of(turn.question)
            own = len(answer & question)
            if self.line and line <= self.line + 2 and len(answer) >= _MIN_ANSWER_WORDS and len(self.answer) >= _MIN_ANSWER_WORDS:
                self._count(-1, line, len(answer & self.question) - own)
                self._count(1, self.line, len(self.answer & question) - self.own)
            self.line, self.question, self.answer, self.own = line, question, answer, own

    def _count(self, direction: int, line: int, gain: int) -> None:
        """`gain`: how many words more a neighbour's question has."""
        if not gain:
            return
        run = self.open[direction]
        if gain > 0:
            self.nearer[direction] += 1
            run.first = run.first or line
            run.score += 1
            if run.score > run.best:
                run.best, run.best_line = run.score, line
        else:
            self.farther[direction] += 1
            run.score -= _LOSS
            if run.score <= 0:
                self._close(direction)

    def _close(self, direction: int) -> None:
        run = self.open[direction]
        if run.best >= _LEAST and len(self.runs) < _MAX_RUNS:
            self.runs.append((direction, run.first, run.best_line, run.best))
        self.open[direction] = _Run()

    def join(self, later: Shifted, lines_before: int) -> None:
        for check in (self, later):
            for direction in check.open:
                check._close(direction)
        self.line = 0
        for direction in self.nearer:
            self.nearer[direction] += later.nearer[direction]
            self.farther[direction] += later.farther[direction]
        for direction, first, last, score in later.runs[: _MAX_RUNS - len(self.runs)]:
            self.runs.append((direction, first + lines_before, last + lines_before, score))

    def finish(self) -> Iterator[Finding]:
        for direction in self.open:
            self._close(direction)
        for direction, first, last, score in sorted(self.runs, key=lambda run: run[1]):
            others = self.nearer[direction] - score
            told = others + self.farther[direction]
            # How often an answer fits a neighbour better by chance, and what run of such would still be chance.
            chance = max(_USUAL_CHANCE, others / max(told, 1))
            if chance < _MAX_CHANCE and score >= math.log(100 * (told + score)) / -math.log(chance):
                message = f"the answers of lines {first} to {last} fit {_OTHER[direction]} better than their own"
                yield _shifted(first, "messages", message)


def words_of(text: str, most: int = _MAX_CHARS) -> set[bytes]:
    """The beginnings of the longer words among the first `most` characters."""
    letters = text[:most].lower().encode("utf-8", "surrogatepass").translate(_NO_LETTERS)
    return {word[:_BEGINNING] for word in letters.split() if len(word) >= _LEAST_LETTERS}
