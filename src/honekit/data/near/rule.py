"""The one near-duplicate rule of the whole product.

Two texts are near duplicates when the Jaccard similarity of their shingle sets is at least 0.7:

1. The text is lower-cased and cut into words: runs of letters, digits, `_` and `-` (CJK characters one by one).
2. A word with a digit in it (number, id, code, time, address) is masked as `#`; neighbouring masks count as one.
3. Shingles are the sets of three consecutive words. A text of one or two words is one shingle, all its words; a
   text without any word left is one shingle, itself.

So `pump-14 trip P-310 23.7 A` and `pump-2 trip P-342 8 A` are the same line. The search is exact at every size.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence

THRESHOLD = 0.7
SHINGLE_WORDS = 3
_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af"
WORD = re.compile(f"[{_CJK}]|(?:(?![{_CJK}])[\\w-])+")
DIGIT = re.compile(r"\d")
MASK = "#"

Shingle = tuple[str, ...]


def masked_words(text: str) -> list[str]:
    """Steps 1 and 2 of the rule."""
    words: list[str] = []
    for word in WORD.findall(text.lower()):
        word = MASK if DIGIT.search(word) else word.strip("-_")
        if word and not (word == MASK and words and words[-1] == MASK):
            words.append(word)
    return words


def shingles(text: str) -> frozenset[Shingle]:
    """Step 3 of the rule."""
    words = masked_words(text)
    if all(word == MASK for word in words):
        return frozenset({(text.strip().lower(),)})
    if len(words) < SHINGLE_WORDS:
        return frozenset({tuple(words)})
    return frozenset(zip(words, words[1:], words[2:], strict=False))


def jaccard(a: frozenset[Shingle], b: frozenset[Shingle]) -> float:
    """Shared members over all members; shingle sets are never empty."""
    shared = len(a & b)
    return shared / (len(a) + len(b) - shared)


def near_duplicates(a: Sequence[str], b: Sequence[str]) -> list[tuple[int, int, float]]:
    """All pairs (i in a, j in b, similarity) at or above the threshold, in order of i, then j.

    Exact: texts at Jaccard t share a shingle among the first |x| - ceil(t |x|) + 1 of each when both are sorted
    by the same order, rarest first, so only those prefixes are indexed.
    Source: Bayardo, Ma, Srikant 2007, "Scaling Up All Pairs Similarity Search".
    """
    pairs = near_duplicate_sets([shingles(text) for text in (*a, *b)], len(a))
    return sorted((i, j - len(a), similarity) for i, j, similarity in pairs)


def near_duplicate_sets(sets: Sequence[frozenset[Shingle]], split: int | None = None) -> Iterator[tuple[int, int, float]]:
    """All pairs i < j of shingle sets at or above the threshold; with `split`, those with i < split <= j only."""
    index: dict[Shingle, list[int]] = defaultdict(list)
    for j, prefix in enumerate(_prefixes(sets)):
        if split is None or j >= split:
            for i in {i for shingle in prefix for i in index.get(shingle, ())}:
                similarity = jaccard(sets[i], sets[j])
                if similarity >= THRESHOLD:
                    yield i, j, similarity
        if split is None or j < split:
            for shingle in prefix:
                index[shingle].append(j)


def near_duplicates_within(texts: Sequence[str]) -> list[tuple[int, int, float]]:
    """All pairs i < j of one list at or above the threshold."""
    return sorted(near_duplicate_sets([shingles(text) for text in texts]))


def similar_groups(texts: Sequence[str]) -> list[int]:
    """For each text the position of the first text of its group; near duplicates of near duplicates share one.

    Texts with equal shingles are compared once, so a log of a million lines from a few templates stays cheap.
    """
    sets = [shingles(text) for text in texts]
    first: dict[frozenset[Shingle], int] = {}
    for position, members in enumerate(sets):
        first.setdefault(members, position)
    distinct = list(first)
    parent = list(range(len(distinct)))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    for i, j, _ in near_duplicate_sets(distinct):
        low, high = sorted((root(i), root(j)))
        parent[high] = low
    heads = {members: first[distinct[root(i)]] for i, members in enumerate(distinct)}
    return [heads[members] for members in sets]


def overlap_report(train: Sequence[str], slices: Mapping[str, Sequence[str]]) -> dict[str, float]:
    """By slice: the share of its distinct word trigrams (shingles of the rule) that occur in training."""
    known = {shingle for text in train for shingle in shingles(text)}
    report = {}
    for name, texts in slices.items():
        own = {shingle for text in texts for shingle in shingles(text)}
        report[name] = len(own & known) / len(own) if own else 0.0
    return report


def _prefixes(sets: Sequence[frozenset[Shingle]]) -> list[list[Shingle]]:
    counts = Counter(shingle for members in sets for shingle in members)
    prefixes = []
    for members in sets:
        # The tiny slack keeps 0.7 * 10 = 7.000000000000001 from being rounded up to 8.
        length = len(members) - math.ceil(THRESHOLD * len(members) - 1e-9) + 1
        prefixes.append(sorted(members, key=lambda shingle: (counts[shingle], shingle))[:length])
    return prefixes
