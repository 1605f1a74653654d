"""Two records whose answers were exchanged: each has the rare words of the other's input, and none of its own.

Words are told by the inputs of the file: one that few of them have is rare. The first records of a file are held against each
other; they need not be neighbours.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from statistics import median

from honekit.data.checks.turn import MAX_LABEL_CHARS, Turn, is_label, warner
from honekit.data.checks.turns import Turns
from honekit.data.lines import Finding, shown

_NO_WORD = bytes(code if code > 127 or chr(code).isalnum() else 32 for code in range(256))
_LEAST_LETTERS, _BEGINNING = 4, 6
_MAX_CHARS = 500
_MAX_RECORDS = 600
_LEAST, _FOLLOW = 8, 0.6
"""In so many of the records the answer has to have rare words of its input, else it says nothing when one has none."""
_RARE, _RARE_SHARE = 2, 0.03
_OWN, _SHARED = 1, 2
_OWN_SHARE, _SHARE = 0.25, 0.4
_FEW = 0.1
"""Where more of the records seem to be exchanged, answers are alike for another reason."""

_crossed = warner("data.answers.shifted", "exchange the answers of the two records")


@dataclass
class Crossed:
    """`data.answers.shifted` for two records."""

    records: list[tuple[int, str, int, str, str]] = field(default_factory=list)
    """Line, place of the answer, task, and the beginnings of the input and of the answer."""
    most: int = _MAX_RECORDS
    """Records looked at: none in a later part of a file."""

    def see(self, turns: Turns) -> None:
        room = self.most - len(self.records)
        if room <= 0:
            return
        for turn in [turn for turn in turns.written if _is_told(turn)][:room]:
            self.records.append((turn.line, turn.field, turn.task, turn.question[:_MAX_CHARS], turn.answer[:_MAX_CHARS]))

    def join(self, later: Crossed, lines_before: int) -> None:
        room = self.most - len(self.records)
        for line, at, task, asked, answered in later.records[: max(room, 0)]:
            self.records.append((line + lines_before, at, task, asked, answered))

    def finish(self) -> Iterator[Finding]:
        by_task = defaultdict(list)
        for line, at, task, asked, answered in self.records:
            by_task[task].append((line, at, _words(asked), _words(answered)))
        for records in by_task.values():
            pairs = [*_exchanged(records)] if len(records) >= _LEAST else []
            if 2 * len(pairs) > max(2, _FEW * len(records)):
                continue
            for (one, one_at), (other, other_at), first, second in pairs:
                yield _crossed(one, one_at, _message(other, first))
                yield _crossed(other, other_at, _message(one, second))


def _message(other: int, word: bytes) -> str:
    said = word.decode(errors="ignore") + ("…" if len(word) == _BEGINNING else "")
    return f"the answer has words of the input of line {other} ({shown(said)}) and not of its own, and that line's has this one's"


_Place = tuple[int, str]


def _exchanged(records: list[tuple[int, str, set[bytes], set[bytes]]]) -> Iterator[tuple[_Place, _Place, bytes, bytes]]:
    counts = Counter(chain.from_iterable(asked for _, _, asked, _ in records))
    most = max(_RARE, _RARE_SHARE * len(records))
    inputs = [{word for word in asked if counts[word] <= most} for _, _, asked, _ in records]
    own = [len(rare & answered) for rare, (_, _, _, answered) in zip(inputs, records, strict=True)]
    if sum(count > 0 for count in own) < _FOLLOW * len(records):
        return
    usual = median(own)
    strange = [at for at, count in enumerate(own) if count <= max(_OWN, _OWN_SHARE * usual)]
    more = max(_SHARED, _SHARE * usual)
    for place, i in enumerate(strange):
        for j in strange[place + 1 :]:
            there, here = records[i][3] & inputs[j], records[j][3] & inputs[i]
            if len(there) >= own[i] + more and len(here) >= own[j] + more:
                yield records[i][:2], records[j][:2], _longest(there), _longest(here)


def _longest(words: set[bytes]) -> bytes:
    return max(sorted(words), key=len)


def _is_told(turn: Turn) -> bool:
    return len(turn.messages) <= 3 and not (len(turn.answer) <= MAX_LABEL_CHARS and is_label(turn.answer))


def _words(text: str) -> set[bytes]:
    """Numbers of two digits or more, and the beginnings of words of four letters or more."""
    words = text.lower().encode("utf-8", "surrogatepass").translate(_NO_WORD).split()
    return {word[:_BEGINNING] for word in words if len(word) >= _LEAST_LETTERS or (len(word) > 1 and word.isdigit())}
