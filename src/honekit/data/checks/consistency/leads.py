"""Answers that begin with a label and a mark (`urgent - Possible stroke.`), and a few that have none or misspell it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from honekit.data.checks.consistency.labels import is_enum
from honekit.data.checks.consistency.odd_labels import misspellings
from honekit.data.checks.tally import MAX_PLACES, Tallies, Tally
from honekit.data.checks.turn import warner
from honekit.data.checks.turns import Turns
from honekit.data.lines import Finding, shown

_LEAD = re.compile(r"([^\W\d_][\w/ -]{0,22}?)( [-–—|] |: ?\n?| \| )(?=\S)")
_LEAD_CHARS = 28
_LEAST, _MOSTLY, _FEW, _FEW_SHARE = 10, 0.95, 2, 0.8

_lead = warner("data.format.headings", "begin the answer with the label, as the others do")
_misspelt = warner("data.labels.misspelt", "write the label as the others do")


@dataclass
class Leads:
    """`data.format.headings` for an answer without the label that the others begin with, and `data.labels.misspelt` for one."""

    marks: Tallies = field(default_factory=Tallies)
    labels: Tallies = field(default_factory=Tallies)
    """By mark, what stands before it."""

    def see(self, turns: Turns) -> None:
        marks = [""] * len(turns.prose)
        # Most answers have none of these signs there.
        may_be = turns.have(":", "-", "|") or not turns.are_ascii
        for number, turn in enumerate(turns.prose) if may_be else ():
            beginning = turn.answer[:_LEAD_CHARS]
            is_plain = beginning.isascii() and not (":" in beginning or " - " in beginning or "|" in beginning)
            if not is_plain and (found := _LEAD.match(beginning)):
                marks[number] = found[2]
                self.labels.add(turn.task, found[2], found[1], turn.line, turn.field)
        self.marks.add_each("", turns.prose, marks)

    def join(self, later: Leads, lines_before: int) -> None:
        self.marks.join(later.marks, lines_before)
        self.labels.join(later.labels, lines_before)

    def finish(self) -> Iterator[Finding]:
        labelled = {name: tally for name, tally in self.labels.all() if is_enum(tally)}
        for _, tally in self.marks.all():
            labels = labelled.get(str(tally.main))
            if labels and tally.total >= _LEAST and _is_usual(tally, labels):
                yield from _without_label(tally, f"a label such as {shown(labels.main)} and {shown(tally.main)}")
                for value, usual in misspellings(labels):
                    said = f"{shown(value)} looks like a slip for {shown(usual)}, which {labels.counts[usual]} records have"
                    for line, at in labels.places[value]:
                        yield _misspelt(line, at, said)


def _without_label(marks: Tally, usual: str) -> Iterator[Finding]:
    for mark, places in marks.places.items():
        what = f"has {shown(mark)} behind its label" if mark else "begins with no label"
        for line, at in places if mark != marks.main else ():
            yield _lead(line, at, f"the answer {what}; {marks.counts[marks.main]} of {marks.total} begin with {usual}")


def _is_usual(marks: Tally, labels: Tally) -> bool:
    """Whether nearly all answers begin so, and with one of a few labels that come again and again."""
    odd = marks.total - marks.counts[marks.main]
    several = [value for value, count in labels.counts.items() if count > 1]
    share = 1 - odd / marks.total
    return (share >= _MOSTLY or (odd <= _FEW and share >= _FEW_SHARE)) and odd <= MAX_PLACES and len(several) >= 2
