"""Values that are copied from the input in nearly all answers, and in this one are not: a misread name, a changed number.

A field of a JSON answer, a short answer, an argument of a tool call: where most of its values stand in the conversation
before it word by word, one that is a slip away from something there was meant to be that (`Orbit GmbH` for `Orbis GmbH`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from rapidfuzz.distance import OSA

from honekit.data.checks.short_texts import of_turn, short_texts
from honekit.data.checks.tally import MAX_PLACES, MAX_TASKS
from honekit.data.checks.turn import (
    MAX_LABEL_CHARS,
    NO_JSON,
    Turn,
    adviser,
    bare,
    has_digit,
    is_label,
    json_value,
    said_before,
    said_before_message,
    warner,
)
from honekit.data.checks.turns import Turns
from honekit.data.lines import Finding, shown

_LEAST = 8
_MOSTLY = 0.7
_MAX_FIELDS = 64
_ENOUGH = 200
"""After so many values a field that is mostly not copied is not looked at any more."""
_MIN_LETTERS, _MIN_DIGITS = 4, 2
_WORD = re.compile(r"[^\W_]+")
_MAX_WORDS = 2000
_SURELY = 0.8
_FEW, _NEARLY_ALL, _ENOUGH_TO_TELL = 3, 0.9, 12
"""What is needed to doubt a name that is no slip: it may be known from elsewhere."""
_ENOUGH_CALLS = 10
"""The same for an argument of a call, which comes from what the user said."""

_unfounded = warner("data.answers.unfounded", "copy it from the input as it stands there")
_strange = adviser("data.answers.unfounded", "see where it comes from: a model can only learn to make it up")


@dataclass(slots=True)
class Field:
    """How often the values of one field stand in the input."""

    total: int = 0
    copied: int = 0
    slips: list[tuple[int, str, str, str]] = field(default_factory=list)
    """Line, place, value, and what stands in the input instead."""

    strange: list[tuple[int, str, str]] = field(default_factory=list)
    """Line, place and value of names that nothing in the input is like."""
    words: list[tuple[int, str, str]] = field(default_factory=list)
    """The same of words, the first two."""
    elsewhere: list[tuple[int, str, str, int]] = field(default_factory=list)
    """Line, place and value of what stands in the input of a record beside it, and that one's line."""

    @property
    def is_hopeless(self) -> bool:
        return self.total >= _ENOUGH and self.copied < _MOSTLY * self.total


@dataclass
class CopiedValues:
    """`data.answers.unfounded` for values that are a slip away from something in the input."""

    fields: dict[tuple[int, str], Field] = field(default_factory=dict)
    """By task and name."""
    beside: tuple[int, str] = (0, "")
    """Line and input of the record before."""
    open: list[tuple[int, str, int, str, str]] = field(default_factory=list)
    """Task, name, line, place and value of what did not stand in that record's own input."""

    def see(self, turns: Turns) -> None:
        for turn in turns.all:
            if turn.value is NO_JSON and len(turn.answer) > MAX_LABEL_CHARS and not turn.tools:
                continue
            at, before, letters, beside = -1, "", "", ""
            still_open: list[tuple[int, str, int, str, str]] = []
            for index, name, values, place in _values(turn):
                counts = self.fields.get((turn.task, name)) or self._field((turn.task, name))
                if counts is None or counts.is_hopeless:
                    continue
                if index != at:
                    at, letters = index, ""
                    before = said_before(turn) if index == turn.at else said_before_message(turn, index)
                named = [*filter(_distinct_form, values)]
                strange = [value for value in named if value not in before]
                counts.total += len(named)
                counts.copied += len(named) - len(strange)
                for value in strange:
                    form = _distinct_form(value)
                    letters = letters or bare(before)
                    if form in letters:
                        counts.copied += 1
                        continue
                    place = place or (f"{turn.field}.{name}" if name else turn.field)
                    if (
                        len(counts.elsewhere) < MAX_PLACES
                        and index == turn.at
                        and len(form) > _MIN_LETTERS
                        and form[:_MIN_LETTERS] not in letters
                    ):
                        beside = beside or self.beside[1].casefold()
                        if turn.line <= self.beside[0] + 2 and value.casefold() in beside:
                            counts.elsewhere.append((turn.line, place, value, self.beside[0]))
                            continue
                        still_open.append((turn.task, name, turn.line, place, value))
                    if not _is_name(value):
                        if name and len(counts.words) < 2 and form[:_MIN_LETTERS] not in letters:
                            counts.words.append((turn.line, place, value))
                    elif len(counts.slips) < MAX_PLACES:
                        if meant := _near(value, before):
                            counts.slips.append((turn.line, place, value, meant))
                        elif len(counts.strange) <= _FEW:
                            counts.strange.append((turn.line, place, value))
            if at == turn.at:
                self._look_beside(turn.line, before)
                self.beside, self.open = (turn.line, before), still_open

    def _look_beside(self, line: int, before: str) -> None:
        """Look for what stood in no input of its own in this one, which comes after it."""
        before = before.casefold() if self.open else ""
        for task, name, other, place, value in self.open:
            if line <= other + 2 and value.casefold() in before:
                self.fields[task, name].elsewhere.append((other, place, value, line))

    def _field(self, key: tuple[int, str]) -> Field | None:
        if key not in self.fields and len(self.fields) < MAX_TASKS * _MAX_FIELDS:
            self.fields[key] = Field()
        return self.fields.get(key)

    def join(self, later: CopiedValues, lines_before: int) -> None:
        for key, counts in later.fields.items():
            own = self._field(key)
            if own:
                own.total += counts.total
                own.copied += counts.copied
                room = MAX_PLACES - len(own.slips)
                own.slips += [(line + lines_before, at, value, meant) for line, at, value, meant in counts.slips[:room]]
                own.words += [(line + lines_before, at, value) for line, at, value in counts.words[: 2 - len(own.words)]]
                room = _FEW + 1 - len(own.strange)
                own.strange += [(line + lines_before, at, value) for line, at, value in counts.strange[:room]]
                room = MAX_PLACES - len(own.elsewhere)
                own.elsewhere += [
                    (line + lines_before, at, value, other + lines_before) for line, at, value, other in counts.elsewhere[:room]
                ]

    def finish(self) -> Iterator[Finding]:
        for (_, name), counts in self.fields.items():
            if counts.total < _LEAST or counts.copied < _MOSTLY * counts.total:
                continue
            what = f"`{name}`" if name else "the answer"
            beside = counts.elsewhere if counts.copied >= _SURELY * counts.total else ()
            for line, at, value, other in beside:
                yield _unfounded(line, at, f"{shown(value)} stands nowhere in the input, but in that of line {other}")
            for line, at, value, meant in counts.slips:
                usual = f"{counts.copied} of {counts.total} times {what} is copied from the input"
                yield _unfounded(line, at, f"{shown(value)} stands nowhere in the input, but {shown(meant)} does; {usual}")
            is_argument = any(".tool_calls[" in at for _, at, _ in counts.strange)
            enough = _ENOUGH_CALLS if is_argument else _ENOUGH_TO_TELL
            if len(counts.strange) <= _FEW and counts.total >= enough and counts.copied >= _NEARLY_ALL * counts.total:
                # A word may be said in another way: it is doubted only where no other value of the field was.
                words = counts.words if counts.copied == counts.total - 1 else ()
                for line, at, value in (*counts.strange, *words):
                    usual = f"{counts.copied} of {counts.total} times {what} is copied from the input"
                    yield _strange(line, at, f"nothing like {shown(value)} stands in the input; {usual}")


