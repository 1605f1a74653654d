"""Answers with hardly a word of their input, in a file whose answers otherwise say what the input says: summaries, extracts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from honekit.data.checks.quality.shifted import words_of
from honekit.data.checks.tally import Tallies
from honekit.data.checks.turn import said_before, warner
from honekit.data.checks.turns import Turns
from honekit.data.lines import Finding

_LEAST, _MOSTLY, _FEW = 12, 0.9, 2
_SHARED, _SHARE, _STRANGE = 2, 0.5, 0.2
_MIN_WORDS, _LETTERS = 4, 5
_MAX_INPUT, _MAX_ANSWER = 4000, 600
_ALL, _EVERY = 1024, 32
"""The first lines are all looked at, then blocks of them."""
_ENOUGH = 200

_strange = warner("data.answers.unfounded", "see whether it belongs to another input")


@dataclass
class OffTopic:
    """`data.answers.unfounded` for whole answers."""

    follows: Tallies = field(default_factory=Tallies)
    """Whether an answer has the words of its input; None where it cannot be told."""
    total: int = 0
    following: int = 0

    def see(self, turns: Turns) -> None:
        for turn in turns.prose:
            if (turn.line > _ALL and turn.line // _ALL % _EVERY) or self._is_hopeless:
                continue
            answer = _long_words(turn.answer, _MAX_ANSWER)
            if len(answer) < _MIN_WORDS // 2:
                continue
            shared = len(answer & _long_words(said_before(turn)[-_MAX_INPUT:], _MAX_INPUT))
            follows = True if shared >= _SHARED and shared >= _SHARE * len(answer) else None
            if shared <= min(1, _STRANGE * len(answer)) and len(answer) >= _MIN_WORDS:
                follows = False
            self.total += 1
            self.following += follows is True
            self.follows.add(turn.task, "", follows, turn.line, turn.field)

    @property
    def _is_hopeless(self) -> bool:
        """Whether answers say other things than their inputs anyway."""
        return self.total >= _ENOUGH and self.following < self.total / 2

    def join(self, later: OffTopic, lines_before: int) -> None:
        self.follows.join(later.follows, lines_before)
        self.total += later.total
        self.following += later.following

    def finish(self) -> Iterator[Finding]:
        for _, tally in self.follows.all():
            count = tally.counts.get(True, 0)
            if tally.total < _LEAST or count < _MOSTLY * tally.total or tally.counts.get(False, 0) > _FEW:
                continue
            for line, at in tally.places.get(False, ()):
                yield _strange(
                    line, at, f"the answer has hardly a word of its input; {count} of {tally.total} answers have several"
                )


def _long_words(text: str, most: int) -> set[bytes]:
    """Shorter words stand in texts on anything."""
    return {word for word in words_of(text, most) if len(word) >= _LETTERS}
