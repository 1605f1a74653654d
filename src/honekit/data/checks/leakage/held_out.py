"""What stands in training and in validation or test too, so that a score there says nothing.

Two records are compared by their inputs: all texts before the last answer but the system prompt, which records share.
An equal input is a leak when the system prompt or the answer is equal as well ("Summarise the text above." under two
texts is none). A near input (`honekit.data.near.search`) is one under the same condition, unless the two answers are
short and differ: then the pair is a contrast that was meant (`12 + 7`, `12 + 8`).
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import xxhash

from honekit.chat.messages import Message
from honekit.data.chat import ChatExample
from honekit.data.checks.check import CheckOptions
from honekit.data.checks.conversations import conversations_of
from honekit.data.checks.leakage.beginnings import Beginnings
from honekit.data.checks.leakage.groups import GroupLeaks
from honekit.data.checks.leakage.reworded import Reworded
from honekit.data.checks.quality.near_pairs import FILLERS, SMALL
from honekit.data.lines import Finding, Severity
from honekit.data.near.rule import MASK, WORD, masked_words
from honekit.data.near.search import Match, NearSearch

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SHORT_ANSWER_WORDS = 8
"""A label, a number, a small JSON object. Longer answers to near inputs differ by their wording."""
SENTENCE_WORDS = 6
MIN_TELLING_WORDS = 3
"""A shorter input is equal to others by nature."""
LONG_CHARACTERS = 100
MAX_BETWEEN = 20
"""Leaks between validation and test that are named; the rest is counted."""
_SMALL_WORDS = FILLERS | {"one", "on", "upon", "in", "into", "and", "of", "to"}
"""Two inputs with the same answer that differ in these only are one."""
_OF_INPUTS = _SMALL_WORDS | {"i", "my", "am", "is", "i'm", "i’m", "it's", "it’s", "m", "s"}
"""The same where the answer is short."""
_OF_ANSWERS = _SMALL_WORDS | {"because", "by", "s"}
"""Two short answers with the same words but for these say the same."""
_CONTRAST, _SECOND = 8, 0.05
"""Where so many inputs differ in their numbers only, and so large a share of them has another short answer than most, it is the
numbers that decide."""
_ROLES = ("system", "developer")
_64_BITS = (1 << 64) - 1
_TEST_FIX = "take it out of one of the two; else the score says how well it was remembered"
_VALIDATION_FIX = "take it out of one of the two; else the validation loss looks better than it is"


@dataclass(frozen=True)
class _Parts:
    """What is compared of one record, as hashes, and its input as text."""

    input: str
    input_hash: int
    system: int
    answer: int
    is_short: bool
    """The answer is short enough to tell two records apart."""
    is_own: bool
    """The answer has words of its own, and is neither a label nor JSON: two records have it by copying only."""
    is_sentence: bool
    """The same, and so many that two questions hardly have the answer in common; no tool gave it."""
    is_telling: bool
    """The input has words enough for nearness to mean something."""
    masked: int
    """The input without its numbers."""
    said: int
    """The words of the input in any order, small ones aside, with the answer if it is short, else with the system prompt."""


def _parts(messages: list[Message]) -> _Parts:
    last = max((i for i, message in enumerate(messages) if message.role == "assistant"), default=len(messages))
    system = [message.text for message in messages if message.role in _ROLES]
    before = [_said(message) for message in messages[:last] if message.role not in _ROLES]
    words = masked_words(_said(messages[last])) if last < len(messages) else []
    text = "\n".join(before if any(before) else system)
    is_short = len(words) <= SHORT_ANSWER_WORDS
    # Numbers are masked, as in inputs, but where they are the answer: `60 cm` and `40 cm` differ.
    is_number = len(set(words) - {MASK}) < MIN_TELLING_WORDS
    answer = _said(messages[last]).split() if is_number and last < len(messages) else words
    telling = () if is_number else sorted(word for word in words if word not in _OF_ANSWERS)
    answer_hash = _hash(" ".join(telling if is_short and len(telling) >= MIN_TELLING_WORDS else answer))
    # `Hello` is said twice without any leak; there the answer decides.
    system_hash = _hash("\n".join(system)) if len(text.split()) >= MIN_TELLING_WORDS else answer_hash
    is_own = (not is_short or len(telling) >= MIN_TELLING_WORDS) and _said(messages[last]).lstrip()[:1] not in ("{", "[")
    masked = masked_words(text)
    is_telling = len(text) >= LONG_CHARACTERS or len({*masked} - {MASK}) >= MIN_TELLING_WORDS
    said = _in_any_order(text, _OF_INPUTS) if is_short else _in_any_order(text, SMALL, least=MIN_TELLING_WORDS)
    hashes = _hash(" ".join(text.split())), system_hash, answer_hash
    return _Parts(
        text,
        *hashes,
        is_short,
        is_own,
        is_own and len({*words}) >= SENTENCE_WORDS and all(message.role != "tool" for message in messages),
        is_telling,
        _hash(" ".join(masked)),
        _hash(f"{said}\0{answer_hash if is_short else system_hash}"),
    )


def _in_any_order(text: str, small: frozenset[str], least: int = 0) -> str:
    """The words without the small ones; with them where fewer than `least` are left."""
    words = sorted(WORD.findall(text.lower()))
    telling = [word for word in words if word not in small]
    return " ".join(telling if len(telling) >= least else words)


def _said(message: Message) -> str:
    calls = [f"{call.function.name} {call.function.arguments}" for call in message.tool_calls or ()]
    return "\n".join([message.text, *calls]) if calls else message.text


def _hash(text: str) -> int:
    return xxhash.xxh3_64_intdigest(text.encode("utf-8", "surrogatepass"))


class _Rows:
    """A row for each record of the three files, test first, then validation, then training: 34 bytes and the search."""

    def __init__(self) -> None:
        self.search = NearSearch()
        self.lines = array("Q")
        self.exact_in = bytearray()
        """Bit s: the record's input stands in held-out file s as it is."""
        self._hashes = array("Q")
        self._flags = bytearray()
        """Bit 0: short answer; bit 1: telling input."""

    def add(self, line: int, parts: _Parts, exact_in: int) -> None:
        self.search.add(parts.input)
        self.lines.append(line)
        self.exact_in.append(exact_in)
        self._hashes.extend((parts.system, parts.answer, parts.masked))
        self._flags.append(parts.is_short + 2 * parts.is_telling)

    def near(self, first: int, split: int, bit: int) -> list[Match]:
        """Rows from `split` on that are near one of the rows `first` to `split`, and not equal to one of file `bit`."""
        import numpy as np

        hashes = np.array(self._hashes, dtype=np.uint64).reshape(-1, 3)
        flags = np.frombuffer(bytes(self._flags), dtype=np.uint8)
        by_numbers = _decided_by_numbers(hashes[:, 2], hashes[:, 1])
        is_exact = (np.frombuffer(bytes(self.exact_in), dtype=np.uint8) & bit) > 0

        def accept(earlier: NDArray[np.int64], later: NDArray[np.int64]) -> NDArray[np.bool_]:
            same = hashes[earlier] == hashes[later]
            alike: NDArray[np.bool_] = same[:, 1] | (same[:, 0] & ((flags[earlier] & flags[later] & 1) == 0))
            alike &= ~(by_numbers[earlier] & by_numbers[later])
            return alike & ((flags[earlier] & flags[later] & 2) > 0) & (earlier >= first) & ~is_exact[later]

        return self.search.matches(split, accept)


