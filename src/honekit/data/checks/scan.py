"""The one pass over all lines of a file: what each shows on its own, what repeats, and what the answers are like."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from honekit.data.blank_lines import BlankLines
from honekit.data.chat import KIND
from honekit.data.checks.answers import AnswerChecks
from honekit.data.checks.ranges import parts_of
from honekit.data.checks.structure.endings import Endings
from honekit.data.checks.structure.parts import Part
from honekit.data.exact import ExactDuplicates
from honekit.data.records import Tally


@dataclass
class Scanned:
    """What the parts of a file gave so far."""

    tally: Tally = field(default_factory=Tally)
    endings: Endings = field(default_factory=Endings)
    blank: BlankLines = field(default_factory=BlankLines)
    answers: AnswerChecks = field(default_factory=AnswerChecks)
    """Nothing in it where only the structure was looked at."""
    is_whole: bool = True
    """Whether the file could be read to its end."""
    _everyday: frozenset[str] | None = None
    """What the first part knew of it: any later moment would depend on how many processes there are."""

    def known(self) -> str:
        """What workers need to know of the first part."""
        return "" if self._everyday is None else msgspec.json.encode(self._everyday).decode()

    def join(self, part: Part, answers: AnswerChecks | None) -> None:
        """Add the next part of the file."""
        before = self.tally.lines
        self.endings.join(part.endings, before)
        self.blank.join(part.blank, before, has_text=part.tally.records > 0)
        if answers:
            self.answers.join(answers, before)
            if not before:
                self._everyday = self.answers.languages.everyday
        self.tally.join(part.tally.moved(before))
        self.is_whole = not part.is_last


def scan_file(
    path: Path, with_answers: bool, processes: int | None, progress: Callable[[str, float, float], None] | None
) -> Scanned:
    """All of a file, in as many processes as `parts_of` finds worth while.

    Raises: DataError[data.file_missing | data.file_unreadable].
    """
    scanned = Scanned()
    size = path.stat().st_size if path.is_file() else 0
    with ExactDuplicates() as duplicates:
        for part, answers in parts_of(path, "answers" if with_answers else "structure", processes, scanned.known):
            duplicates.add_packed(part.hashes, part.hashed_lines, scanned.tally.lines)
            scanned.join(part, answers)
            if progress:
                progress("structure", part.consumed, size)
            if part.is_last:
                break
        scanned.tally.report_repeated(duplicates, KIND)
    scanned.tally.report_blank(scanned.blank)
    for finding in scanned.endings.findings():
        scanned.tally.report(finding)
    return scanned
