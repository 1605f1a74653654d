"""The same input with another answer: whichever is right, training on both teaches neither."""

from __future__ import annotations

from array import array
from collections.abc import Iterable

import msgspec

from honekit.data.checks.turn import NO_JSON, Turn, flat, warner
from honekit.data.lines import Finding

MAX_KEPT = 2_000_000
"""Inputs remembered at 24 bytes each. In a larger file a share of the inputs is followed, chosen by their hash, so
that all answers to one input are either all seen or all not."""
_SEVERAL = 0.2
"""When more inputs than this have several answers, these are meant as samples."""

_contradict = warner("data.answers.contradict", "keep the right answer, and delete or mend the other")


class Contradictions:
    """`data.answers.contradict`."""

    def __init__(self, max_kept: int = MAX_KEPT) -> None:
        self._max_kept = max_kept
        self._inputs, self._answers, self._lines = array("q"), array("q"), array("q")
        self._stride = 1

    def see(self, turn: Turn) -> Iterable[Finding]:
        key = input_hash(turn)
        if key % self._stride:
            return ()
        if len(self._inputs) >= self._max_kept:
            self._thin_out()
        self._inputs.append(key)
        self._answers.append(answer_hash(turn))
        # The answer's place rides on its line: conversations are far shorter than 4096 messages.
        self._lines.append(turn.line << 12 | min(turn.at, 4095))
        return ()

    def _thin_out(self) -> None:
        self._stride *= 2
        kept = [i for i, key in enumerate(self._inputs) if key % self._stride == 0]
        for name in ("_inputs", "_answers", "_lines"):
            column = getattr(self, name)
            setattr(self, name, array("q", (column[i] for i in kept)))

    def finish(self) -> Iterable[Finding]:
        import numpy as np

        if not self._inputs:
            return
        inputs, answers, places = (np.frombuffer(column, np.int64) for column in (self._inputs, self._answers, self._lines))
        order = np.argsort(inputs, kind="stable")
        sorted_inputs = inputs[order]
        starts = np.flatnonzero(np.r_[True, sorted_inputs[1:] != sorted_inputs[:-1]])
        ends = np.r_[starts[1:], len(inputs)]
        several = ends - starts > 1
        found = []
        for start, end in zip(starts[several], ends[several], strict=True):
            group = order[start:end]
            first = group[0]
            found += [(int(places[i]), int(places[first])) for i in group[1:] if answers[i] != answers[first]]
        if len(starts) >= 50 and len(found) > _SEVERAL * len(starts):
            return
        for place, first_place in sorted(found):
            line, at = place >> 12, place & 4095
            message = f"the same input as on line {first_place >> 12}, with another answer"
            yield _contradict(line, f"messages[{at}].content", message)


def input_hash(turn: Turn) -> int:
    """Of the tools and everything before the answer, case, blanks and end marks aside."""
    parts = [flat(message.text) for message in turn.messages[: turn.at] if message.role not in ("system", "developer")]
    calls = [str(message.tool_calls) for message in turn.messages[: turn.at] if message.tool_calls]
    tools = msgspec.json.encode(turn.tools) if turn.tools else b""
    return hash((turn.task, tools, *parts, *calls))


def answer_hash(turn: Turn) -> int:
    """Of what the answer says: JSON whatever its blanks and order of keys, texts whatever their case and blanks."""
    message = turn.messages[turn.at]
    if not turn.answer:
        return hash(tuple((call.function.name, call.function.arguments) for call in message.tool_calls or ()))
    if turn.value is not NO_JSON:
        return hash(_frozen(turn.value))
    return hash(flat(turn.answer))


def _frozen(value: object) -> object:
    if isinstance(value, dict):
        return frozenset((key, _frozen(item)) for key, item in value.items())
    if isinstance(value, list):
        return tuple(map(_frozen, value))
    return value