def _decided_by_numbers(masked: NDArray[np.uint64], answers: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Which rows are of a template whose numbers decide the answer: readings of a sensor that are high or low."""
    import numpy as np

    templates, of_row, sizes = np.unique(masked, return_inverse=True, return_counts=True)
    pairs, counts = np.unique(np.stack([of_row.astype(np.uint64), answers]), axis=1, return_counts=True)
    most = np.zeros(len(templates), dtype=np.int64)
    np.maximum.at(most, pairs[0].astype(np.int64), counts)
    is_contrast: NDArray[np.bool_] = (sizes >= _CONTRAST) & (sizes - most >= np.maximum(2, _SECOND * sizes))
    return is_contrast[of_row]


@dataclass
class _HeldOut:
    """A validation or test file: its rows, and the first line of each input."""

    name: str
    severity: Severity
    fix: str
    bit: int
    start: int
    end: int
    lines: dict[int, int]
    reworded: Reworded
    said: dict[int, int]
    """The first line of each input without small words."""
    beginnings: Beginnings = field(default_factory=Beginnings)

    def exact(self, parts: _Parts) -> int:
        """The line of the same input here, 0 when there is none."""
        return next((self.lines[key] for key in _keys(parts) if key in self.lines), 0)

    def finding(self, kind: str, line: int, message: str) -> Finding:
        return Finding(f"data.leak.{kind}", self.severity, line, "messages" if line else "", message, self.fix)


def _keys(parts: _Parts) -> tuple[int, int]:
    """Equal for the same input under the same system prompt, and for the same input with the same answer."""
    return (parts.input_hash * 3 + parts.system) & _64_BITS, (parts.input_hash * 5 + parts.answer) & _64_BITS


def leakage_check(options: CheckOptions) -> LeakageCheck | None:
    """The check against the files held out, or None when none was named."""
    return LeakageCheck(options) if options.test or options.validation else None


class LeakageCheck:
    """Training against validation and test, and these two against each other."""

    name = "leaks"

    def __init__(self, options: CheckOptions) -> None:
        self._rows = _Rows()
        self._held_out: list[_HeldOut] = []
        self._between: list[tuple[_HeldOut, str, str]] = []
        self._groups = GroupLeaks()
        self._leaks: set[int] = set()
        """The lines of leaks, so that none is told twice."""
        if options.test:
            self._read(options.test, "error", _TEST_FIX)
        if options.validation:
            self._read(options.validation, "warning", _VALIDATION_FIX)

    def _read(self, path: Path, severity: Severity, fix: str) -> None:
        start = len(self._rows.lines)
        held_out = _HeldOut(path.name, severity, fix, 1 << len(self._held_out), start, start, {}, Reworded(), {})
        self._groups.add_file(path.name, severity)
        for example in conversations_of(path):
            parts = _parts(example.messages)
            exact_in = 0
            for other in self._held_out:
                line = other.exact(parts)
                if line:
                    exact_in |= other.bit
                    self._between.append(
                        (other, "exact", f"the same input in {path.name}:{example.line} and {other.name}:{line}")
                    )
            self._rows.add(example.line, parts, exact_in)
            self._groups.hold_out(example)
            held_out.beginnings.add(example.line, example.messages)
            if parts.is_own:
                held_out.reworded.add(example.line, parts.answer, parts.input)
            for key in _keys(parts):
                held_out.lines.setdefault(key, example.line)
            if parts.is_telling:
                held_out.said.setdefault(parts.said, example.line)
        held_out.end = len(self._rows.lines)
        self._held_out.append(held_out)

    def see(self, example: ChatExample) -> Iterable[Finding]:
        if not self._held_out:
            return
        parts = _parts(example.messages)
        exact_in = 0
        self._groups.see(example)
        for held_out in self._held_out:
            held_out.beginnings.see(example.line, example.messages)
            line = held_out.exact(parts)
            if line:
                exact_in |= held_out.bit
                self._leaks.add(example.line)
                yield held_out.finding("exact", example.line, f"the same input as {held_out.name}:{line}")
            elif parts.is_telling and (line := held_out.said.get(parts.said, 0)):
                exact_in |= held_out.bit
                self._leaks.add(example.line)
                message = f"nearly the same input as {held_out.name}:{line}: only small words or their order differ"
                yield held_out.finding("near_duplicate", example.line, message)
            elif parts.is_own and (line := held_out.reworded.line(parts.answer, parts.input, is_short=parts.is_short)):
                exact_in |= held_out.bit
                self._leaks.add(example.line)
                message = f"nearly the same input as {held_out.name}:{line}, and the same answer"
                yield held_out.finding("near_duplicate", example.line, message)
            elif parts.is_sentence:
                held_out.reworded.note(example.line, parts.answer, parts.input)
        self._rows.add(example.line, parts, exact_in)

    def finish(self) -> Iterable[Finding]:
        rows = self._rows
        training = max((held_out.end for held_out in self._held_out), default=0)
        for held_out in self._held_out:
            for match in rows.near(held_out.start, held_out.end, held_out.bit):
                line, other = rows.lines[match.later], f"{held_out.name}:{rows.lines[match.earlier]}"
                if match.later >= training:
                    self._leaks.add(line)
                    message = f"nearly the same input as {other} (Jaccard {match.similarity:.2f})"
                    yield held_out.finding("near_duplicate", line, message)
                else:
                    message = f"nearly the same input in {self._held_out[-1].name}:{line} and {other}"
                    self._between.append((held_out, "near_duplicate", message))
            for line, at in held_out.reworded.found():
                if line not in self._leaks:
                    self._leaks.add(line)
                    message = f"the input of {held_out.name}:{at} in other words, and the same answer, which no other record has"
                    yield held_out.finding("near_duplicate", line, message)
            for line, at in held_out.beginnings.found():
                if line not in self._leaks:
                    self._leaks.add(line)
                    yield held_out.finding("exact", line, f"the conversation begins with all of {held_out.name}:{at}")
        for held_out, kind, message in self._between[:MAX_BETWEEN]:
            yield held_out.finding(kind, 0, message)
        if len(self._between) > MAX_BETWEEN:
            held_out, kind, _ = self._between[MAX_BETWEEN]
            yield held_out.finding(kind, 0, f"{len(self._between) - MAX_BETWEEN} more inputs stand in both held-out files")
        yield from self._groups.findings(self._leaks)
