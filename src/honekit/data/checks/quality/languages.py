"""Answers in another language than they should be. Only for texts long enough to tell.

The language of the first texts is identified; after these, a text with enough of their everyday words is passed
without a look, since identification costs about a millisecond. Texts are identified in order of the file, when a part of
it is joined to those before or at the end, so that the model is loaded once and worker processes need none.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any, NamedTuple

from honekit.data.checks.quality.close_languages import CloseLanguages
from honekit.data.checks.quality.language_names import name
from honekit.data.checks.tally import MAX_PLACES
from honekit.data.checks.turn import adviser, warner
from honekit.data.checks.turns import Turns
from honekit.data.lines import Finding

_SHORT_CHARS, _MIN_CHARS, _MAX_CHARS = 15, 30, 240
_FIRST, _MAX_IDENTIFIED = 60, 5_000
_MAX_UNSURE, _MAX_WAITING = 8, 10_000
_READ_CHARS = 2 * _MAX_CHARS
_EVERYDAY = 3
_SURE = 0.98
_SHARE, _SMALL_FILE, _SMALL_SHARE, _FEW, _FEW_SHARE = 0.95, 50, 0.85, 2, 0.8
"""So many answers are in one language where the others are an accident; in a small file one or two of them are a large share."""
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
_CREOLES = {"pcm": "en"}
"""Between which and its mother the model wavers."""
_OTHER_SCRIPT = frozenset(
    {"ar", "be", "bg", "bn", "el", "fa", "he", "hi", "hy", "ja", "ka", "ko", "mk", "mr", "ru", "ta", "th", "uk", "ur", "zh"}
)
"""Languages that are not written in Latin letters: beside them a sentence in ASCII shows by its letters alone."""
_SENTENCE = re.compile(r"[A-Z][a-z]*(?:,? [A-Za-z][a-z'’]*){3,}[^{}<>|\\=]*[.!?]\s*")

_odd = warner("data.language.answer", "answer in the language of the question, or delete the record")
_other = adviser("data.language.other", "leave it when more than one language is meant; else translate or delete it")


class _Seen(NamedTuple):
    """Beginnings of texts, or their languages."""

    line: int
    field: str
    question: str
    answer: str


@dataclass
class Languages:
    """`data.language.answer`, `data.language.other`."""

    everyday: frozenset[str] | None = None
    """The everyday words of the file, once they are known."""
    passed: int = 0
    texts: list[_Seen] = field(default_factory=list)
    """Seen and not yet identified."""
    answers: Counter[str] = field(default_factory=Counter)
    pairs: dict[tuple[str, str], int] = field(default_factory=dict)
    """How often a question in one language has an answer in the other."""
    kept: list[tuple[_Seen, str]] = field(default_factory=list)
    """Languages of the first answers of each, and the question where it is too short to tell its own."""
    unsure: list[str] = field(default_factory=list)
    """The first answers that are too short to tell: together they may say which language they are in."""
    unsure_count: int = 0
    short: list[str] = field(default_factory=list)
    """The first of those that are too short to be looked at alone."""
    short_count: int = 0
    latin: list[_Seen] = field(default_factory=list)
    """Those of them that are a sentence in ASCII letters."""
    words: Counter[str] = field(default_factory=Counter)
    close: CloseLanguages = field(default_factory=CloseLanguages)

    def see(self, turns: Turns) -> None:
        self.close.see(turns)
        for turn in turns.prose:
            answer = turn.answer
            if len(answer) < _MIN_CHARS and " " in answer:
                if len(answer) >= _SHORT_CHARS and answer.count(" ") > 1:
                    self.short_count += 1
                    self.short += [answer] if len(self.short) < _MAX_UNSURE else []
                continue
            if self._is_everyday(answer):
                self.passed += 1
            elif len(self.texts) < _MAX_WAITING and "lorem ipsum" not in answer.casefold():
                self.texts.append(_Seen(turn.line, turn.field, turn.question[:_READ_CHARS], answer[:_READ_CHARS]))

    def _is_everyday(self, answer: str) -> bool:
        """Whether its beginning has three everyday words. A part of it is nearly always enough, but for the word cut in two."""
        everyday = self.everyday
        if everyday is None:
            return False
        for part in (_MAX_CHARS // 4, _MAX_CHARS // 2):
            if len(everyday.intersection(answer[:part].casefold().split()[:-1])) >= _EVERYDAY:
                return True
        return len(everyday.intersection(answer[:_MAX_CHARS].casefold().split())) >= _EVERYDAY

    def join(self, later: Languages, lines_before: int) -> None:
        self.close.join(later.close, lines_before)
        self.passed += later.passed
        self.short += later.short[: _MAX_UNSURE - len(self.short)]
        self.short_count += later.short_count
        self.texts += [seen._replace(line=seen.line + lines_before) for seen in later.texts]
        self.identify()

    def identify(self) -> None:
        """The languages of the texts that wait for it."""
        for seen in self.texts:
            identified = self.answers.total()
            if identified >= _FIRST and not self.everyday:
                self.everyday = self._learn()
            if self._is_everyday(seen.answer):
                self.passed += 1
            elif identified < _MAX_IDENTIFIED:
                self._count(seen)
        self.texts = []

    def _count(self, seen: _Seen) -> None:
        answer = language_of(seen.answer)
        if not answer:
            self.unsure_count += 1
            if len(self.unsure) < _MAX_UNSURE:
                self.unsure.append(seen.answer[: _MAX_CHARS // _MAX_UNSURE])
            if len(self.latin) < MAX_PLACES and seen.answer.isascii() and _SENTENCE.fullmatch(seen.answer):
                self.latin.append(seen)
            return
        question = language_of(seen.question) if len(seen.question) >= _MIN_CHARS else ""
        self.answers[answer] += 1
        if question:
            self.pairs[question, answer] = self.pairs.get((question, answer), 0) + 1
        if self.answers[answer] <= 2 * MAX_PLACES:
            asked = "" if question else seen.question[:_MAX_CHARS]
            self.kept.append((_Seen(seen.line, seen.field, question, answer), asked))
        if answer == self._main:
            self.words.update(frozenset(seen.answer[:_MAX_CHARS].casefold().split()))

    @property
    def _main(self) -> str:
        return max(self.answers, key=self.answers.__getitem__, default="")

    def _learn(self) -> frozenset[str]:
        least = self.answers[self._main] * 0.1
        return frozenset(word for word, count in self.words.items() if count >= least and len(word) < 6)

    def finish(self) -> Iterator[Finding]:
        close = {finding.line: finding for finding in self.close.finish()}
        yield from close.values()
        yield from (finding for finding in self._finish() if finding.line not in close)

    def _finish(self) -> Iterator[Finding]:
        self.identify()
        sure = self.answers.total() + self.passed
        # In a small file those that are too short to tell may be what makes one language the usual one.
        are_needed = sure < _LEAST <= sure + self.unsure_count and len(self.answers) > 1
        language = language_of(" ".join(self.unsure)) if self.unsure_count >= _LEAST or are_needed else ""
        if self.unsure_count < _LEAST and language != self._main:
            language = ""
        own = " ".join([text for text in self.unsure if not text.isascii()])
        if not language and own and self._main in _OTHER_SCRIPT and _guess(own) == self._main:
            language = self._main
        if language:
            self.answers[language] += self.unsure_count
        main = self._main
        total = self.answers.total() + self.passed
        if total < _LEAST <= total + self.short_count and language_of(" ".join(self.short)) == main:
            self.answers[main] += self.short_count
            total += self.short_count
        if total < _LEAST:
            return
        latin = self.latin if main in _OTHER_SCRIPT else []
        share = (self.answers[main] + self.passed - len(latin)) / total
        least = _SHARE
        if total < _SMALL_FILE:
            least = _FEW_SHARE if total - self.answers[main] + len(latin) <= _FEW else _SMALL_SHARE
        same = sum(count for (question, answer), count in self.pairs.items() if is_same(question, answer))
        pairs = sum(self.pairs.values())
        answers_follow = pairs >= _LEAST and same >= 0.9 * pairs
        if share >= least:
            for seen in latin:
                language = name(_guess(seen.answer))
                said = f"the answer is in Latin letters ({language}); {share:.0%} of the answers are in {name(main)}"
                yield (_other if seen.question.isascii() else _odd)(seen.line, seen.field, said)
        for seen, asked in self.kept:
            if answers_follow and seen.question and not is_same(seen.question, seen.answer):
                what = f"the answer is in {name(seen.answer)}, the question in {name(seen.question)}"
                yield _odd(seen.line, seen.field, what)
            elif share >= least and not is_same(seen.answer, main):
                said = f"the answer is in {name(seen.answer)}; {share:.0%} of the answers are in {name(main)}"
                is_foreign = asked != "" and asked.isascii() and main in _OTHER_SCRIPT
                is_other_example = is_foreign or is_same(seen.question or (asked and _guess(asked)), seen.answer)
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
    ranked = [(_CREOLES.get(one, one), share) for one, share in _identifier().rank(letters)]
    language = ranked[0][0]
    probability = sum([share for one, share in ranked if one == language])
    return str(language) if probability >= _SURE else ""


def _guess(text: str) -> str:
    """The language that a short text is most likely in."""
    return str(_identifier().classify(text)[0])


def is_surely_english(words: Iterable[str]) -> bool:
    """Whether a text is so full of English function words that no model need be asked (nor be loaded)."""
    found = [word for word in words if word in _ENGLISH]
    return len(set(found)) >= 3 and not _NOT_ENGLISH.intersection(words)


@cache
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier  # type: ignore[import-untyped]

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
