"""When two records say nearly the same: the inputs, and the answers that hang on them."""

from __future__ import annotations

import re
from array import array
from dataclasses import dataclass, field

from rapidfuzz.distance import OSA

from honekit.data.checks.quality.scripts import is_unspaced
from honekit.data.checks.turn import adviser, warner
from honekit.data.lines import Finding
from honekit.data.near.rule import THRESHOLD

_MAX_WORDS = 300
MAX_TEXT = 2000
"""Characters of an answer that are kept."""
_WORD = re.compile(r"\w+(?:['’-]\w+)*")
_SAID_AGAIN = 0.5
_SURELY = 0.9
"""Inputs with another word of content in them are nearly the same only where they are long."""
_RETOLD = 0.75
"""Two answers with so many of their words in common say the same."""
_PLAIN_WORDS, _PLAIN_CHARS = 3, 8
_LEAST_SHARED = 4

FILLERS = frozenset(
    {"a", "an", "the", "please", "pls", "hi", "hello", "hey", "thanks", "thank", "you", "yet", "just", "really", "so", "very"}
    | {"has", "have", "had", "been"}
    | {"bitte", "hallo", "danke", "der", "die", "das", "ein", "eine", "le", "la", "les", "un", "une", "merci", "el", "favor"}
    | {"o", "um", "uma", "olá", "obrigado", "obrigada", "una", "los", "las", "hola", "gracias", "il", "ciao", "grazie", "bonjour"}
    | {"proszę", "cześć", "dziękuję", "lütfen", "merhaba"}
)
"""Articles, politeness and auxiliary verbs: with or without them an input asks the same."""
SMALL = FILLERS | frozenset(
    {"i", "me", "my", "we", "one", "it", "this", "that", "there", "do", "does", "did", "is", "are", "be"}
    | {"can", "could", "should", "would", "will", "may", "when", "also", "exactly"}
    | {"and", "or", "so", "to", "of", "in", "on", "at", "for", "with", "up"}
)
"""Words that two inputs with nearly the same text as answer may differ in."""


NEAR = adviser("data.near_duplicate", "keep one of the two, or leave both when the repetition is meant")
SAME = warner("data.duplicate", "keep one of the two")
CONTRADICT = warner("data.answers.contradict", "keep the right answer, and delete or mend the other")


@dataclass(slots=True)
class Kept:
    line: int
    at: str
    words: list[str]
    """Until the shingles are made."""
    said: str
    """The words again."""
    text: str
    """The beginning of the answer, where it is a text; empty where it is a label or JSON."""
    task: int
    input: int
    """Of what the user said, case, blanks and end marks aside; other answers to an equal one are for `Contradictions`."""
    record: int
    """Of all that is said, letter by letter."""
    answer: int
    plain: int
    """Of its words without articles and the like, and without other small words where the answer is a text; 0 for few words."""
    long: bool
    """The answer is a text of some length."""
    ending: int
    """Of the last words of a long answer; 0 for any other."""
    bag: int
    """Of its words in the order of the alphabet: the same for `A and B` and `B and A`."""
    shingles: array[int] = field(default_factory=lambda: array("q"))
    """Their hashes: eight bytes each instead of a text."""


def words_of(text: str) -> list[str]:
    """Its first words, case folded."""
    return _WORD.findall(text.casefold())[:_MAX_WORDS]


def plain_words(words: list[str], fillers: frozenset[str] = FILLERS) -> str:
    """The words without articles, politeness and the like; empty where few are left, or numbers among them."""
    plain = [word for word in words if word not in fillers]
    joined = "".join(plain)
    # Where a script has no blanks, what stands between two commas is one word.
    are_enough = len(plain) >= _PLAIN_WORDS or (len(joined) >= _PLAIN_CHARS and is_unspaced(joined))
    return joined if are_enough and all(map(str.isalpha, plain)) else ""


