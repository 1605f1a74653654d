"""Records that say nearly the same twice, and nearly the same input with another answer.

The rule is the one of `honekit.data.near.rule` (Jaccard similarity of three-word shingles at least 0.7) with two
differences: numbers and ids count as words, since records that differ in them only may be examples of copying, and
what most inputs of the file share (instructions around the text) does not count. Candidates come from MinHash-LSH
and are verified exactly.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable
from typing import Any

import msgspec

from honekit.data.checks.consistency.contradictions import answer_hash
from honekit.data.checks.quality.near_pairs import (
    FILLERS,
    MAX_TEXT,
    NEAR,
    SMALL,
    Kept,
    compare,
    compare_endings,
    compare_plain,
    plain_words,
    same_words,
    words_of,
)
from honekit.data.checks.tally import MAX_PLACES
from honekit.data.checks.turn import NO_JSON, Turn, adviser, flat, is_label
from honekit.data.lines import Finding
from honekit.data.near.rule import THRESHOLD

MAX_RECORDS = 20_000
"""Records compared with each other, the first of the file: up to 8 kB each in memory and 0.1 ms in time."""
_BATCH = 500
_BAG_WORDS = 4
_COMMON = 0.5
_HASHES, _BANDS, _SEED = 128, 32, 42
"""A pair at similarity 0.7 shares one of 32 bands of 4 hashes with probability 0.9998."""
_LONG_ANSWER, _ENDING_CHARS = 40, 40
_FEW_REUSED, _REUSED = 2, 0.02
_OTHER = 0.2
"""Questions that share no more of their runs of words are other questions."""

_again = adviser("data.answers.reused", "see whether it was pasted under the wrong question")


class NearDuplicates:
    """`data.near_duplicate`, `data.answers.reused`, and `data.answers.contradict` for nearly the same input."""

    def __init__(self, max_records: int = MAX_RECORDS) -> None:
        self._left = max_records
        self._pending: list[Kept] = []
        self._records: list[Kept] = []
        self._common: frozenset[str] | None = None
        self._index: Any = None
        self._bags: dict[int, int] = {}
        """The first record of each bag of words."""
        self._plain: dict[int, int] = {}
        """The first record of each input without articles."""
        self._answers: dict[int, int] = {}
        """The first record of each long answer."""
        self._endings: dict[int, int] = {}
        """The first record of each ending of a long answer."""
        self._long = 0
        self._reused: list[tuple[int, str, int]] = []
        """Line and place of a long answer, and the line of another question that has it."""
        self._prompted: list[tuple[int, int]] = []
        """Line of a record, and that of one with the same input and answer under another system prompt."""

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
        is_long = not is_decided and len(turn.answer) >= _LONG_ANSWER
        hashes = (
            hash(tuple([flat(text, turn.is_plain) for text in said])),
            hash(turn.text),
            answer_hash(turn),
            hash((plain, is_decided)) if (plain := plain_words(words, FILLERS if is_decided else SMALL)) else 0,
            is_long,
            hash(" ".join(turn.answer[-_ENDING_CHARS:].lower().split()[1:])) if is_long else 0,
            bag,
        )
        text = "" if is_decided else turn.answer[:MAX_TEXT]
        self._pending.append(Kept(turn.line, turn.field, words, " ".join(words), text, task, *hashes))
        if len(self._pending) < _BATCH and self._left:
            return ()
        found = self._flush()
        if not self._left:
            self._records, self._index, self._bags, self._plain = [], None, {}, {}
            self._answers, self._endings = {}, {}
        return found

    def finish(self) -> Iterable[Finding]:
        yield from self._flush() if self._pending else ()
        # Where many questions share an answer, as in a set of paraphrases, they are meant to.
        few = max(_FEW_REUSED, _REUSED * self._long)
        if len(self._reused) <= few:
            for line, at, first in self._reused:
                yield _again(line, at, f"the same long answer as on line {first}, to another question")
        if len(self._prompted) <= few:
            for line, first in self._prompted:
                yield NEAR(
                    line, "messages", f"the same input and answer as on line {first}, with another system prompt or other tools"
                )

    def _note_answer(self, record: Kept) -> None:
        self._long += 1
        key = self._answers.setdefault(record.answer, len(self._records))
        if key < len(self._records) and len(self._reused) < MAX_PLACES:
            first = self._records[key]
            if first.task != record.task:
                if first.input == record.input:
                    self._prompted.append((record.line, first.line))
                return
            shared = len(set(first.shingles).intersection(record.shingles))
            if shared <= _OTHER * min(len(first.shingles), len(record.shingles)):
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
                (one for key in sorted(self._index.query(minhash)) if (one := compare(self._records[key], record))), None
            )
            if finding is None and record.bag:
                finding = same_words(self._records, self._bags.setdefault(record.bag, len(self._records)), record)
            if finding is None and record.plain:
                finding = compare_plain(self._records, self._plain.setdefault(record.plain, len(self._records)), record)
            if finding:
                found.append(finding)
            elif record.long:
                self._note_answer(record)
                if again := compare_endings(self._records, self._endings.setdefault(record.ending, len(self._records)), record):
                    found.append(again)
            self._index.insert(len(self._records), minhash)
            self._records.append(record)
        self._pending = []
        return found


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
