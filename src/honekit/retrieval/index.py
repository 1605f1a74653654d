"""BM25 over passages, with a tokenizer for texts that are full of codes."""

from __future__ import annotations

import logging
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING

from honekit.retrieval.passages import Passage

if TYPE_CHECKING:
    import bm25s

_COMPOUND = re.compile(r"[^\W_]+(?:[-_][^\W_]+)*")
_PARTS = re.compile(r"[-_]")
_LETTERS_THEN_DIGITS = re.compile(r"^([^\W\d_]+)(\d+)$")
_HEX = re.compile(r"^0x[0-9a-f]+$")
_CODE_COUNTS = 3
"""A code that stands in one section alone tells more of it than the words around the code do."""
_COMMON = 0.05
"""A word in more than this share of the passages tells nothing of one."""
_KEYWORDS_SHOWN = 3
_SCORE_DIGITS = 5
"""Scores are float32; equal ones must compare equal, so that ties go by the order of the passages."""


class Index:
    """A search index in memory. Safe to share between threads once built."""

    def __init__(self, passages: Sequence[Passage]) -> None:
        self.passages = tuple(passages)
        self._bm25: bm25s.BM25 | None = None
        corpus = [tokenize(f"{passage.text} {passage.keywords}") for passage in self.passages]
        self._sections_with = Counter(word for words in corpus for word in set(words))
        """Number of passages that a word stands in."""
        if any(corpus):
            with _without_jax():
                import bm25s

            logging.getLogger("bm25s").setLevel(logging.WARNING)  # its import sets DEBUG
            self._bm25 = bm25s.BM25(method="lucene")
            self._bm25.index(corpus, show_progress=False)

    def search(self, text: str, k: int | Mapping[str, int]) -> list[Passage]:
        """The k passages that match best, or so many of each document, best first; fewer when fewer share a word with `text`.

        The same text gives the same passages in the same order, always.
        Source: Robertson & Zaragoza 2009, "The Probabilistic Relevance Framework", in the form that Lucene uses.
        """
        words = tokenize(text)
        if self._bm25 is None or not words:
            return []
        codes = [word for word in words if _is_code(word) and self._sections_with[word] == 1]
        scores = self._bm25.get_scores(words + codes * (_CODE_COUNTS - 1)).tolist()
        ranked = sorted(range(len(scores)), key=lambda i: (-round(scores[i], _SCORE_DIGITS), i))
        matching = (self.passages[i] for i in ranked if round(scores[i], _SCORE_DIGITS) > 0)
        found = islice(matching, k) if isinstance(k, int) else _of_each(matching, k)
        asked = frozenset(words)
        return [self._with_keywords(passage, asked) for passage in found]

    def _with_keywords(self, passage: Passage, words: frozenset[str]) -> Passage:
        """With those keywords behind the title that tell why it was found: at most three, the rarest words first."""
        rarity = {}
        for phrase, parts in _phrases(passage.keywords):
            sections = [self._sections_with[word] for word in parts if word in words]
            if sections and min(sections) <= len(self.passages) * _COMMON:
                rarity[phrase] = min(sections)
        if not rarity:
            return passage
        found = ", ".join(sorted(rarity, key=rarity.__getitem__)[:_KEYWORDS_SHOWN])
        return replace(passage, text=f"{passage.title} ({found}){passage.text.removeprefix(passage.title)}")


@contextmanager
def _without_jax() -> Iterator[None]:
    """Where JAX is installed, bm25s starts it on import, for a way of sorting that is not used here, and JAX then takes three
    quarters of a GPU's memory from the models."""
    is_there = "jax" in sys.modules
    if not is_there:
        sys.modules["jax"] = None  # type: ignore[assignment]  # an import of it fails
    try:
        yield
    finally:
        if not is_there:
            sys.modules.pop("jax", None)


def tokenize(text: str) -> list[str]:
    """Lower-case words; a code gives itself without its hyphens, and its parts.

    `GW-2107`, `gw_2107` and `GW2107` all give `gw2107`, `gw`, `2107`, so a log may write a code in another way
    than the manual; so does `GW 2107`, as two neighbouring words. A hexadecimal number such as `0x7C12` has no
    parts. Single characters as parts of a code are left out: they match everywhere.
    """
    tokens: list[str] = []
    before = ""
    for compound in _COMPOUND.findall(text.lower()):
        parts = _PARTS.split(compound)
        whole = "".join(parts)
        tokens.append(whole)
        if len(parts) == 1:
            parts = _letters_and_digits(whole)
            if whole.isdigit() and before.isalpha() and len(before) <= 3:
                tokens.append(before + whole)
        if len(parts) > 1:
            tokens += [part for part in parts if len(part) > 1]
        before = whole
    return tokens


def _of_each(passages: Iterable[Passage], numbers: Mapping[str, int]) -> Iterator[Passage]:
    """The first of each document, as many as its number says."""
    places = Counter(numbers)
    for passage in passages:
        if places[passage.document]:
            places[passage.document] -= 1
            yield passage
            if not any(places.values()):
                return


@lru_cache(maxsize=4096)
def _phrases(keywords: str) -> list[tuple[str, list[str]]]:
    return [(phrase.strip(), tokenize(phrase)) for phrase in keywords.split(",")]


def _is_code(token: str) -> bool:
    return not (token.isalpha() or token.isdigit())


def _letters_and_digits(word: str) -> list[str]:
    match = None if _HEX.match(word) else _LETTERS_THEN_DIGITS.match(word)
    return list(match.groups()) if match else [word]
