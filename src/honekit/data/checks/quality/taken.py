"""How often answers take something of one kind from their input, and what the few have that do not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from honekit.data.checks.tally import MAX_PLACES
from honekit.data.lines import Finding

Tell = Callable[[int, str, str], Finding]


@dataclass(slots=True)
class Taken:
    """Counts over a file, or a part of it."""

    total: int = 0
    copied: int = 0
    strange: list[tuple[int, str, str, str]] = field(default_factory=list)
    """Line, place, kind, and what is said of the first that are not from there."""

    def note(self, line: int, at: str, said: str, kind: str = "", most: int = MAX_PLACES) -> None:
        """Remember one that is not from the input, unless there are many already."""
        if len(self.strange) < most:
            self.strange.append((line, at, kind, said))

    def join(self, later: Taken, lines_before: int, most: int = MAX_PLACES) -> None:
        """Add what was counted in a later part of the same file."""
        self.total += later.total
        self.copied += later.copied
        room = most - len(self.strange)
        self.strange += [(line + lines_before, at, kind, said) for line, at, kind, said in later.strange[:room]]

    def is_usual(self, least: int, share: float) -> bool:
        """Whether so many are from the input, and such a share of all."""
        return self.copied >= max(least, share * self.total)

    def findings(self, tell: Tell, usually: str, kind: str | None = None) -> Iterator[Finding]:
        """One for each that is not, of this kind or of any; `usually` says what the others do."""
        for line, at, own, said in self.strange:
            if kind is None or own == kind:
                yield tell(line, at, f"{said}; {self.copied} of {self.total} {usually}")
