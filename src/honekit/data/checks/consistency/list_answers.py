"""Answers that are several labels in a row: with another mark between them than the others, or with a label misspelt."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from honekit.data.checks.consistency.labels import is_enum
from honekit.data.checks.consistency.odd_labels import misspellings
from honekit.data.checks.tally import Tallies
from honekit.data.checks.turn import bare, warner
from honekit.data.checks.turns import Turns
from honekit.data.lines import Finding, shown

_MAX_CHARS = 120
_MARKS = re.compile(r"\s*([,;|])\s*")
_MAX_WORDS = 3
_MOSTLY = 0.75
_NAMES = {",": "a comma", ";": "a semicolon", "|": "a bar"}

_separator = warner("data.format.separator", "write the same mark between the items everywhere")
_misspelt = warner("data.labels.misspelt", "write the label as the others do")


@dataclass
class ListAnswers:
    """`data.format.separator`, and `data.labels.misspelt` for one of several labels."""

    tallies: Tallies = field(default_factory=Tallies)
    """By task: `marks`, whose categories are the mark and the items of a list, and `items`."""

    def see(self, turns: Turns) -> None:
        for turn in turns.texts:
            text = turn.answer
            if len(text) > _MAX_CHARS or not ("," in text or ";" in text or "|" in text):
                continue
            mark, items = split_list(text)
            if mark:
                for item in items:
                    self.tallies.add(turn.task, "items", item, turn.line, turn.field)
                self.tallies.add(turn.task, "marks", (mark, tuple(items)), turn.line, turn.field)

    def join(self, later: ListAnswers, lines_before: int) -> None:
        self.tallies.join(later.tallies, lines_before)

    def finish(self) -> Iterator[Finding]:
        for tallies in self.tallies.by_task():
            lists, items = tallies.get("marks"), tallies.get("items")
            marks = lists.of(0) if lists else None
            if not lists or not items or not marks or not is_enum(items) or marks.share(marks.main) < _MOSTLY:
                continue
            usual = str(marks.main)
            known = {bare(str(item)) for item, count in items.counts.items() if count > 1}
            said = f"{marks.counts[usual]} of {marks.total} lists have {_NAMES[usual]}"
            for (mark, own), places in lists.places.items():
                if mark != usual and any(bare(item) in known for item in own):
                    for line, at in places:
                        yield _separator(line, at, f"between the items stands {_NAMES[mark]}; {said}")
            for value, right in misspellings(items):
                for line, at in items.places[value]:
                    yield _misspelt(line, at, f"{shown(value)} looks like a slip for {shown(right)}")


def split_list(text: str) -> tuple[str, list[str]]:
    """The mark between the items of a list of short texts, and the items; nothing for a sentence."""
    marks = set(_MARKS.findall(text))
    if len(marks) != 1 or "\n" in text or text.rstrip()[-1:] in ".!?:":
        return "", []
    items = _MARKS.split(text.strip())[::2]
    if any(not item or item.count(" ") >= _MAX_WORDS for item in items):
        return "", []
    return marks.pop(), items
