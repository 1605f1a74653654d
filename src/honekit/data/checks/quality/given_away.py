"""Inputs that name their own answer: `… [label: payment]`. The model learns to copy it, and finds none in use."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from honekit.data.checks.tally import Tally
from honekit.data.checks.turn import warner
from honekit.data.checks.turns import Turns
from honekit.data.lines import Finding, shown

_NAMED = re.compile(
    r"\b(?:label|class|category|answer|output|target|solution|intent|sentiment|topic|expected|antwort|lösung|kategorie|réponse"
    r"|étiquette|respuesta|etiqueta)\s?(?:[:=]|is)\s?[\"'`(\[]?$",
    re.I,
)
_BEFORE = 24
_MEANT = 0.4
_TASK_WORD = re.compile(r"\b([^\W\d_]{4,})(?: ?= ?| ?: )[\"'`(\[]?$")
_EXTRACTED = 0.5
"""Where more of the answers stand in their inputs than this, a value behind its key is what is looked for there."""

_given = warner("data.inputs.answer_given", "take the answer out of the input")


@dataclass
class GivenAway:
    """`data.inputs.answer_given`."""

    found: Tally = field(default_factory=Tally)
    by_task: Tally = field(default_factory=Tally)
    """Answers behind a word of the system prompt: `priority: P1`, where it is the priority that is asked for."""
    answers: int = 0
    inside: int = 0
    """Answers that stand somewhere in their inputs."""

    def see(self, turns: Turns) -> None:
        self.answers += len(turns.labels)
        for turn in turns.labels:
            answer = turn.answer
            at = turn.question.rfind(answer) if len(answer) > 1 else -1
            self.inside += at >= 0
            if at > 0:
                before = turn.question[max(at - _BEFORE, 0) : at]
                if named := _NAMED.search(before):
                    self.found.add(f"{named[0]}{answer}", turn.line, f"messages[{turn.at - 1}].content")
                elif (
                    turn.task and (named := _TASK_WORD.search(before)) and named[1].casefold() in turn.texts[0].casefold().split()
                ):
                    self.by_task.add(f"{named[0]}{answer}", turn.line, f"messages[{turn.at - 1}].content")

    def join(self, later: GivenAway, lines_before: int) -> None:
        self.found.join(later.found, lines_before)
        self.by_task.join(later.by_task, lines_before)
        self.answers += later.answers
        self.inside += later.inside

    def finish(self) -> Iterator[Finding]:
        is_extraction = self.inside > _EXTRACTED * self.answers
        for tally in (self.found,) if is_extraction else (self.found, self.by_task):
            if tally.total <= max(1, _MEANT * self.answers):
                for what, places in tally.places.items():
                    for line, at in places:
                        yield _given(line, at, f"the input names the answer: {shown(what)}")
