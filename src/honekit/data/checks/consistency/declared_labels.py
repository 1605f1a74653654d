"""Which labels a system prompt names: `Answer with one word: billing, login or delivery.`, or a list of bullets."""

from __future__ import annotations

import re
from collections.abc import Iterable

from honekit.data.checks.turn import bare

_MAX_WORDS = 3
_MIN_KNOWN = 2
_NEARLY_ALL = 0.8
_SENTENCE = re.compile(r"[:.!?](?:\s|$)|[\n()\[\]{}]")
_KEY = re.compile(r"\"[^\"\n]{1,40}\"\s*:")
"""Of a JSON object that shows the form of the answer."""
_JOIN = "or|and|oder|und|ou|et|o|y|u|e|eller|och|og|of"
"""`or` and `and` in the languages of the larger data sets."""
_SEPARATOR = re.compile(rf"\s*(?:,\s*(?:{_JOIN})\b|[,/|;、]|\b(?:{_JOIN})\b)\s*")
_LEAD = re.compile(r".*\b(?:one|any|either|some) of\b\s*", re.I)
"""What stands before a list: its last word is no label, though `of` parts labels in Dutch."""
_RANGE = re.compile(
    r"\b(?:from|between|von|zwischen|de|entre|da|tra|scale(?: of)?|rate|score|number|rating)\b[^.\n\d]{0,20}"
    r"(\d{1,3}) ?(?:to|and|-|–|bis|und|à|a|et|y|e) ?(\d{1,3})\b",
    re.I,
)
_BULLET = re.compile(r"^\s*(?:[-*•]|\d{1,2}[.)])\s*[`\"'*]*([\w][\w /-]{0,38}?)[`\"'*]*\s*(?:[:–—(]|- |$)", re.MULTILINE)
_QUOTES = " \t`\"'*“”‘’«»"


def declared_labels(prompt: str, known: Iterable[str]) -> list[str]:
    """The list in which a prompt names two or more, and nearly all, of the known labels; empty when it has none."""
    bare_known = {bare(label) for label in known}
    lists = [_items(sentence, bare_known) for sentence in _SENTENCE.split(_KEY.sub("\n", prompt))]
    lists.append([found.strip(_QUOTES) for found in _BULLET.findall(prompt)])
    best = max(lists, key=lambda items: _hits(items, bare_known))
    are_short = all(len(item.split()) <= _MAX_WORDS for item in best)
    is_list = _hits(best, bare_known) >= max(_MIN_KNOWN, _NEARLY_ALL * len(bare_known))
    return [item for item in best if item] if is_list and are_short else []


def declared_range(prompt: str) -> tuple[int, int] | None:
    """The whole numbers between which a prompt asks for one: `Rate it from 1 to 5.`"""
    found = _RANGE.search(prompt)
    low, high = (int(found[1]), int(found[2])) if found else (0, 0)
    return (low, high) if low < high else None


def _items(sentence: str, known: set[str]) -> list[str]:
    items = [item.strip(_QUOTES) for item in _SEPARATOR.split(_LEAD.sub("", sentence, count=1))]
    if not sentence.isascii() and len(items) > 1:  # `満足、不満、質問に分類`: no blank parts the labels from their sentence
        firsts = [label for label in known if items[0].endswith(label) and not label.isascii()]
        lasts = [label for label in known if items[-1].startswith(label) and not label.isascii()]
        if firsts and lasts and "、" in sentence:
            return [max(firsts, key=len), *items[1:-1], max(lasts, key=len)]
    # `Classify it as billing, login or delivery`: the first label has the sentence before it.
    for size in (1, 2, 3):
        last = " ".join(items[0].split()[-size:]).strip(_QUOTES)
        if bare(last) in known:
            return [last, *items[1:]]
    return items


def _hits(items: list[str], known: set[str]) -> int:
    return len({bare(item) for item in items} & known)
