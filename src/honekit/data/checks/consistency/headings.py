"""Parts that nearly all answers of a task have: a Markdown heading such as `## Steps`, a first line such as `Subject: …`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from honekit.data.checks.tally import MAX_PLACES, Tallies, Tally
from honekit.data.checks.turn import warner
from honekit.data.checks.turns import Turns
from honekit.data.lines import Finding, shown

_HEADING = re.compile(r"^(#{1,6} [^\n]{1,40}?|\*\*[^*\n]{1,40}\*\*:?)[ \t]*$", re.M)
_OPENING = re.compile(r"[A-Z][A-Za-z ]{1,24}:(?= )")
_MAX_CHARS, _MAX_PARTS = 8000, 12
_LEAST, _MOSTLY, _FEW = 8, 0.9, 2

_missing = warner("data.format.headings", "give the answer the parts of the others")


@dataclass
class Headings:
    """`data.format.headings`."""

    parts: Tallies = field(default_factory=Tallies)
    """The headings of an answer of several lines and the word that it begins with, in order."""

    def see(self, turns: Turns) -> None:
        for turn in turns.texts if turns.have("\n") else ():
            text = turn.answer.strip()
            if "\n" in text:
                self.parts.add(turn.task, "", parts_of(text[:_MAX_CHARS]), turn.line, turn.field)

    def join(self, later: Headings, lines_before: int) -> None:
        self.parts.join(later.parts, lines_before)

    def finish(self) -> Iterator[Finding]:
        for _, tally in self.parts.all():
            yield from _of_task(tally)


def _of_task(tally: Tally) -> Iterator[Finding]:
    counts: dict[str, int] = {}
    for parts, count in tally.counts.items():
        for part in {*parts}:
            counts[part] = counts.get(part, 0) + count
    if tally.is_open or tally.total < _LEAST:
        return
    usual = [part for part, count in counts.items() if count >= _MOSTLY * tally.total and tally.total - count <= MAX_PLACES]
    for parts, places in tally.places.items():
        missing = [part for part in usual if part not in parts]
        few = [part for part in missing if tally.total - counts[part] <= max(_FEW, (1 - _MOSTLY) * tally.total / 2)]
        for line, at in places if few else ():
            said = f"{counts[few[0]]} of {tally.total} answers of several lines have it"
            yield _missing(line, at, f"the answer has no {shown(few[0])}; {said}")


def parts_of(text: str) -> tuple[str, ...]:
    """The headings of a text, and `Subject:` or the like at its beginning."""
    opening = _OPENING.match(text)
    headings = _HEADING.findall(text)[:_MAX_PARTS] if "#" in text or "**" in text else []
    return (*([opening[0]] if opening else []), *headings)
