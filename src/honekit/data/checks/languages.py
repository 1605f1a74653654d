"""Answers in another language than they should be. Only for texts long enough to tell.

The language of the first texts is identified; after these, a text with enough of their everyday words is passed
without a look, since identification costs about a millisecond.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any, NamedTuple

from honekit.data.checks.tally import MAX_PLACES
from honekit.data.checks.turn import Turn, adviser, warner
from honekit.data.lines import Finding

_MIN_CHARS = 30
_MAX_CHARS = 240
_FIRST = 60
_MAX_IDENTIFIED = 5_000
_EVERYDAY = 3
_SURE = 0.98
_LEAST = 8
_NOT_LETTERS = re.compile(r"https?://\S+|`[^`]*`|[^\w\s'’-]|\d\S*|_")
_ENGLISH = frozenset((
    "the", "and", "of", "you", "your", "with", "this", "that", "is", "are", "was", "have", "will", "for", "from", "they",
    "what", "how", "not", "can", "by", "been", "there", "our", "their", "when", "which", "please", "would", "could",
    "should", "its", "but", "if", "my", "out", "about", "into", "than", "then", "them", "has", "any", "more", "only",
    "after", "before", "where", "here",
))  # fmt: skip
_NOT_ENGLISH = frozenset((
    "der", "das", "und", "ist", "nicht", "le", "les", "des", "est", "que", "pas", "una", "los", "el", "y", "het", "een",
    "van", "och", "det", "til",
))  # fmt: skip
_NEAR = (
    {"no", "nb", "nn", "da", "sv"},
    {"hr", "sr", "bs", "sl"},
    {"id", "ms", "jv"},
    {"es", "gl", "ca", "an", "pt"},
    {"cs", "sk"},
)
"""Languages that a short text does not tell apart."""

_odd = warner("data.language.answer", "answer in the language of the question, or delete the record")
_other = adviser("data.language.other", "leave it when more than one language is meant; else translate or delete it")


class _Seen(NamedTuple):
    line: int
    field: str
    question: str
    answer: str


class Languages:
    """`data.language.answer`, `data.language.other`."""

    def __init__(self) -> None:
        self._answers: Counter[str] = Counter()
        self._pairs: Counter[tuple[str, str]] = Counter()
        self._kept: list[_Seen] = []
        self._words: Counter[str] = Counter()
        self._everyday: frozenset[str] | None = None
        self._identified = 0
        self._passed = 0

    def see(self, turn: Turn) -> Iterable[Finding]:
        if len(turn.answer) < _MIN_CHARS or not turn.is_prose or "lorem ipsum" in turn.answer.casefold():
            return ()
        words = frozenset(turn.answer[:_MAX_CHARS].casefold().split())
        if self._identified >= _FIRST:
            self._everyday = self._everyday or self._learn()
            if len(words & self._everyday) >= _EVERYDAY:
                self._passed += 1
                return ()
            if self._identified >= _MAX_IDENTIFIED:
                return ()
        answer = language_of(turn.answer)
        if not answer:
            return ()
        self._identified += 1
        question = language_of(turn.question) if len(turn.question) >= _MIN_CHARS else ""
        self._answers[answer] += 1
        if question:
            self._pairs[question, answer] += 1
        if self._answers[answer] <= 2 * MAX_PLACES:
            self._kept.append(_Seen(turn.line, turn.field, question, answer))
        if answer == self._main:
            self._words.update(words)
        return ()

    @property
    def _main(self) -> str:
        return max(self._answers, key=self._answers.__getitem__, default="")

    def _learn(self) -> frozenset[str]:
        least = self._answers[self._main] * 0.1
        return frozenset(word for word, count in self._words.items() if count >= least and len(word) < 6)

    def finish(self) -> Iterator[Finding]:
        total = self._answers.total() + self._passed
        main = self._main
        if total < _LEAST:
            return
        share = (self._answers[main] + self._passed) / total
        same = sum(count for (question, answer), count in self._pairs.items() if is_same(question, answer))
        pairs = self._pairs.total()
        answers_follow = pairs >= _LEAST and same >= 0.9 * pairs
        for seen in self._kept:
            if answers_follow and seen.question and not is_same(seen.question, seen.answer):
                what = f"the answer is in {name(seen.answer)}, the question in {name(seen.question)}"
                yield _odd(seen.line, seen.field, what)
            elif share >= (0.85 if total < 50 else 0.95) and not is_same(seen.answer, main):
                said = f"the answer is in {name(seen.answer)}; {share:.0%} of the answers are in {name(main)}"
                is_other_example = bool(seen.question) and is_same(seen.question, seen.answer)
                yield (_other if is_other_example else _odd)(seen.line, seen.field, said)


def is_same(one: str, other: str) -> bool:
    return one == other or any(one in group and other in group for group in _NEAR)


def language_of(text: str) -> str:
    """The ISO 639-1 code of a text's language, or the empty string when it cannot be told for sure."""
    letters = " ".join(_NOT_LETTERS.sub(" ", text[: 2 * _MAX_CHARS]).split())[:_MAX_CHARS]
    if len(letters) < 0.8 * min(len(text), _MAX_CHARS) or (letters.isascii() and letters.count(" ") < 6):
        return ""
    if is_surely_english(letters.casefold().split()):
        return "en"
    language, probability = _identifier().classify(letters)
    return str(language) if probability >= _SURE else ""


def is_surely_english(words: Iterable[str]) -> bool:
    """Whether a text is so full of English function words that no model need be asked (nor be loaded)."""
    found = [word for word in words if word in _ENGLISH]
    return len(set(found)) >= 3 and not _NOT_ENGLISH.intersection(words)


@cache
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier  # type: ignore[import-untyped]

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)


_NAMES = {
    "en": "English", "de": "German", "fr": "French", "es": "Spanish", "it": "Italian", "pt": "Portuguese", "nl": "Dutch",
    "pl": "Polish", "ru": "Russian", "uk": "Ukrainian", "tr": "Turkish", "ar": "Arabic", "zh": "Chinese", "ja": "Japanese",
    "ko": "Korean", "sv": "Swedish", "da": "Danish", "no": "Norwegian", "fi": "Finnish", "cs": "Czech", "hi": "Hindi",
}  # fmt: skip


def name(language: str) -> str:
    return _NAMES.get(language, f'"{language}"')
