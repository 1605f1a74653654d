"""Near duplicates among too many records to hold: behind the first ones, which `near_duplicates` compares with each other.

Each record stays as a few numbers. The search of `honekit.data.near.search` pairs inputs, and a pair counts where the numbers
in both inputs and both answers are the same. Labels that contradict each other are found where the inputs differ in
articles and politeness only; slips of the hand are not looked for here.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator
from typing import TYPE_CHECKING

import msgspec

from honekit.data.checks.consistency.contradictions import answer_hash
from honekit.data.checks.quality.near_pairs import CONTRADICT, NEAR, plain_words, words_of
from honekit.data.checks.turn import NO_JSON, Turn, is_label
from honekit.data.lines import Finding
from honekit.data.near.search import NearSearch

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MOST = 1_000_000
"""Records of a file that are compared: 140 bytes each, and their shingles in a temporary file."""
_WITH_DIGIT = re.compile(r"\S*\d\S*")


class ManyNearDuplicates:
    """`data.near_duplicate` and `data.answers.contradict` for the records from position `first` on, each beside all before it."""

    def __init__(self, first: int) -> None:
        self._first = first
        self._search = NearSearch()
        self._lines = array("q")
        self._hashes = array("q")
        """Five of each record: of its task with the numbers in its input, its answer, all that is said, and its input, letter by
        letter and without articles and the like."""

    def see(self, turn: Turn) -> None:
        said = "\n".join([message.text for message in turn.messages[: turn.at] if message.role == "user"])
        numbers = sorted(_WITH_DIGIT.findall(said))
        task = hash((turn.task, msgspec.json.encode(turn.tools) if turn.tools else b"", tuple(numbers)))
        is_decided = turn.value is not NO_JSON or is_label(turn.answer)
        plain = plain_words(words_of(said)) if is_decided else ""
        self._search.add(said)
        self._lines.append(turn.line)
        self._hashes.extend((task, hash(answer_hash(turn)), hash(turn.text), hash(turn.input)))
        self._hashes.append(hash((task, plain)) if plain else 0)

    def finish(self) -> Iterator[Finding]:
        import numpy as np

        task, answer, record, asked, plain = np.array(self._hashes, dtype=np.int64).reshape(-1, 5).T

        def accept(earlier: NDArray[np.int64], later: NDArray[np.int64]) -> NDArray[np.bool_]:
            is_same: NDArray[np.bool_] = (task[earlier] == task[later]) & (answer[earlier] == answer[later])
            is_same &= (record[earlier] != record[later]) & (later >= self._first)
            return is_same

        for match in self._search.matches(accept=accept):
            where = f"on line {self._lines[match.earlier]}"
            yield NEAR(self._lines[match.later], "messages", f"nearly the same input and the same answer as {where}")
        starts = _first_of_each(plain)
        for position in np.flatnonzero((plain != 0) & (answer[starts] != answer) & (asked[starts] != asked)):
            if position >= self._first:
                where = f"on line {self._lines[starts[position]]}"
                yield CONTRADICT(self._lines[position], "messages", f"nearly the same input as {where}, with another answer")


def _first_of_each(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """For each value the position of the first one that equals it."""
    import numpy as np

    _, first, of_value = np.unique(values, return_index=True, return_inverse=True)
    found: NDArray[np.int64] = first[of_value]
    return found
