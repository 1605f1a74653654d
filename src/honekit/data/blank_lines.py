"""Blank lines between the records of a JSONL file, which are passed over; those at its end are left there by editors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from honekit.data.lines import Finding, Line

BLANK_LINE = "data.blank_line"
MOST = 1000
"""Of so many the number is kept; the others are counted."""


@dataclass
class BlankLines:
    """Those of a run of lines, seen in order. A later run of the same file can be joined to it."""

    lines: list[int] = field(default_factory=list)
    """The first `MOST` that a record follows."""
    count: int = 0
    """All that a record follows."""
    last: list[int] = field(default_factory=list)
    """The first of those that no record follows so far."""
    last_count: int = 0

    def see(self, line: Line) -> None:
        """The next line."""
        self.add([line.number] if line.is_blank else (), 0 if line.is_blank else line.number)

    def add(self, blank: Sequence[int], last_text: int) -> None:
        """The blank lines of the next lines, of which `last_text` is the last with text (0: none has)."""
        between = [number for number in blank if number < last_text]
        if last_text:
            self._keep(self.last, self.last_count)
            self._keep(between, len(between))
            self.last, self.last_count = [], 0
        self.last += blank[len(between) :][: MOST - len(self.last)]
        self.last_count += len(blank) - len(between)

    def join(self, later: BlankLines, before: int, has_text: bool) -> None:
        """Those of a run that follows `before` lines; `has_text`: not all of it is blank."""
        if has_text:
            self._keep(self.last, self.last_count)
            self.last, self.last_count = [], 0
        self._keep([number + before for number in later.lines], later.count)
        self.last += [number + before for number in later.last][: MOST - len(self.last)]
        self.last_count += later.last_count

    def _keep(self, numbers: Sequence[int], count: int) -> None:
        self.lines += numbers[: MOST - len(self.lines)]
        self.count += count

    def findings(self) -> Iterator[tuple[Finding, int]]:
        """One for each line that is kept, and how many it stands for."""
        fix = "take it out, as `hone data fix` does"
        for index, number in enumerate(self.lines):
            others = self.count - len(self.lines) if index == len(self.lines) - 1 else 0
            yield Finding(BLANK_LINE, "warning", number, "", "the line is blank, and passed over", fix, True), 1 + others
