"""Of labels that come again and again, the few that are another one misspelt, with words around it, or its number."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from rapidfuzz.distance import OSA

from honekit.data.checks.tally import Tally
from honekit.data.checks.turn import bare

TEXT = "\0text"
"""The tally's value for answers that are too long for a label."""
_FEW = 3
_FEW_NUMBERS, _NUMBERS_SHARE = 3, 0.15
_BETWEEN = re.compile(r"\s*[,;/|+&]\s*| (?:and|or|und|oder|et|ou|y|o|e) ")
_STEM, _STEM_SHARE = 6, 0.7
"""`contradictory` for `contradiction`: another ending of one word."""
_DIGIT = re.compile(r"\d")
_HAN = re.compile("[\u3040-\u30ff\u3400-\u9fff]+")
_DENIED = re.compile("[不非无未]")
_SENTENCE = 4
"""Characters around a label that make a sentence of it."""
_NEGATIONS = ("un", "in", "im", "ir", "il", "non", "dis", "de", "not", "no", "mis", "a", "re", "pre", "sub")


def misspellings(tally: Tally) -> Iterator[tuple[str, str]]:
    """Values with the one that was meant: equal but for case, blanks and hyphens, or rare and a letter or two away."""
    counts = {str(value): count for value, count in tally.counts.items()}
    ranked = sorted(counts, key=lambda value: -counts[value])
    yield from _same_numbers(ranked)
    by_bare: dict[str, str] = {}
    forms: Counter[str] = Counter()
    for value, count in counts.items():
        forms[bare(value)] += count
    for value in ranked:
        form = bare(value)
        if not form or value == TEXT:
            continue
        if form in by_bare:
            yield value, by_bare[form]
            continue
        near = next((usual for usual in by_bare.values() if _is_slip(value, usual, forms)), None)
        if near:
            yield value, near
        else:
            by_bare[form] = value


def _same_numbers(ranked: list[str]) -> Iterator[tuple[str, str]]:
    """`2.0` where the label is `2`."""
    whole = {value for value in ranked if value.isdecimal()}
    for value in ranked:
        number, point, noughts = value.partition(".")
        if point and number in whole and noughts and not noughts.strip("0"):
            yield value, number


def _is_slip(value: str, usual: str, forms: Counter[str]) -> bool:
    a, b = bare(value), bare(usual)
    if forms[a] > 2 or forms[b] < 3 * forms[a] or min(len(a), len(b)) < 4:
        return False
    if _DIGIT.search(a) or _DIGIT.search(b) or _is_negation(a, b):
        return False
    if forms[a] == 1 and _shared_beginning(a, b) >= max(_STEM, _STEM_SHARE * max(len(a), len(b))):
        return True
    allowed = 1 if min(len(a), len(b)) < 9 and sorted(a) != sorted(b) else 2
    return abs(len(a) - len(b)) <= allowed and OSA.distance(a, b, score_cutoff=allowed) <= allowed


def _shared_beginning(a: str, b: str) -> int:
    return next((i for i, (one, other) in enumerate(zip(a, b, strict=False)) if one != other), min(len(a), len(b)))


def _is_negation(a: str, b: str) -> bool:
    short, long = sorted((a, b), key=len)
    return any(long == prefix + short for prefix in _NEGATIONS) or _other_beginning(a, b)


def _other_beginning(a: str, b: str) -> bool:
    """`import` and `export`, `inbound` and `unbound`: words that part in the first letters are other words."""
    return len(a) == len(b) and a[:2] != b[:2] and sorted(a[:2]) != sorted(b[:2]) and a[2:] == b[2:]


def numbers_for_names(tally: Tally) -> list[str]:
    """Whole numbers among labels that are words: those of the classes. Nothing where the words are no closed set."""
    numbers = [str(value) for value in tally.counts if str(value).isdecimal()]
    count = sum(tally.counts[value] for value in numbers)
    words = [value for value in tally.counts if value not in numbers and value != TEXT]
    if not numbers or count > min(_FEW_NUMBERS, _NUMBERS_SHARE * tally.total) or any(_DIGIT.search(str(word)) for word in words):
        return []
    return numbers if sum(tally.counts[word] > 1 for word in words) >= max(2, len(words) - 1) else []


def two_in_one(tally: Tally) -> Iterator[str]:
    """Rare values that are two frequent ones behind each other: `billing, login`. Nothing where several are."""
    usual = {bare(str(value)) for value, count in tally.counts.items() if value != TEXT and count >= _FEW}
    pairs = [
        str(value)
        for value, count in tally.counts.items()
        if count == 1
        and len(parts := _BETWEEN.split(str(value))) == 2
        and parts[0] != parts[1]
        and usual.issuperset(map(bare, parts))
    ]
    if len(pairs) == 1:
        yield pairs[0]


def with_words_around(tally: Tally) -> Iterator[tuple[str, str]]:
    """Rare values that have one frequent value in them as a word, with that one: `It is billing.`, `Label: billing`."""
    usual = [str(value) for value, count in tally.counts.items() if value != TEXT and count >= _FEW]
    for value, count in tally.counts.items():
        text = str(value)
        if count < _FEW and " " in text and text.count(" ") > max((label.count(" ") for label in usual), default=0):
            inside = [label for label in usual if re.search(rf"(?<![\w-]){re.escape(label)}(?![\w-])", text, re.I)]
            if len(inside) == 1:
                yield text, inside[0]
        elif count < _FEW and text.endswith("。"):  # written without blanks between the words
            inside = [label for label in usual if label in text and _HAN.fullmatch(label)]
            if len(inside) == 1 and len(text) >= len(inside[0]) + _SENTENCE and not _DENIED.search(text.partition(inside[0])[0]):
                yield text, inside[0]