def compare_plain(records: list[Kept], key: int, record: Kept) -> Finding | None:
    """Inputs that are equal but for articles, politeness and the like, with another label or with nearly the same text."""
    first = records[key] if key < len(records) else None
    if first is None or first.task != record.task or first.input == record.input:
        return None
    if record.text:
        return _near_text(first, record) if _share(first.text, record.text) >= _RETOLD else None
    if first.answer == record.answer:
        return None
    return CONTRADICT(record.line, record.at, f"nearly the same input as on line {first.line}, with another answer")


def compare_endings(records: list[Kept], key: int, record: Kept) -> Finding | None:
    """Long answers with one ending that share nearly all words, to inputs of which one has all words of content of the other."""
    first = records[key] if key < len(records) else None
    if first is None or first.task != record.task or first.input == record.input:
        return None
    own, others = ({word for word in one.said.split() if word not in SMALL} for one in (first, record))
    if len(own & others) < max(_LEAST_SHARED, min(len(own), len(others))) or _is_copied(first, record):
        return None
    return _near_text(first, record) if _share(first.text, record.text) >= _RETOLD else None


def compare(first: Kept, second: Kept) -> Finding | None:
    if first.task != second.task:
        return None
    if first.record == second.record:
        # Lines that are the same letter by letter are told by then: whoever reports this leaves it out for them.
        return SAME(second.line, "", f"the same conversation as on line {first.line}, written in another way in JSON")
    shared = len(set(first.shingles).intersection(second.shingles))
    similarity = shared / (len(first.shingles) + len(second.shingles) - shared)
    if similarity < _SAID_AGAIN:
        return None
    if first.answer == second.answer:
        if similarity >= THRESHOLD or ask_the_same(first.said, second.said):
            return NEAR(second.line, "messages", f"nearly the same input and the same answer as on line {first.line}")
    elif first.input == second.input:
        return None
    elif first.text and second.text:
        if similarity >= _SURELY and _share(first.text, second.text) >= _SURELY and not _is_copied(first, second):
            return _near_text(first, second)
    elif ask_the_same(first.said, second.said):
        return CONTRADICT(second.line, second.at, f"nearly the same input as on line {first.line}, with another answer")
    return None


def _near_text(first: Kept, second: Kept) -> Finding:
    nearly = "" if first.answer == second.answer else "nearly "
    return NEAR(second.line, "messages", f"nearly the same input and {nearly}the same answer as on line {first.line}")


def _share(one: str, other: str) -> float:
    """Of the words of two texts, how many stand in both."""
    own, others = set(words_of(one)), set(words_of(other))
    return len(own & others) / (len(own | others) or 1)


def _is_copied(first: Kept, second: Kept) -> bool:
    """Whether a number, or a word that stands in the answer too, is what tells two inputs apart: examples of copying it."""
    differ = set(first.said.split()) ^ set(second.said.split())
    return not all(map(str.isalpha, differ)) or not differ.isdisjoint(set(words_of(first.text)) ^ set(words_of(second.text)))


def same_words(records: list[Kept], key: int, record: Kept) -> Finding | None:
    """Words in another order mean the same where the answer is the same, and may mean another thing where it is not."""
    first = records[key] if key < len(records) else None
    if first is None or first.task != record.task or first.answer != record.answer or first.record == record.record:
        return None
    return NEAR(record.line, "messages", f"the same words in another order, and the same answer, as on line {first.line}")


def ask_the_same(first: str, second: str) -> bool:
    """Whether two inputs differ in articles, politeness and slips of the hand only, and so must have one label.

    Any other word may be why the labels differ: `my card` and `my PIN`, `can` and `can't`, 14 A and 23 A.
    """
    own, other = ([word for word in text.split() if word not in FILLERS] for text in (first, second))
    if len(own) != len(other):  # `file systems`, `filesystems`
        return "".join(own) == "".join(other) and "".join(own).isalpha()
    return 0 < len(own) == len(other) and all(a == b or _is_slip(a, b) for a, b in zip(own, other, strict=True))


def _is_slip(a: str, b: str) -> bool:
    return min(len(a), len(b)) >= 5 and (a + b).isalpha() and a[0] == b[0] and OSA.distance(a, b, score_cutoff=1) <= 1
