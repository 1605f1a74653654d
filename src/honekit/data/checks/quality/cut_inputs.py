"""Inputs that break off: in the middle of a word that the answer has whole, or behind a word that ends no sentence."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from honekit.data.checks.accidents import accidents
from honekit.data.checks.structure.endings import ENDS
from honekit.data.checks.tally import Tally
from honekit.data.checks.turn import Turn, has_code, warner
from honekit.data.checks.turns import Turns
from honekit.data.lines import Finding, shown

_MIN_CHARS = 30
_LAST_WORD = re.compile(r"(?:[^\s.!?]+ ){4}([^\W\d_]{3,20})$")
"""In the middle of a sentence: behind its end a greeting and a name may stand."""
_TAIL_CHARS = 200
_OPEN_WORDS = frozenset((
    "the", "an", "and", "or", "my", "your", "their", "our", "because", "und", "oder", "dass", "eine", "einen", "les", "des",
    "une", "los", "las", "una", "porque",
))  # fmt: skip
"""Nobody ends a question with them."""
_TO_GO_ON = re.compile(r"complet|continu|finish|fill|next word|ergänz|vervollst|setze .*fort|termin", re.I)
"""In a task whose inputs are to be gone on with."""
_FORMS = frozenset(("s", "es", "ed", "d", "er", "ers", "ing", "ly", "en", "n", "e", "em", "ern", "nen", "x", "ment", "mente"))
"""What a word has more in another form of it."""
_ENDED = 0.8
_LEAST = 10

_cut = warner("data.inputs.breaks_off", "write the input to its end, or delete the record")


@dataclass
class CutInputs:
    """`data.inputs.breaks_off`."""

    inputs: int = 0
    long: int = 0
    """Inputs of a sentence's length, and how many of them end with a mark."""
    ended: int = 0
    behind: Tally = field(default_factory=Tally)
    """Words that end no sentence."""
    within: Tally = field(default_factory=Tally)
    """Beginnings of words."""

    def see(self, turns: Turns) -> None:
        self.inputs += len(turns.all)
        asked = [(turn, turn.question.rstrip()) for turn in turns.all if len(turn.question) >= _MIN_CHARS]
        unended = [(turn, text) for turn, text in asked if text and text[-1] not in ENDS]
        self.long += len(asked)
        self.ended += len(asked) - len(unended)
        for turn, text in unended:
            if text[-1].isalpha() and (found := _LAST_WORD.search(text[-_TAIL_CHARS:])):
                self._look_at(turn, text, found[1].casefold())

    def _look_at(self, turn: Turn, text: str, word: str) -> None:
        is_open = text.rfind("¿") > text.rfind("?")  # whoever writes the first mark does not forget the second
        if word in _OPEN_WORDS or is_open:
            tally = self.behind
        elif turn.is_prose and _is_beginning(word, turn.answer):
            tally = self.within
        else:
            return
        if not has_code(text) and not _TO_GO_ON.search(turn.text[: -len(turn.answer) or None]):
            tally.add(word, turn.line, f"messages[{turn.at - 1}].content")

    def join(self, later: CutInputs, lines_before: int) -> None:
        self.inputs += later.inputs
        self.long += later.long
        self.ended += later.ended
        self.behind.join(later.behind, lines_before)
        self.within.join(later.within, lines_before)

    def finish(self) -> Iterator[Finding]:
        for word, (line, at) in accidents(self.behind, self.inputs):
            yield _cut(line, at, f"the input breaks off behind {shown(word)}")
        if self.long >= _LEAST and self.ended >= _ENDED * self.long:
            for word, (line, at) in accidents(self.within, self.inputs):
                yield _cut(line, at, f"the input breaks off in the middle of a word: {shown(word)}")


def _is_beginning(word: str, answer: str) -> bool:
    """Whether it is no word of the answer, and the beginning of one, which is no other form of it."""
    said = answer.casefold()
    if word not in said:
        return False
    words = {*re.findall(r"[^\W\d_]+", said)}
    rests = [other[len(word) :] for other in words if other.startswith(word)]
    return word not in words and any(len(rest) > 1 and rest not in _FORMS for rest in rests)
