"""Porter's stemmer for English: "An algorithm for suffix stripping", Program 14(3), 1980, as published there."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from itertools import pairwise

MAX_WORD = 64
"""Longer tokens are no words, and are left as they are."""

_STEP_2 = {
    "ational": "ate", "tional": "tion", "enci": "ence", "anci": "ance", "izer": "ize", "abli": "able", "alli": "al",
    "entli": "ent", "eli": "e", "ousli": "ous", "ization": "ize", "ation": "ate", "ator": "ate", "alism": "al",
    "iveness": "ive", "fulness": "ful", "ousness": "ous", "aliti": "al", "iviti": "ive", "biliti": "ble",
}  # fmt: skip
_STEP_3 = {"icate": "ic", "ative": "", "alize": "al", "iciti": "ic", "ical": "ic", "ful": "", "ness": ""}
_STEP_4 = dict.fromkeys(
    ("al", "ance", "ence", "er", "ic", "able", "ible", "ant", "ement", "ment", "ent", "ion", "ou", "ism", "ate", "iti", "ous",
     "ive", "ize"),
    "",
)  # fmt: skip


@lru_cache(maxsize=10_000)
def stem(word: str) -> str:
    """The stem of a word in lower case; words of one or two letters are their own stem."""
    if not 2 < len(word) <= MAX_WORD:
        return word
    word = _plurals(word)
    word = _past_and_progressive(word)
    if word.endswith("y") and _has_vowel(word[:-1]):
        word = word[:-1] + "i"
    word = _replace(word, _STEP_2, lambda kept, _: _measure(kept) > 0)
    word = _replace(word, _STEP_3, lambda kept, _: _measure(kept) > 0)
    word = _replace(word, _STEP_4, lambda kept, end: _measure(kept) > 1 and (end != "ion" or kept.endswith(("s", "t"))))
    if word.endswith("e"):
        measure = _measure(word[:-1])
        if measure > 1 or (measure == 1 and not _ends_short(word[:-1])):
            word = word[:-1]
    if word.endswith("ll") and _measure(word) > 1:
        word = word[:-1]
    return word


def _plurals(word: str) -> str:
    if word.endswith(("sses", "ies")):
        return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith("ss") else word


def _past_and_progressive(word: str) -> str:
    if word.endswith("eed"):
        return word[:-1] if _measure(word[:-3]) > 0 else word
    for end in ("ed", "ing"):
        if word.endswith(end):
            kept = word[: -len(end)]
            if not _has_vowel(kept):
                return word
            if kept.endswith(("at", "bl", "iz")):
                return kept + "e"
            if len(kept) > 1 and kept[-1] == kept[-2] and kept[-1] not in "lsz" and _is_consonant(kept, len(kept) - 1):
                return kept[:-1]
            return kept + "e" if _measure(kept) == 1 and _ends_short(kept) else kept
    return word


def _replace(word: str, rules: dict[str, str], holds: Callable[[str, str], bool]) -> str:
    """Only the longest suffix that fits is tried."""
    for end in sorted(rules, key=len, reverse=True):
        if word.endswith(end):
            kept = word[: -len(end)]
            return kept + rules[end] if holds(kept, end) else word
    return word


def _is_consonant(word: str, index: int) -> bool:
    # In a row of y every second one is a consonant; without recursion, for rows of any length.
    consonant = word[index] not in "aeiou"
    if word[index] == "y":
        start = index
        while start and word[start - 1] == "y":
            start -= 1
        first = start == 0 or word[start - 1] in "aeiou"
        consonant = first == ((index - start) % 2 == 0)
    return consonant


def _measure(word: str) -> int:
    """How often a vowel is followed by a consonant: m in [C](VC)^m[V]."""
    kinds = [_is_consonant(word, index) for index in range(len(word))]
    return sum(after and not before for before, after in pairwise(kinds))


def _has_vowel(word: str) -> bool:
    return any(not _is_consonant(word, index) for index in range(len(word)))


def _ends_short(word: str) -> bool:
    """Consonant, vowel, consonant at the end, the last not w, x or y."""
    last = len(word) - 1
    if last < 2 or word[last] in "wxy":
        return False
    return _is_consonant(word, last) and not _is_consonant(word, last - 1) and _is_consonant(word, last - 2)
