"""What stands in training and in validation or test too, so that a score there says nothing.

Two records are compared by their inputs: all texts before the last answer but the system prompt, which records share.
An equal input is a leak when the system prompt or the answer is equal as well ("Summarise the text above." under two
texts is none). A near input (`honekit.data.near_search`) is one under the same condition, unless the two answers are
short and differ: then the pair is a contrast that was meant (`12 + 7`, `12 + 8`).
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import xxhash

from honekit.chat.messages import Message
from honekit.data.chat import ChatExample, scan_chat_file
from honekit.data.checks.check import Check, CheckOptions
from honekit.data.lines import Finding
from honekit.data.near import masked_words
from honekit.data.near_search import NearSearch

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SHORT_ANSWER_WORDS = 8
"""A label, a number, a small JSON object. Longer answers to near inputs differ by their wording."""
MAX_BETWEEN = 20
"""Leaks between validation and test that are named; the rest is counted."""
_ROLES = ("system", "developer")
_FIXES = {
    "test": "take it out of training, or out of the test set; scores on that test set say nothing about new inputs",
    "validation": "take it out of one of the two; the validation loss looks better than it is",
}


@dataclass(frozen=True)
class _Parts:
    """What is compared of one record, as hashes, and its input as text."""

    input: str
    input_hash: int
    system: int
    answer: int
    is_short: bool


def _parts(messages: list[Message]) -> _Parts:
    last = max((i for i, message in enumerate(messages) if message.role == "assistant"), default=len(messages))
    system = [message.text for message in messages if message.role in _ROLES]
    before = [_said(message) for message in messages[:last] if message.role not in _ROLES]
    words = masked_words(_said(messages[last])) if last < len(messages) else []
    text = "\n".join(before)
    # Numbers are masked in long answers only: `19` and `31` are different answers.
    is_short = len(words) <= SHORT_ANSWER_WORDS
    answer = _said(messages[last]).split() if is_short and last < len(messages) else words
    return _Parts(text, _hash(" ".join(text.split())), _hash("\n".join(system)), _hash(" ".join(answer)), is_short)


def _said(message: Message) -> str:
    calls = [f"{call.function.name} {call.function.arguments}" for call in message.tool_calls or ()]
    return "\n".join([message.text, *calls]) if calls else message.text


def _hash(text: str) -> int:
    return xxhash.xxh3_64_intdigest(text.encode("utf-8", "surrogatepass"))


class _Table:
    """A row for each record that was added: 25 bytes beside what the search keeps."""

    def __init__(self) -> None:
        self.search = NearSearch()
        self.lines = array("Q")
        self._hashes = array("Q")
        self._is_short = bytearray()

    def add(self, line: int, parts: _Parts) -> None:
        self.search.add(parts.input)
        self.lines.append(line)
        self._hashes.extend((parts.system, parts.answer))
        self._is_short.append(parts.is_short)

    def accept(self, earlier: NDArray[np.int64], later: NDArray[np.int64]) -> NDArray[np.bool_]:
        import numpy as np

        hashes = np.array(self._hashes, dtype=np.uint64).reshape(-1, 2)
        is_short = np.frombuffer(bytes(self._is_short), dtype=bool)
        same = hashes[earlier] == hashes[later]
        accepted: NDArray[np.bool_] = same[:, 1] | (same[:, 0] & ~(is_short[earlier] & is_short[later]))
        return accepted


class _HeldOut:
    """The records of a validation or test file, against which others are looked up."""

    def __init__(self, path: Path, split: str) -> None:
        self.path, self.split = path, split
        self.records: list[tuple[int, _Parts]] = []
        self._exact: dict[tuple[int, str, int], int] = {}
        scan_chat_file(path, lambda example, report: self._add(example), None)
        self._table = _Table()
        for line, parts in self.records:
            self._table.add(line, parts)

    def _add(self, example: ChatExample) -> None:
        parts = _parts(example.messages)
        self.records.append((example.line, parts))
        for key in _keys(parts):
            self._exact.setdefault(key, example.line)

    def exact(self, parts: _Parts) -> int:
        """The line of the same input here, 0 when there is none."""
        return next((self._exact[key] for key in _keys(parts) if key in self._exact), 0)

    def later(self, line: int, parts: _Parts) -> None:
        """Keep a record for `near`."""
        self._table.add(line, parts)

    def near(self) -> Iterator[tuple[int, int, float]]:
        """(line of the kept record, line here, similarity)."""
        table = self._table
        for match in table.search.matches(len(self.records), table.accept):
            yield table.lines[match.later], table.lines[match.earlier], match.similarity


def _keys(parts: _Parts) -> tuple[tuple[int, str, int], tuple[int, str, int]]:
    return (parts.input_hash, "system", parts.system), (parts.input_hash, "answer", parts.answer)


class LeakageCheck:
    """Training against validation and test, and these two against each other."""

    def __init__(self, options: CheckOptions) -> None:
        files = (("test", options.test), ("validation", options.validation))
        self._held_out = [_HeldOut(path, split) for split, path in files if path is not None]

    def see(self, example: ChatExample) -> Iterable[Finding]:
        if not self._held_out:
            return
        parts = _parts(example.messages)
        for held_out in self._held_out:
            line = held_out.exact(parts)
            if line:
                yield _finding("exact", held_out, example.line, f"the same input as {held_out.path.name}:{line}")
            else:
                held_out.later(example.line, parts)

    def finish(self) -> Iterable[Finding]:
        for held_out in self._held_out:
            for line, other, similarity in held_out.near():
                message = f"nearly the same input as {held_out.path.name}:{other} (Jaccard {similarity:.2f})"
                yield _finding("near_duplicate", held_out, line, message)
        if len(self._held_out) == 2:
            yield from _between(*self._held_out)


def _finding(kind: str, held_out: _HeldOut, line: int, message: str) -> Finding:
    severity = "error" if held_out.split == "test" else "warning"
    field = "messages" if line else ""
    return Finding(f"data.leak.{kind}", severity, line, field, message, _FIXES[held_out.split])  # type: ignore[arg-type]


def _between(test: _HeldOut, validation: _HeldOut) -> Iterator[Finding]:
    """Leaks of validation records into the test set; these stand in no line of the training file."""
    leaks: list[tuple[str, int, int, str]] = []
    table, lines = _Table(), []
    for line, parts in test.records:
        table.add(line, parts)
    for line, parts in validation.records:
        other = test.exact(parts)
        if other:
            leaks.append(("exact", line, other, "the same input in"))
        else:
            table.add(line, parts)
            lines.append(line)
    for match in table.search.matches(len(test.records), table.accept):
        what = f"nearly the same input (Jaccard {match.similarity:.2f}) in"
        leaks.append(("near_duplicate", table.lines[match.later], table.lines[match.earlier], what))
    for kind, line, other, what in leaks[:MAX_BETWEEN]:
        message = f"{what} {validation.path.name}:{line} and {test.path.name}:{other}"
        yield _finding(kind, test, 0, message)
    if len(leaks) > MAX_BETWEEN:
        yield _finding("exact", test, 0, f"{len(leaks) - MAX_BETWEEN} more leaks between validation and test")
