"""The same input with another answer: whichever is right, training on both teaches neither."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from honekit.data.checks.turn import END_MARKS, NO_JSON, Turn, encoded_of, flat, warner
from honekit.data.checks.turns import Turns
from honekit.data.exact import line_hash, text_hash
from honekit.data.lines import Finding

if TYPE_CHECKING:
    Numbers = array[int]
else:
    Numbers = array  # as msgspec reads it when it is sent

MAX_KEPT = 1_000_000
"""Inputs remembered at 24 bytes each. In a larger file a share of the inputs is followed, chosen by their hash, so
that all answers to one input are either all seen or all not."""
_SEVERAL = 0.2
"""When more inputs than this have several answers, these are meant as samples."""
_MANY = 50
_FEW = 20_000
"""Inputs for which loading numpy would cost more than it saves."""
_POINT = ord(".")
_PLACE_BITS = 12
_LAST_PLACE = (1 << _PLACE_BITS) - 1
"""The answer's place in the conversation rides on its line, to keep three numbers for an input."""

_contradict = warner("data.answers.contradict", "keep the right answer, and delete or mend the other")
_encode = msgspec.json.Encoder(order="sorted").encode


def _numbers() -> Numbers:
    return array("Q")


@dataclass
class Contradictions:
    """`data.answers.contradict`."""

    max_kept: int = MAX_KEPT
    inputs: Numbers = field(default_factory=_numbers)
    answers: Numbers = field(default_factory=_numbers)
    places: Numbers = field(default_factory=_numbers)
    stride: int = 1

    def see(self, turns: Turns) -> None:
        followed = [turn for turn in turns.all if turn.input % self.stride == 0] if self.stride > 1 else turns.all
        while len(self.inputs) + len(followed) > self.max_kept and followed:
            self._thin_out()
            followed = [turn for turn in followed if turn.input % self.stride == 0]
        self.inputs.extend([turn.input for turn in followed])
        self.answers.extend(
            [
                # Most answers are texts: as `answer_hash` does, without the calls.
                line_hash(turn.lower.strip(END_MARKS).encode()) if turn.lower else answer_hash(turn)
                for turn in followed
            ]
        )
        self.places.extend([turn.line << _PLACE_BITS | (turn.at if turn.at < _LAST_PLACE else _LAST_PLACE) for turn in followed])

    def join(self, later: Contradictions, lines_before: int) -> None:
        self.inputs += later.inputs
        self.answers += later.answers
        self.places.extend([place + (lines_before << _PLACE_BITS) for place in later.places])
        while len(self.inputs) > self.max_kept:
            self._thin_out()

    def _thin_out(self) -> None:
        self.stride *= 2
        kept = [i for i, key in enumerate(self.inputs) if key % self.stride == 0]
        for name in ("inputs", "answers", "places"):
            column = getattr(self, name)
            setattr(self, name, array("Q", (column[i] for i in kept)))

    def finish(self) -> Iterable[Finding]:
        found, distinct = self._few() if len(self.inputs) <= _FEW else self._many()
        if distinct >= _MANY and len(found) > _SEVERAL * distinct:
            return
        for place, first_place in sorted(found):
            line, at = place >> _PLACE_BITS, place & _LAST_PLACE
            message = f"the same input as on line {first_place >> _PLACE_BITS}, with another answer"
            yield _contradict(line, f"messages[{at}].content", message)

    def _few(self) -> tuple[list[tuple[int, int]], int]:
        """The place of each answer that is not the first one to its input, with that one's; and how many inputs there are."""
        firsts: dict[int, int] = {}
        both = [(index, firsts.setdefault(key, index)) for index, key in enumerate(self.inputs)]
        found = [(self.places[i], self.places[first]) for i, first in both if self.answers[i] != self.answers[first]]
        return found, len(firsts)

    def _many(self) -> tuple[list[tuple[int, int]], int]:
        """The same, in a tenth of the time of sorting in Python and in less memory than a dict takes."""
        import numpy as np

        inputs, answers, places = (np.array(column, dtype=np.uint64) for column in (self.inputs, self.answers, self.places))
        # Sorting is stable, so the first of equal inputs is the one that came first.
        order = np.argsort(inputs, kind="stable")
        is_first = np.ones(len(order), dtype=bool)
        is_first[1:] = inputs[order[1:]] != inputs[order[:-1]]
        firsts = order[is_first][np.cumsum(is_first) - 1]
        is_other = answers[order] != answers[firsts]
        found = zip(places[order[is_other]].tolist(), places[firsts[is_other]].tolist(), strict=True)
        return [*found], int(np.count_nonzero(is_first))


def answer_hash(turn: Turn) -> int:
    """Of what the answer says: JSON whatever its blanks and order of keys, texts whatever their case and blanks."""
    if not turn.answer:
        calls = turn.messages[turn.at].tool_calls or ()
        return text_hash("\0".join([f"{call.function.name}\0{call.function.arguments}" for call in calls]))
    if turn.value is not NO_JSON:
        text = encoded_of(turn)
        # One byte is looked for ten times as fast as two, and as a number faster still.
        has_noughts = _POINT in text and b".0" in text
        return line_hash(_encode(_plain_numbers(turn.value)) if has_noughts else text)
    return text_hash(flat(turn.answer, turn.is_plain))


def _plain_numbers(value: object) -> object:
    """The same JSON value with `1.0` as `1`."""
    if isinstance(value, dict):
        return {key: _plain_numbers(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain_numbers(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
