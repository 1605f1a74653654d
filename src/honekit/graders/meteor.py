"""METEOR (Banerjee and Lavie 2005; weights of Lavie and Agarwal 2007) with its exact and its stem stage.

The third stage, synonyms by WordNet, is left out: it would need a dictionary of English that Hone does not carry.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import pairwise

ALPHA, BETA, GAMMA = 0.9, 3.0, 0.5
"""Weight of recall against precision; how fast and how much scattered matches are punished."""
_MAX_WORD = 64


def meteor(text: Sequence[str], reference: Sequence[str]) -> float:
    """The score of tokens in lower case, in [0, 1]; the numbers of nltk's `single_meteor_score` without its WordNet stage."""
    pairs = _align(text, reference)
    if not pairs:
        return 0.0
    precision, recall = len(pairs) / len(text), len(pairs) / len(reference)
    mean = precision * recall / (ALPHA * precision + (1 - ALPHA) * recall)
    chunks = 1 + sum(after != (before[0] + 1, before[1] + 1) for before, after in pairwise(pairs))
    return mean * (1 - GAMMA * math.pow(chunks / len(pairs), BETA))


def _align(text: Sequence[str], reference: Sequence[str]) -> list[tuple[int, int]]:
    """Pairs of positions in the order of the text: first equal tokens, then tokens of equal stem, each from the end on."""
    pairs: list[tuple[int, int]] = []
    left, right = dict(enumerate(text)), dict(enumerate(reference))
    for form in (str, _stemmer()):
        places: dict[str, list[int]] = {}
        for position, token in sorted(right.items()):
            places.setdefault(form(token), []).append(position)
        for position, token in sorted(left.items(), reverse=True):
            found = places.get(form(token))
            if found:
                pairs.append((position, found.pop()))
        for mine, theirs in pairs:
            left.pop(mine, None)
            right.pop(theirs, None)
    return sorted(pairs)


@lru_cache(maxsize=1)
def _stemmer() -> Callable[[str], str]:
    """Porter's stemmer as published; a longer token is no word, and is left as it is."""
    from nltk.stem.porter import PorterStemmer

    stem = PorterStemmer(PorterStemmer.ORIGINAL_ALGORITHM).stem
    return lru_cache(maxsize=10_000)(lambda word: stem(word) if len(word) <= _MAX_WORD else word)
