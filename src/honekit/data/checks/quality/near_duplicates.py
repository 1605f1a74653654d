"""Records that say nearly the same twice, and nearly the same input with another answer.

The rule is the one of `honekit.data.near.rule` (Jaccard similarity of three-word shingles at least 0.7) with two
differences: numbers and ids count as words, since records that differ in them only may be examples of copying, and
what most inputs of the file share (instructions around the text) does not count. Candidates come from MinHash-LSH
and are verified exactly.
"""

from __future__ import annotations

import re
from array import array
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import msgspec
from rapidfuzz.distance import OSA

from honekit.data.checks.consistency.contradictions import answer_hash
from honekit.data.checks.tally import MAX_PLACES
from honekit.data.checks.turn import NO_JSON, Turn, adviser, flat, is_label, warner
from honekit.data.lines import Finding
from honekit.data.near.rule import THRESHOLD

MAX_RECORDS = 20_000
"""Records compared with each other, the first of the file: up to 8 kB each in memory and 0.1 ms in time."""
_MAX_WORDS = 300
_BATCH = 500
_BAG_WORDS = 4
_COMMON = 0.5
_HASHES, _BANDS, _SEED = 128, 32, 42
"""A pair at similarity 0.7 shares one of 32 bands of 4 hashes with probability 0.9998."""
_WORD = re.compile(r"\w+(?:['’-]\w+)*")
_SAID_AGAIN = 0.5
_PLAIN_WORDS = 3
_LONG_ANSWER = 40
_FEW_REUSED, _REUSED = 2, 0.02
_OTHER = 0.2
"""Questions that share no more of their runs of words are other questions."""
FILLERS = frozenset(
    {"a", "an", "the", "please", "pls", "hi", "hello", "hey", "thanks", "thank", "you", "yet", "just", "really", "so", "very"}
    | {"has", "have", "had", "been"}
    | {"bitte", "hallo", "danke", "der", "die", "das", "ein", "eine", "le", "la", "les", "un", "une", "merci", "el", "favor"}
)
"""Articles, politeness and auxiliary verbs: with or without them an input asks the same."""

NEAR = adviser("data.near_duplicate", "keep one of the two, or leave both when the repetition is meant")
_again = adviser("data.answers.reused", "see whether it was pasted under the wrong question")
CONTRADICT = warner("data.answers.contradict", "keep the right answer, and delete or mend the other")


@dataclass(slots=True)
class _Record:
    line: int
    at: str
    words: list[str]
    """Until the shingles are made."""
    said: str
    """The words again, where a label or JSON hangs on them; else empty."""
    task: int
    input: int
    """Of what the user said, case, blanks and end marks aside; other answers to an equal one are for `Contradictions`."""
    record: int
    """Of all that is said, letter by letter; equal ones are for `data.duplicate`."""
    answer: int
    plain: int
    """Of its words without articles and the like, where a label or JSON hangs on them; else 0."""
    long: bool
    """The answer is a text of some length."""
    bag: int
    """Of its words in the order of the alphabet: the same for `A and B` and `B and A`."""
    shingles: array[int] = field(default_factory=lambda: array("q"))
    """Their hashes: eight bytes each instead of a text."""


