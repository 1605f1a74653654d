"""Inputs that name their own answer: `… [label: payment]`. The model learns to copy it, and finds none in use."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from honekit.data.checks.tally import Tally
from honekit.data.checks.turn import Turn, is_label, warner
from honekit.data.lines import Finding, shown

_NAMED = re.compile(
    r"\b(?:label|class|category|answer|output|target|solution|intent|sentiment|topic|expected|antwort|lösung|kategorie|réponse"
    r"|étiquette|respuesta|etiqueta)\s?(?:[:=]|is)\s?[\"'`(\[]?$",
    re.I,
)
_BEFORE = 24
_MEANT = 0.4

_given = warner("data.inputs.answer_given", "take the answer out of the input")


@dataclass
class GivenAway:
    """`data.inputs.answer_given`."""

    found: Tally = field(default_factory=Tally)
    answers: int = 0

    def see(self, turn: Turn) -> Iterable[Finding]:
        answer = turn.answer
        if not is_label(answer):
            return ()
        self.answers += 1
        at = turn.question.rfind(answer) if len(answer) > 1 else -1
        if at > 0:
            named = _NAMED.search(turn.question[max(at - _BEFORE, 0) : at])
            if named:
                self.found.add(f"{named[0]}{answer}", turn.line, f"messages[{turn.at - 1}].content")
        return ()

    def join(self, later: GivenAway, lines_before: int) -> None:
        self.found.join(later.found, lines_before)
        self.answers += later.answers

    def finish(self) -> Iterator[Finding]:
        if self.found.total <= max(1, _MEANT * self.answers):
            for what, places in self.found.places.items():
                for line, at in places:
                    yield _given(line, at, f"the input names the answer: {shown(what)}")
