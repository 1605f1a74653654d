"""The same input with another answer: whichever is right, training on both teaches neither."""

from __future__ import annotations

from array import array
from collections.abc import Iterable

import msgspec

from honekit.data.checks.turn import NO_JSON, Turn, flat, warner
from honekit.data.lines import Finding

MAX_KEPT = 1_000_000
"""Inputs remembered at 24 bytes each. In a larger file a share of the inputs is followed, chosen by their hash, so
that all answers to one input are either all seen or all not."""
_SEVERAL = 0.2
"""When more inputs than this have several answers, these are meant as samples."""
_MANY = 50
_PLACE_BITS = 12
_LAST_PLACE = (1 << _PLACE_BITS) - 1
"""The answer's place in the conversation rides on its line, to keep three numbers for an input."""

_contradict = warner("data.answers.contradict", "keep the right answer, and delete or mend the other")


class Contradictions:
    """`data.answers.contradict`."""

    def __init__(self, max_kept: int = MAX_KEPT) -> None:
        self._max_kept = max_kept
        self._inputs, self._answers, self._places = array("q"), array("q"), array("q")
        self._stride = 1

    def see(self, turn: Turn) -> Iterable[Finding]:
        key = input_hash(turn)
        if key % self._stride:
            return ()
        if len(self._inputs) >= self._max_kept:
            self._thin_out()
        self._inputs.append(key)
        self._answers.append(answer_hash(turn))
        self._places.append(turn.line << _PLACE_BITS | min(turn.at, _LAST_PLACE))
        return ()

    def _thin_out(self) -> None:
        self._stride *= 2
        kept = [i for i, key in enumerate(self._inputs) if key % self._stride == 0]
        for name in ("_inputs", "_answers", "_places"):
            column = getattr(self, name)
            setattr(self, name, array("q", (column[i] for i in kept)))

    def finish(self) -> Iterable[Finding]:
        inputs, answers, places = self._inputs, self._answers, self._places
        found = []
        distinct = 0
        first = -1
        # Sorting is stable, so the first of equal inputs is the one that came first.
        for i in sorted(range(len(inputs)), key=inputs.__getitem__):
            if first < 0 or inputs[i] != inputs[first]:
                first = i
                distinct += 1
            elif answers[i] != answers[first]:
                found.append((places[i], places[first]))
        if distinct >= _MANY and len(found) > _SEVERAL * distinct:
            return
        for place, first_place in sorted(found):
            line, at = place >> _PLACE_BITS, place & _LAST_PLACE
            message = f"the same input as on line {first_place >> _PLACE_BITS}, with another answer"
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
