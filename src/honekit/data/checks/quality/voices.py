"""A conversation of several turns whose sides were exchanged, told by the words of each side in all the others.

Whoever asks says `I`, `my` and `can`, and ends in a question mark; whoever answers has words of its own. A conversation is blamed
where nearly all others can be told that way, and it alone says the opposite as loudly.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from statistics import median

from honekit.data.checks.turn import Turn, warner
from honekit.data.checks.turns import Turns
from honekit.data.lines import Finding

_WORD = re.compile(r"[^\W\d_]+|[?？؟]")
_MAX_CHARS = 600
_MAX_RECORDS = 500
_TURNS = 2
_LEAST, _RIGHT = 20, 0.94
_SEEN = 3
"""In so many other messages a word has to stand to say anything."""
_LOUD = 1.5
"""The least that the middle one has to say."""
_AS_LOUD = 0.75

_swapped = warner(
    "data.roles.swapped", "exchange the roles of this conversation, so that the user asks and the assistant answers"
)


@dataclass
class Voices:
    """`data.roles.swapped` in conversations of several turns."""

    records: list[tuple[int, str, list[str], list[str]]] = field(default_factory=list)
    """Line, place of the user's first message, and the words of both sides; each word of a message once."""
    messages: list[tuple[int, int]] = field(default_factory=list)
    """How many messages each side of a record has."""

    def see(self, turns: Turns) -> None:
        if len(self.records) >= _MAX_RECORDS:
            return
        for turn in [turn for turn in turns.all if len(turn.trained) >= _TURNS][: _MAX_RECORDS - len(self.records)]:
            asked = [at for at, message in enumerate(turn.messages) if message.role == "user"]
            if len(asked) >= _TURNS:
                answered = [at for at, _ in turn.trained]
                self.records.append((turn.line, f"messages[{asked[0]}].content", _said(turn, asked), _said(turn, answered)))
                self.messages.append((len(asked), len(answered)))

    def join(self, later: Voices, lines_before: int) -> None:
        room = max(_MAX_RECORDS - len(self.records), 0)
        for line, at, asked, answered in later.records[:room]:
            self.records.append((line + lines_before, at, asked, answered))
        self.messages += later.messages[:room]

    def finish(self) -> Iterator[Finding]:
        if len(self.records) < _LEAST:
            return
        margins = self._margins()
        middle = median(margins)
        right = sum(margin > 0 for margin in margins)
        if middle < _LOUD or right < _RIGHT * len(margins):
            return
        for (line, at, _, _), margin in zip(self.records, margins, strict=True):
            if margin < -_AS_LOUD * middle:
                usual = f"in {right} of {len(margins)} conversations it is the other way round"
                yield _swapped(line, at, f"the user has the words of the assistant and the assistant those of the user; {usual}")

    def _margins(self) -> list[float]:
        """How clearly the words of each conversation are those of its sides; it has no part in what they say itself."""
        asked = Counter(chain.from_iterable(words for _, _, words, _ in self.records))
        answered = Counter(chain.from_iterable(words for _, _, _, words in self.records))
        all_asked, all_answered = (sum(counts) for counts in zip(*self.messages, strict=True))
        margins = []
        for (_, _, own, others), (times, other_times) in zip(self.records, self.messages, strict=True):
            mine, theirs = Counter(own), Counter(others)
            # One message more on each side, so that no side has none.
            share = math.log((all_answered - other_times + 1) / (all_asked - times + 1))
            total = 0.0
            for word, count in (mine - theirs).items() | {(word, -count) for word, count in (theirs - mine).items()}:
                said, said_back = asked[word] - mine[word], answered[word] - theirs[word]
                if said + said_back >= _SEEN:
                    total += count * (math.log((said + 0.5) / (said_back + 0.5)) + share)
            margins.append(total / (times + other_times))
        return margins


def _said(turn: Turn, places: Sequence[int]) -> list[str]:
    return [word for at in places for word in {*_WORD.findall(turn.texts[at][:_MAX_CHARS].casefold())}]
