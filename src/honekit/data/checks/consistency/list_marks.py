"""Answers that are nothing but a list, and a few whose items begin with another mark: `1.` among `-`. Advice: it may be meant."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from honekit.data.checks.tally import Tallies, majority_share
from honekit.data.checks.turn import adviser
from honekit.data.checks.turns import Turns
from honekit.data.lines import Finding

_ITEM = re.compile(r"(?:(?P<sign>[-*•–])|\d{1,2}(?P<number>[.)]))\s+\S")
_BEGINS = frozenset("-*•–0123456789")
_LEAST, _LEAST_ITEMS = 10, 2
_MAX_ITEMS = 30

_list = adviser("data.style.list", "begin its items like the others, unless the order is meant")


@dataclass
class ListMarks:
    """`data.style.list` for the mark before the items."""

    marks: Tallies = field(default_factory=Tallies)

    def see(self, turns: Turns) -> None:
        for turn in turns.texts:
            text = turn.answer
            if text[:1] in _BEGINS and "\n" in text and (mark := _mark_of(text)):
                self.marks.add(turn.task, "", mark, turn.line, turn.field)

    def join(self, later: ListMarks, lines_before: int) -> None:
        self.marks.join(later.marks, lines_before)

    def finish(self) -> Iterator[Finding]:
        for _, tally in self.marks.all():
            for mark, (line, at) in tally.odd(share=majority_share(tally.total), least=_LEAST):
                usual = f"{tally.counts[tally.main]} of {tally.total} lists with {_said(tally.main)}"
                yield _list(line, at, f"the items begin with {_said(mark)}; those of {usual}")


def _mark_of(text: str) -> str | None:
    """What every line of a text begins with: a sign, or `1.` or `1)` for a number; None for a text that is no list."""
    items = [_ITEM.match(line.lstrip()) for line in text.split("\n", _MAX_ITEMS)[:_MAX_ITEMS] if line.strip()]
    marks = {item["sign"] or f"1{item['number']}" if item else "" for item in items}
    return marks.pop() or None if len(marks) == 1 and len(items) >= _LEAST_ITEMS else None


def _said(mark: object) -> str:
    return f"numbers (`{mark}`)" if str(mark)[0] == "1" else f"`{mark}`"
