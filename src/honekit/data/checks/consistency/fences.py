"""Blocks of code in another language than the prompt asks for and nearly all other answers have."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from honekit.data.checks.tally import Tallies
from honekit.data.checks.turn import has_code, warner
from honekit.data.checks.turns import Turns
from honekit.data.lines import Finding

_LABEL = re.compile(r"^```([A-Za-z+#]{1,12})[ \t]*$", re.M)
_NAMES = {
    "python": "python|py", "javascript": "javascript|js|node", "typescript": "typescript|ts", "java": "java",
    "sql": "sql|postgresql|mysql|sqlite", "bash": "bash|shell|sh", "go": "go|golang", "rust": "rust", "ruby": "ruby",
    "php": "php", "c++": r"c\+\+|cpp", "c#": "c#|csharp", "kotlin": "kotlin", "swift": "swift", "r": "r", "html": "html",
    "css": "css", "scala": "scala", "perl": "perl",
}  # fmt: skip
_IN_TEXT = {name: re.compile(rf"(?<![\w+#])(?:{words})(?![\w+#])", re.I) for name, words in _NAMES.items()}
_OF_LABEL = {word.replace("\\", ""): name for name, words in _NAMES.items() for word in words.split("|")}
_BESIDE_ANY = frozenset({"bash"})
"""Commands to install and run what is written in any language."""
_LEAST, _MOSTLY, _FEW = 8, 0.85, 2

_other = warner("data.answers.code_language", "write it in the language that is asked for, or ask for this one")


@dataclass
class Fences:
    """`data.answers.code_language`."""

    labels: Tallies = field(default_factory=Tallies)
    """The language of the first block of an answer, and those that the prompt and the question name."""

    def see(self, turns: Turns) -> None:
        for turn in turns.texts if turns.have("`") else ():
            found = _LABEL.search(turn.answer) if has_code(turn.answer) else None
            language = _OF_LABEL.get(found[1].lower()) if found else None
            if language:
                named = (*_named(turn.system or ""), *_named(turn.question))
                self.labels.add(turn.task, "", (language, named), turn.line, turn.field)

    def join(self, later: Fences, lines_before: int) -> None:
        self.labels.join(later.labels, lines_before)

    def finish(self) -> Iterator[Finding]:
        for _, both in self.labels.all():
            tally = both.of(0)
            main, count = str(tally.main), tally.counts.get(tally.main, 0)
            if tally.total < _LEAST or count < _MOSTLY * tally.total or tally.total - count > _FEW:
                continue
            for (language, named), places in both.places.items():
                is_odd = main in named and language not in named and language not in _BESIDE_ANY
                for line, at in places if is_odd else ():
                    said = f"the code is {language}, and {main} is asked for"
                    yield _other(line, at, f"{said}; {count} of {tally.total} answers with code have that")


@lru_cache(maxsize=256)
def _named(text: str) -> tuple[str, ...]:
    """The programming languages that a text names."""
    return tuple(name for name, words in _IN_TEXT.items() if words.search(text))
