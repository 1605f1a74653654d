"""Escapes that were written out on the way into the file: a backslash and an `n` where a line should end."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from honekit.data.checks.accidents import accidents
from honekit.data.checks.tally import Tally
from honekit.data.checks.turn import NO_JSON, said_before, warner
from honekit.data.checks.turns import Turns
from honekit.data.lines import Finding

_ESCAPE = re.compile(
    r"(?<=[\w.,;:!?)\"'])(?<!\\r)(?:\\r)?\\n(?!(?:eq?|u|abla|ot(?:in)?|mid|[lg]eq|i|ewline|ormalsize)\b)|\\u[0-9a-fA-F]{4}|\\[\"'](?=\w)"
)
_MEANT = re.compile(r"[$]|\\(?:[([]|[a-z]{4,}|frac|cdot|sum|int|pi)|\b[A-Za-z]:\\|\\\\")
"""Formulas and paths have backslashes of their own."""
_ABOUT = re.compile(
    r"\\|\b(?:regex|regular expression|escap|latex|backslash|newline|line (?:end|feed|break)|print|string|unicode)", re.I
)

_escapes = warner("data.text.escapes", "write the characters themselves: it was escaped once too often")


@dataclass
class Escapes:
    """`data.text.escapes`."""

    found: Tally = field(default_factory=Tally)
    answers: int = 0

    def see(self, turns: Turns) -> None:
        for turn in turns.all:
            self.answers += 1
            answer = turn.answer
            if "\\" not in answer or turn.value is not NO_JSON or "`" in answer:
                continue
            found = _ESCAPE.search(answer)
            if found and not _MEANT.search(answer) and not _ABOUT.search(said_before(turn)):
                self.found.add(found[0], turn.line, turn.field)

    def join(self, later: Escapes, lines_before: int) -> None:
        self.found.join(later.found, lines_before)
        self.answers += later.answers

    def finish(self) -> Iterator[Finding]:
        for what, (line, at) in accidents(self.found, self.answers):
            yield _escapes(line, at, f"an escape is written out in the answer: {what}")
