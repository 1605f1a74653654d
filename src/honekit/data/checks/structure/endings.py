"""Answers that break off: in an open code block, in open JSON, or in the middle of a sentence.

Labels and short phrases need no full stop. A missing one is only told where nearly all other answers of the file have theirs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import msgspec

from honekit.data.lines import Finding

ENDS = frozenset(".!?…:;)]}>\"'”’»`*_|。！？）」~।؟۔")
_OPEN_WORDS = frozenset(
    {"a", "an", "the", "and", "or", "but", "nor", "because", "although", "of", "into", "onto", "if", "unless", "than"}
    | {"is", "are", "my", "your", "its", "their", "our", "which", "whose"}
)
"""No sentence ends with them."""
_OF_TITLES = frozenset({"with", "from", "into", "over", "that", "this", "your", "than", "without", "under", "between"})
"""Words of some length that a title has in lower case."""
_MARKS = ("-", "*", "•", "–", "#", "|", ">")
_DASHES = frozenset("-–—")
"""Before the name of whoever is quoted."""
_MIN_WORDS = 6
MIN_CHARS = 30
"""Characters of an answer that counts as prose: cheaper than its words, and right often enough for a share."""
_MIN_PROSE = 8
MIN_UNSPACED = 10
"""Characters of a sentence in Chinese or Japanese."""
_INDIC = re.compile("[\u0900-\u0963\u0980-\u09e3\u0a00-\u0a65\u0a80-\u0ae3\u0b80-\u0be5\u0c00-\u0c65]+")
"""Words with vowel signs, which are no letters to Python; without the full stops of these scripts."""
_CASELESS = "\u0900"
"""Scripts from here on have no capitals (but for a few)."""
_OPEN_END = frozenset("をがはにでとてのへや、，的和与及或在把被将向从是")
"""No sentence in Japanese or Chinese ends with these, and headlines and names hardly do."""
_USUAL_SHARE = 0.9
_FEW, _FEW_SHARE = 3, 0.75
_MAX_KEPT = 1000

_skim = msgspec.json.Decoder(msgspec.Raw).decode
"""Reads JSON without making anything of it."""

Place = tuple[int, str]
"""Line and field of an answer."""


@dataclass
class Endings:
    """How the answers of a file end, counted over answers of `_MIN_WORDS` words or more."""

    prose: int = 0
    ended: int = 0
    doubtful_count: int = 0
    doubtful: list[Place] = field(default_factory=list)

    def look(self, text: str, line: int, index: int) -> Finding | None:
        """A finding when the answer certainly breaks off; counts how it ends otherwise. `index`: which message it is."""
        if text[0] in "{[" or "`" in text:
            if reason := open_part(text):
                return _finding(line, f"messages[{index}].content", reason)
            if text[0] in "{[":
                return None
        elif text[-1] in ENDS:
            if len(text) >= MIN_CHARS or (text[-1] == "。" and len(text) >= MIN_UNSPACED):
                self.prose += 1
                self.ended += 1
            return None
        return self._sentence(text.rstrip(), line, f"messages[{index}].content")

    def join(self, later: Endings, lines_before: int) -> None:
        """Add what was counted in a later part of the same file."""
        self.prose += later.prose
        self.ended += later.ended
        self.doubtful_count += later.doubtful_count
        room = _MAX_KEPT - len(self.doubtful)
        self.doubtful += [(line + lines_before, at) for line, at in later.doubtful[:room]]

    def findings(self) -> Iterator[Finding]:
        """Answers without an end where nearly all others have one."""
        share = self.ended / self.prose if self.prose else 0.0
        is_usual = share >= _USUAL_SHARE or (self.doubtful_count <= _FEW and share >= _FEW_SHARE)
        if self.prose >= _MIN_PROSE and is_usual:
            for line, at in self.doubtful:
                yield _finding(line, at, f"without the mark that ends {share:.0%} of the other sentences")

    def _sentence(self, text: str, line: int, at: str) -> Finding | None:
        if not text or "\n```" in text or text[0] in "{[":
            return None
        tail = text.rsplit("\n", 1)[-1].strip()
        if "\u3040" <= tail[-1] <= "\u9fff":
            self._unspaced(tail, line, at)
            return None
        words = tail.split()
        if len(words) < _MIN_WORDS or not _DASHES.isdisjoint(words[-4:]) or tail.startswith(_MARKS) or words[0][:-1].isdigit():
            return None
        self.prose += 1
        if tail[-1] in ENDS:
            self.ended += 1
        elif tail[-1] == "," or words[-1] in _OPEN_WORDS:
            return _finding(line, at, f"after {words[-1]!r}")
        elif (words[-1].isalpha() or _INDIC.fullmatch(words[-1])) and not _is_title(words) and not is_enumeration(text):
            self._doubt(line, at)
        return None

    def _unspaced(self, tail: str, line: int, at: str) -> None:
        """Chinese and Japanese: a sentence has no blanks."""
        if len(tail) >= MIN_UNSPACED and " " not in tail and tail[-1] in _OPEN_END:
            self.prose += 1
            self._doubt(line, at)

    def _doubt(self, line: int, at: str) -> None:
        self.doubtful_count += 1
        if len(self.doubtful) < _MAX_KEPT:
            self.doubtful.append((line, at))


def _is_title(words: list[str]) -> bool:
    """`The Quiet Workforce: What Bees Do for Our Fields` ends without a full stop."""
    long = [word for word in words if len(word) > 3 and word not in _OF_TITLES]
    return len(long) > 1 and all(word[0].isupper() for word in long)


def is_enumeration(text: str) -> bool:
    """`fig, pear, plum tree` is no sentence, and ends without a full stop."""
    return (text[0].islower() or text[0] >= _CASELESS) and text.count(",") > 1 and not ENDS.intersection(text)


def _finding(line: int, at: str, where: str) -> Finding:
    fix = "write the answer to its end, or delete the line; a model that learns this stops in mid-sentence"
    return Finding("data.answer.breaks_off", "warning", line, at, f"the answer breaks off {where}", fix)


def open_part(text: str) -> str:
    """In what an answer breaks off: a block of code or JSON that was begun and not ended; empty when neither is open."""
    if "`" in text and sum(line.lstrip().startswith("```") for line in text.split("\n")) % 2:
        return "in an open code block"
    if text[0] in "{[":
        try:
            _skim(text)
        except (msgspec.MsgspecError, RecursionError, UnicodeError) as fault:
            if "truncated" in str(fault):
                return "in open JSON"
    return ""
