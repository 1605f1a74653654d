"""Numbers and dates that a tool is called with and nobody has named, while the one that was named goes unused."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from honekit.data.checks.quality.dates import days_in
from honekit.data.checks.quality.figures import value_of
from honekit.data.checks.quality.number_words import numbers_in_words
from honekit.data.checks.quality.taken import Taken
from honekit.data.checks.tally import MAX_TASKS
from honekit.data.checks.turn import Turn, json_value, warner
from honekit.data.checks.turns import Turns
from honekit.data.lines import Finding

_ISO_DATE = re.compile(r"(\d{4})-(\d\d)-(\d\d)")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_TIME = re.compile(r"(?:^|_)(?:seconds?|secs?|minutes?|mins?|hours?|days?|months?|duration|timeout|interval)(?:_|$)", re.I)
_OF_TIME = (60, 3600, 24, 7, 12, 1440)
"""What makes seconds of minutes or minutes of hours, and so on: two hours may be passed as 120."""
_LEAST, _HALF, _MOSTLY = 5, 0.5, 0.85
_FEW, _FEW_SHARE = 2, 0.03
_MAX_FIELDS = 32
_MAX_CHARS = 8000
_MAX_UNUSED = 3

_unfounded = warner("data.answers.unfounded", "pass what was asked for, or ask for what is passed")

Scalar = float | tuple[int, int, int]


@dataclass(slots=True)
class Argument:
    """How often what it is given stands in the conversation before the call."""

    taken: Taken = field(default_factory=Taken)
    contradicted: int = 0
    """How often it is not named, and something that was is not passed. The rest was meant without words (`my wife and I`)."""


Given = tuple[int, str, str, Any]
"""Number of the call, path, name and value of an argument."""
Doubtful = tuple[int, str, Any, Scalar, Argument]


@dataclass
class Arguments:
    """`data.answers.unfounded` for numbers and dates in calls."""

    fields: dict[tuple[int, str], Argument] = field(default_factory=dict)
    """By task, and name of tool and argument."""

    def see(self, turns: Turns) -> None:
        for turn in turns.all:
            if not turn.tools:
                continue
            for at, message in enumerate(turn.messages):
                if message.tool_calls and message.is_trained:
                    self._look(turn, at)

    def _look(self, turn: Turn, at: int) -> None:
        calls = [
            (number, call.function.name, arguments)
            for number, call in enumerate(turn.messages[at].tool_calls or ())
            if type(arguments := json_value(call.function.arguments)) is dict
        ]
        scalars = [(number, f"{name}.{key}", key, value) for number, name, given in calls for key, value in given.items()]
        read = [(*one, scalar) for one in scalars if (scalar := _scalar(one[3])) is not None]
        if not read:
            return
        earlier = [call.function.arguments for message in turn.messages[:at] for call in message.tool_calls or ()]
        before = "\n".join([*turn.texts[:at], *earlier])[-_MAX_CHARS:]
        written = {*_NUMBER.findall(before)}
        doubtful = []
        for number, path, key, value, scalar in read:
            counts = self._field(turn.task, path)
            if counts is None:
                continue
            if scalar in (0, 1) or (value in before if isinstance(scalar, tuple) else str(value) in written):
                counts.taken.total += 1
                counts.taken.copied += 1
            else:
                doubtful.append((number, key, value, scalar, counts))
        if doubtful:
            self._look_closely(turn, at, before, scalars, doubtful)

    def _look_closely(self, turn: Turn, at: int, before: str, scalars: list[Given], doubtful: list[Doubtful]) -> None:
        """At what does not stand in the conversation as it is passed."""
        days = days_in(before) if any(isinstance(one[3], tuple) for one in doubtful) else set()
        numbers = _numbers_in(before) if any(not isinstance(one[3], tuple) for one in doubtful) else set()
        asked = next((turn.texts[index] for index in range(at - 1, -1, -1) if turn.messages[index].role == "user"), "")
        for number, key, value, scalar, counts in doubtful:
            if isinstance(scalar, tuple) and not days:
                continue
            counts.taken.total += 1
            if scalar in days if isinstance(scalar, tuple) else _is_said(key, scalar, numbers):
                counts.taken.copied += 1
                continue
            passed = {each for _, _, _, given in scalars for each in _all_in(given)}
            others: Sequence[Scalar] = sorted(days_in(asked) - passed)
            if not isinstance(scalar, tuple):
                others = [*sorted(_numbers_in(asked) - passed - {1}), *_one_of(key, asked)]
            if not 0 < len(others) <= _MAX_UNUSED:
                continue
            counts.contradicted += 1
            place = f"messages[{at}].tool_calls[{number}].function.arguments"
            said = f"`{key}` is {value}, which stands nowhere before the call, where {_said(others[0])} does"
            counts.taken.note(turn.line, place, said)

    def _field(self, task: int, path: str) -> Argument | None:
        if (task, path) not in self.fields and len(self.fields) < MAX_TASKS * _MAX_FIELDS:
            self.fields[task, path] = Argument()
        return self.fields.get((task, path))

    def join(self, later: Arguments, lines_before: int) -> None:
        for (task, path), counts in later.fields.items():
            own = self._field(task, path)
            if own:
                own.taken.join(counts.taken, lines_before)
                own.contradicted += counts.contradicted

    def finish(self) -> Iterator[Finding]:
        for counts in self.fields.values():
            taken, odd = counts.taken, counts.contradicted
            if not taken.is_usual(_LEAST, _HALF) or odd > max(_FEW, _FEW_SHARE * taken.total):
                continue
            if odd == 1 or taken.copied >= _MOSTLY * (taken.copied + odd):
                yield from taken.findings(_unfounded, "times it was named before the call")


def _scalar(value: Any) -> Scalar | None:
    """A number, or a date as year, month and day; None for anything else."""
    if type(value) in (int, float):
        return float(value)
    if type(value) is str and len(value) == 10 and value[4] == "-" and (found := _ISO_DATE.fullmatch(value)):
        return int(found[1]), int(found[2]), int(found[3])
    return None


def _all_in(value: Any) -> set[Scalar]:
    """Every number and date in the value of an argument."""
    text = value if type(value) is str else str(value)
    return _named(text) if len(text) <= _MAX_CHARS else set()


def _named(text: str) -> set[Scalar]:
    return {*_numbers_in(text), *days_in(text)}


def _numbers_in(text: str) -> set[float]:
    """As they are written, their parts (`12.06.2025`), and those in words."""
    written = _NUMBER.findall(text)
    parts = {float(part) for number in written for part in re.split("[.,]", number)}
    return {*map(value_of, written), *parts, *map(float, numbers_in_words(text))}


def _is_said(key: str, number: float, numbers: set[float]) -> bool:
    """Whether a number is one of these, as a share or in another unit of time if need be."""
    if number in numbers or 100 * number in numbers:
        return True
    return bool(_TIME.search(key)) and any(number / factor in numbers for factor in _OF_TIME)


def _one_of(key: str, asked: str) -> list[float]:
    """One, where a single thing of this name was asked for: `one night` for `nights`. Elsewhere `one` may be a pronoun."""
    return [1.0] if key.endswith("s") and re.search(rf"\b(?:one|1|a single) {re.escape(key[:-1])}\b", asked, re.I) else []


def _said(scalar: Scalar) -> str:
    return "-".join(f"{part:02}" for part in scalar) if isinstance(scalar, tuple) else f"{scalar:g}"