def _values(turn: Turn) -> Iterator[tuple[int, str, list[str], str]]:
    """Message, name, texts and place of everything that may be copied; no place for what the answer has under its name."""
    if isinstance(turn.value, dict):
        for path, texts in of_turn(turn).items():
            yield turn.at, path, texts, ""
    elif turn.value is NO_JSON and is_label(turn.answer):
        yield turn.at, "", [turn.answer.strip()], ""
    for index, message in enumerate(turn.messages) if turn.tools else ():
        for number, call in enumerate(message.tool_calls or ()) if message.is_trained else ():
            arguments = json_value(call.function.arguments)
            for path, texts in short_texts(arguments).items() if isinstance(arguments, dict) else ():
                place = f"messages[{index}].tool_calls[{number}].function.arguments"
                yield index, f"{call.function.name}.{path}", texts, place


@lru_cache(maxsize=4096)
def _distinct_form(value: str) -> str:
    """The bare form of a short text that would not stand in the input by chance; nothing for any other."""
    form = bare(value)
    return form if len(form) >= _MIN_LETTERS or (len(form) >= _MIN_DIGITS and form.isdigit()) else ""


@lru_cache(maxsize=4096)
def _is_name(value: str) -> bool:
    """Words of a language are inflected (`berry` for `berries`); names and numbers are not."""
    return value[0].isupper() or has_digit(value)


def _near(value: str, before: str) -> str | None:
    """A run of words in the input that is a slip of the hand or two swapped digits away from the value."""
    own = _WORD.findall(value.casefold())
    words = _WORD.findall(before)[:_MAX_WORDS]
    form = "".join(own)
    allowed = 1 if len(form) < 6 else 2
    for start in range(len(words) - len(own) + 1):
        run = words[start : start + len(own)]
        other = "".join(run).casefold()
        if abs(len(other) - len(form)) > allowed or not _may_be(form, other):
            continue
        if OSA.distance(form, other, score_cutoff=allowed) <= allowed and not _is_inflected(own, run):
            return " ".join(run)
    return None


def _is_inflected(own: list[str], run: list[str]) -> bool:
    """Whether only the endings of words differ: `envelope C5` for `envelopes C5`. A name is not inflected."""
    pairs = [(word, other) for word, other in zip(own, run, strict=True) if word != other.casefold()]
    return all(other.islower() and _stem(word) == _stem(other) for word, other in pairs)


def _stem(word: str) -> str:
    return word.removesuffix("s").removesuffix("e")


def _may_be(form: str, other: str) -> bool:
    """Digits may only be exchanged for digits: the numbers 17 and 71, not 17 and 1b."""
    return form[0] == other[0] or sorted(form) == sorted(other) if form.isalpha() else form.isdigit() == other.isdigit()
