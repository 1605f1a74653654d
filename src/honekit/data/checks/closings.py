"""How answers end when the end is meant for a program: the line `#### 42` or `Answer: B`, and brackets that close."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from honekit.data.checks.tally import Tallies
from honekit.data.checks.turn import NO_JSON, Turn, warner
from honekit.data.lines import Finding, shown

_MARK = re.compile(r"[#*=>~-]{2,}(?= )|[A-Z][A-Za-z ]{1,24}:(?= )")
_MARK_BEGINS = frozenset("#*=>~-ABCDEFGHIJKLMNOPQRSTUVWXYZ")
_MOSTLY, _LEAST = 0.75, 8
_BRACKETS = (("(", ")"), ("[", "]"), ("{", "}"))
_BALANCED = 0.8

_closing = warner("data.format.closing", "end the answer in the form of the others, which a program may look for")
_open = warner(
    "data.answer.breaks_off", "write the answer to its end, or delete the line; a model that learns this stops halfway"
)


@dataclass
class Closings:
    """`data.format.closing`, and `data.answer.breaks_off` for brackets that stay open."""

    marks: Tallies = field(default_factory=Tallies)
    brackets: Tallies = field(default_factory=Tallies)

    def see(self, turn: Turn) -> Iterable[Finding]:
        text = turn.answer.strip()
        if not text or turn.value is not NO_JSON:
            return ()
        if "\n" in text or len(text) > 20:
            last = text.rfind("\n") + 1
            found = _MARK.match(text, last) if text[last] in _MARK_BEGINS else None
            self.marks.add(turn.task, "", found[0] if found else "", turn.line, turn.field)
        if "(" in text or "[" in text or "{" in text:
            is_open = text[-1] not in ".!?`" and any(text.count(a) > text.count(b) for a, b in _BRACKETS)
            self.brackets.add(turn.task, "", is_open, turn.line, turn.field)
        return ()

    def join(self, later: Closings, lines_before: int) -> None:
        self.marks.join(later.marks, lines_before)
        self.brackets.join(later.brackets, lines_before)

    def finish(self) -> Iterator[Finding]:
        for _, tally in self.marks.all():
            if tally.main:
                for kind, (line, at) in tally.odd(share=_MOSTLY, least=_LEAST):
                    begins = f"begins with {shown(kind)}, not" if kind else "does not begin with"
                    usual = f"as in {tally.counts[tally.main]} of {tally.total} answers"
                    yield _closing(line, at, f"the last line {begins} {shown(tally.main)} {usual}")
        for _, tally in self.brackets.all():
            if tally.main is False:
                for _, (line, at) in tally.odd(share=_BALANCED, least=_LEAST):
                    yield _open(line, at, "the answer breaks off: a bracket that it opens is never closed")