class NearDuplicates:
    """`data.near_duplicate`, `data.answers.reused`, and `data.answers.contradict` for nearly the same input."""

    def __init__(self, max_records: int = MAX_RECORDS) -> None:
        self._left = max_records
        self._pending: list[_Record] = []
        self._records: list[_Record] = []
        self._common: frozenset[str] | None = None
        self._index: Any = None
        self._bags: dict[int, int] = {}
        """The first record of each bag of words."""
        self._plain: dict[int, int] = {}
        """The first record of each input without articles."""
        self._answers: dict[int, int] = {}
        """The first record of each long answer."""
        self._long = 0
        self._reused: list[tuple[int, str, int]] = []
        """Line and place of a long answer, and the line of another question that has it."""

    @property
    def is_full(self) -> bool:
        """Whether it looks at no more records."""
        return not self._left

    def see(self, turn: Turn) -> Iterable[Finding]:
        if not self._left:
            return ()
        self._left -= 1
        said = [message.text for message in turn.messages[: turn.at] if message.role == "user"]
        words = words_of("\n".join(said))
        is_decided = turn.value is not NO_JSON or is_label(turn.answer)
        task = hash((turn.task, msgspec.json.encode(turn.tools) if turn.tools else b""))
        bag = hash(" ".join(sorted(words))) if len(words) >= _BAG_WORDS else 0
        hashes = (
            hash(tuple([flat(text, turn.is_even) for text in said])),
            hash(turn.text),
            answer_hash(turn),
            hash(plain) if is_decided and (plain := plain_words(words)) else 0,
            not is_decided and len(turn.answer) >= _LONG_ANSWER,
            bag,
        )
        self._pending.append(_Record(turn.line, turn.field, words, " ".join(words) if is_decided else "", task, *hashes))
        if len(self._pending) < _BATCH and self._left:
            return ()
        found = self._flush()
        if not self._left:
            self._records, self._index, self._bags, self._plain, self._answers = [], None, {}, {}, {}
        return found

    def finish(self) -> Iterable[Finding]:
        yield from self._flush() if self._pending else ()
        # Where many questions share an answer, as in a set of paraphrases, they are meant to.
        if len(self._reused) <= max(_FEW_REUSED, _REUSED * self._long):
            for line, at, first in self._reused:
                yield _again(line, at, f"the same long answer as on line {first}, to another question")

    def _note_answer(self, record: _Record) -> None:
        self._long += 1
        key = self._answers.setdefault(record.answer, len(self._records))
        if key < len(self._records) and len(self._reused) < MAX_PLACES:
            first = self._records[key]
            shared = len(set(first.shingles).intersection(record.shingles))
            if shared <= _OTHER * min(len(first.shingles), len(record.shingles)) and first.task == record.task:
                self._reused.append((record.line, record.at, first.line))

    def _flush(self) -> list[Finding]:
        from rensa import RMinHash, RMinHashLSH  # type: ignore[import-untyped]

        sets = [shingles(record.words) for record in self._pending]
        if self._common is None:
            self._common = _common_of(sets)
            self._index = RMinHashLSH(threshold=THRESHOLD, num_perm=_HASHES, num_bands=_BANDS)
        own = [members - self._common for members in sets]
        hashes = RMinHash.from_token_sets([list(members) or ["-"] for members in own], num_perm=_HASHES, seed=_SEED)
        found: list[Finding] = []
        for record, members, minhash in zip(self._pending, own, hashes, strict=True):
            if not members:
                continue
            record.words = []
            record.shingles = array("q", {hash(shingle) for shingle in members})
            finding = next(
                (one for key in sorted(self._index.query(minhash)) if (one := _compare(self._records[key], record))), None
            )
            if finding is None and record.bag:
                finding = _same_words(self._records, self._bags.setdefault(record.bag, len(self._records)), record)
            if finding is None and record.plain:
                finding = _compare_plain(self._records, self._plain.setdefault(record.plain, len(self._records)), record)
            if finding:
                found.append(finding)
            elif record.long:
                self._note_answer(record)
            self._index.insert(len(self._records), minhash)
            self._records.append(record)
        self._pending = []
        return found


def words_of(text: str) -> list[str]:
    """Its first words, case folded."""
    return _WORD.findall(text.casefold())[:_MAX_WORDS]


def plain_words(words: list[str]) -> str:
    """The words without articles, politeness and the like; empty where few are left, or numbers among them."""
    plain = [word for word in words if word not in FILLERS]
    return "".join(plain) if len(plain) >= _PLAIN_WORDS and all(map(str.isalpha, plain)) else ""


def _compare_plain(records: list[_Record], key: int, record: _Record) -> Finding | None:
    """Inputs that are equal but for articles, politeness and the like, with another label."""
    first = records[key] if key < len(records) else None
    if first is None or first.task != record.task or first.answer == record.answer or first.input == record.input:
        return None
    return CONTRADICT(record.line, record.at, f"nearly the same input as on line {first.line}, with another answer")


def shingles(words: list[str]) -> frozenset[str]:
    """All runs of three words; of fewer words, the one run that there is."""
    if len(words) < 3:
        return frozenset([" ".join(words)]) if words else frozenset()
    return frozenset(f"{a} {b} {c}" for a, b, c in zip(words, words[1:], words[2:], strict=False))


def _common_of(sets: list[frozenset[str]]) -> frozenset[str]:
    """What at least half of the inputs share; nothing when there are too few to tell."""
    if len(sets) < 8:
        return frozenset()
    counts = Counter(shingle for members in sets for shingle in members)
    return frozenset(shingle for shingle, count in counts.items() if count >= _COMMON * len(sets))


def _compare(first: _Record, second: _Record) -> Finding | None:
    if first.task != second.task or first.record == second.record:
        return None
    shared = len(set(first.shingles).intersection(second.shingles))
    similarity = shared / (len(first.shingles) + len(second.shingles) - shared)
    if similarity < _SAID_AGAIN:
        return None
    if first.answer == second.answer:
        if similarity >= THRESHOLD or ask_the_same(first.said, second.said):
            return NEAR(second.line, "messages", f"nearly the same input and the same answer as on line {first.line}")
    elif first.input != second.input and ask_the_same(first.said, second.said):
        return CONTRADICT(second.line, second.at, f"nearly the same input as on line {first.line}, with another answer")
    return None


def _same_words(records: list[_Record], key: int, record: _Record) -> Finding | None:
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
