"""Names in backticks that an answer about code speaks of and the code does not have."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from honekit.data.checks.quality.taken import Taken
from honekit.data.checks.tally import MAX_PLACES
from honekit.data.checks.turn import Turn, has_code, said_before, warner
from honekit.data.checks.turns import Turns
from honekit.data.lines import Finding, shown

_OWN = re.compile(r"`([A-Za-z]\w*?(?:[a-z0-9]_+[A-Za-z0-9]|[a-z][A-Z])\w*)(?:\(\))?`")
"""A name of several words: of one word are those of the language itself, too."""
_SPAN = re.compile(r"`([A-Za-z_]\w+)(?:\(\))?`")
_CODE = re.compile(r"\w\(|[=;{}]|^\s*(?:SELECT|def|class|import|func|let|const|var)\b", re.M)
_SENTENCE = re.compile(r"[.!?]\s|\n")
_SUGGESTED = re.compile(
    r"\b(?:us(?:e|ing)|prefer|add|writ(?:e|ing)|call(?:ed|ing)?|try|with|or|via|by|instead|import|like|as|replaced?|renamed?|named?|introduce"
    r"|consider|set|pass|returns?|wrap|extract|new|created?|define|needs?|make|has|have|from|through|into|to|switch|move|an?|library"
    r"|standard|built-?in|should|could|would|if|verwenden?|nutzen?|besser|mit|statt|oder|durch|utiliser|avec|ou|usar?|con|o|mejor)\b",
    re.I,
)
"""Who writes so may speak of what the code ought to have."""
_LEAST, _MOSTLY = 6, 0.85
_FEW, _FEW_SHARE = 2, 0.03
_MAX_CHARS = 4000

_unfounded = warner("data.answers.unfounded", "take the name from the code, or add it there")


@dataclass
class CodeNames:
    """`data.answers.unfounded` for names in code."""

    taken: Taken = field(default_factory=Taken)

    def see(self, turns: Turns) -> None:
        for turn in turns.prose:
            if "`" not in turn.answer or len(turn.answer) > _MAX_CHARS or has_code(turn.answer):
                continue
            spans = _SPAN.findall(turn.answer)
            before = said_before(turn) if spans else ""
            if not spans or not _CODE.search(before):
                continue
            names = [*_OWN.finditer(turn.answer)]
            if not names and not any(span in before for span in spans):
                continue
            self.taken.total += 1
            strange = [name for name in names if name[1] not in before]
            if not strange:
                self.taken.copied += 1
            elif len(self.taken.strange) < MAX_PLACES and (name := strange_name(turn, strange)):
                self.taken.note(turn.line, turn.field, f"the name {shown(name)} stands nowhere in the input")

    def join(self, later: CodeNames, lines_before: int) -> None:
        self.taken.join(later.taken, lines_before)

    def finish(self) -> Iterator[Finding]:
        if self.taken.is_usual(_LEAST, _MOSTLY) and len(self.taken.strange) <= max(_FEW, _FEW_SHARE * self.taken.total):
            yield from self.taken.findings(_unfounded, "answers with names in backticks take theirs from there")


def strange_name(turn: Turn, names: list[re.Match[str]]) -> str | None:
    """The first of the names that its sentence does not bring in as something new."""
    for name in names:
        sentence = _SENTENCE.split(turn.answer[: name.start()])[-1]
        if not _SUGGESTED.search(sentence):
            return name[1]
    return None
