"""The same answer, no label, to nearly the same words: a leak with other words in between, or in another order."""

from __future__ import annotations

from array import array

import xxhash

from honekit.data.near.rule import masked_words

_MAX_RECORDS = 20_000
"""Held-out records remembered, at about eight bytes a word."""
_MAX_WORDS = 300
_ALIKE, _ALIKE_SHORT = 0.5, 0.65
"""The share of words that is enough with a long answer, and with a short one."""
_MIN_WORDS = 4


class Reworded:
    """The held-out records by their answers."""

    def __init__(self) -> None:
        self._answers: dict[int, list[tuple[int, array[int]]]] = {}
        self._left = _MAX_RECORDS

    def add(self, line: int, answer: int, text: str) -> None:
        words = _words(text)
        if self._left and len(words) >= _MIN_WORDS:
            self._left -= 1
            self._answers.setdefault(answer, []).append((line, array("Q", words)))

    def line(self, answer: int, text: str, *, is_short: bool = False) -> int:
        """The line of a record with this answer and most of these words, 0 when there is none."""
        candidates = self._answers.get(answer)
        if not candidates or len(candidates) > 5:  # an answer to everything says nothing
            return 0
        own = _words(text)
        for line, words in candidates:
            shared = len(own.intersection(words))
            if own and shared >= (_ALIKE_SHORT if is_short else _ALIKE) * (len(own) + len(words) - shared):
                return line
        return 0


def _words(text: str) -> set[int]:
    return {xxhash.xxh3_64_intdigest(word.encode("utf-8", "surrogatepass")) for word in masked_words(text)[:_MAX_WORDS]}
