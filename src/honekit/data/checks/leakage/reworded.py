"""The same answer, no label, to nearly the same words: a leak with other words in between, or in another order."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Iterator

import xxhash

from honekit.data.checks.quality.near_pairs import SMALL
from honekit.data.near.rule import MASK, masked_words

_MAX_RECORDS = 20_000
"""Held-out records remembered, at about eight bytes a word."""
_MAX_WORDS = 300
_ALIKE, _ALIKE_SHORT = 0.5, 0.65
"""The share of words that is enough with a long answer, and with a short one."""
_MIN_WORDS = 4
_FEW_WORDS, _TELLING = 0.5, 3
"""The share of the shorter input's telling words, and their number, that is enough where no other records have the answer."""
_SMALL = SMALL | frozenset(
    {
        "how",
        "what",
        "which",
        "who",
        "whom",
        "where",
        "why",
        "while",
        "after",
        "before",
        "from",
        "by",
        "as",
        "at",
        "than",
        "then",
        "if",
    }
    | {
        "not",
        "no",
        "any",
        "some",
        "your",
        "our",
        "us",
        "they",
        "them",
        "its",
        "these",
        "those",
        "being",
        "was",
        "were",
        "go",
        "get",
    }
    | {
        "wie",
        "was",
        "wer",
        "wo",
        "wann",
        "warum",
        "ich",
        "wir",
        "man",
        "mein",
        "meine",
        "ist",
        "sind",
        "kann",
        "können",
        "es",
        "und",
    }
    | {
        "comment",
        "pourquoi",
        "je",
        "on",
        "est",
        "sont",
        "et",
        "de",
        "du",
        "des",
        "mon",
        "ma",
        "mes",
        "que",
        "qui",
        "cómo",
        "qué",
        "mi",
    }
)


class Reworded:
    """The held-out records by their answers."""

    def __init__(self) -> None:
        self._answers: dict[int, list[tuple[int, array[int]]]] = {}
        self._left = _MAX_RECORDS
        self._seen: Counter[int] = Counter()
        """How many training records have an answer of the held-out file."""
        self._maybe: list[tuple[int, int, int]] = []
        """Line of a training record, line of the held-out one with its answer and some of its words, and the answer."""

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
        self._seen[answer] += 1
        own = _words(text)
        for line, words in candidates:
            shared = len(own.intersection(words))
            if own and shared >= (_ALIKE_SHORT if is_short else _ALIKE) * (len(own) + len(words) - shared):
                return line
        return 0

    def note(self, line: int, answer: int, text: str) -> None:
        """Remember a training record whose answer one held-out record has, to an input that shares the words that tell."""
        candidates = self._answers.get(answer, ())
        if len(candidates) == 1:
            [(other, words)] = candidates
            telling, others = _words(text) - _SMALL_HASHES, {*words} - _SMALL_HASHES
            shared = len(telling & others)
            if shared >= _TELLING and shared >= _FEW_WORDS * min(len(telling), len(others)):
                self._maybe.append((line, other, answer))

    def found(self) -> Iterator[tuple[int, int]]:
        """Line of a training and of a held-out record whose answer no other record of either file has."""
        return ((line, other) for line, other, answer in self._maybe if self._seen[answer] == 1)


def _hashed(words: Iterable[str]) -> set[int]:
    return {xxhash.xxh3_64_intdigest(word.encode("utf-8", "surrogatepass")) for word in words}


def _words(text: str) -> set[int]:
    return _hashed(masked_words(text)[:_MAX_WORDS])


_SMALL_HASHES = _hashed({*_SMALL, MASK})
