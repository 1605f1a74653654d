"""Inputs that name their own answer: `… [label: payment]`. The model learns to copy it, and finds none in use."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from honekit.data.checks.tally import Tally
from honekit.data.checks.turn import Turn, warner
from honekit.data.checks.turns import Turns
from honekit.data.lines import Finding, shown

_NAMED = re.compile(
    r"\b(?:label|class|category|answer|output|target|solution|intent|sentiment|topic|expected|antwort|lösung|kategorie|réponse"
    r"|étiquette|respuesta|etiqueta)\s?(?:[:=]|is)\s?[\"'`(\[]?$",
    re.I,
)
_BEFORE = 24
_MEANT = 0.4
_KEY = re.compile(r"(?<![\w/.-])([^\W\d_]{4,}) ?[:=] ?\w")
_KEY_BEFORE = re.compile(r"(?<![\w/.-])([^\W\d_]{4,}) ?[:=] ?[\"'`(\[]?$")
_ENDS_BEHIND = re.compile(r"[\"'`]?\s*(?:$|[)\]\n;|])")
"""What follows where the answer is all that stands behind its key."""
_MAX_KEYS, _MAX_LABELS = 200, 500
_FEW = 0.02
_CHOICE = 3
"""So many answers have to be this one, else it is no choice among a few."""
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
    by_key: Tally = field(default_factory=Tally)
    """Answers behind any word, with nothing else behind it: `(queue: network)`."""
    keys: Counter[str] = field(default_factory=Counter)
    """In how many inputs such a word stands, whatever behind it."""
    labels: Counter[str] = field(default_factory=Counter)

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
            if ":" in turn.question or "=" in turn.question:
                self._see_keys(turn)
        if len(self.labels) < _MAX_LABELS:
            self.labels.update([turn.answer for turn in turns.labels])

    def _see_keys(self, turn: Turn) -> None:
        if keys := {key.casefold() for key in _KEY.findall(turn.question)}:
            if len(self.keys) < _MAX_KEYS or keys <= self.keys.keys():
                self.keys.update(keys)
            question, answer = turn.question.lower(), turn.answer.lower()
            at = question.rfind(answer) if len(answer) > 1 else -1
            if (
                at > 0
                and (key := _KEY_BEFORE.search(question, max(at - _BEFORE, 0), at))
                and _ENDS_BEHIND.match(question, at + len(answer))
            ):
                self.by_key.add((key[1], turn.answer), turn.line, f"messages[{turn.at - 1}].content")

    def join(self, later: GivenAway, lines_before: int) -> None:
        self.found.join(later.found, lines_before)
        self.by_task.join(later.by_task, lines_before)
        self.answers += later.answers
        self.inside += later.inside
        self.by_key.join(later.by_key, lines_before)
        self.keys += later.keys
        self.labels += later.labels

    def finish(self) -> Iterator[Finding]:
        told: set[int] = set()
        is_extraction = self.inside > _EXTRACTED * self.answers
        for tally in (self.found,) if is_extraction else (self.found, self.by_task):
            if tally.total <= max(1, _MEANT * self.answers):
                for what, places in tally.places.items():
                    for line, at in places:
                        told.add(line)
                        yield _given(line, at, f"the input names the answer: {shown(what)}")
        if is_extraction or len(self.labels) >= _MAX_LABELS:
            return
        few = max(1, _FEW * self.answers)
        for (key, answer), places in self.by_key.places.items():
            if 0 < self.keys[key] <= few and self.labels[answer] >= _CHOICE:
                for line, at in places:
                    if line not in told:
                        yield _given(
                            line, at, f"the input names the answer: {shown(f'{key}: {answer}')}; hardly any other has such a word"
                        )
