"""Answers in another style or of quite another length than nearly all the others. Advice: style may be meant."""

from __future__ import annotations

import heapq
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from honekit.data.checks.structure.endings import is_enumeration
from honekit.data.checks.tally import MAX_PLACES, SMALL_TASK, Tallies, Tally, majority_share
from honekit.data.checks.turn import NO_JSON, Turn, adviser, has_code
from honekit.data.checks.turns import Turns
from honekit.data.lines import Finding

_MARKDOWN = re.compile(r"\*\*\S(?:[^*\n]*[^*\s])?\*\*(?!\w)|^#{1,6} |^\|.+\|\s*$", re.MULTILINE)
_BULLETS = re.compile(r"\n\s*(?:[-*•]|\d{1,2}[.)])\s+\S")
"""With the line end before it, which is found ten times as fast as the beginning of a line."""
_END = frozenset(".!?…。！？।؟:)]}\"”»’'`")
_EMOJI = re.compile("[\U0001f300-\U0001faff]")
_QUOTES = frozenset('"“”„«»')
_I = re.compile(r"\bI\b")
"""A capital letter in any text."""
_BEGINNING = 40
"""Characters in which a sentence has three blanks."""
_QUOTED = 30
"""Characters of an answer that is more than one phrase that was asked for."""
_LEAST = 10
_MOSTLY = 0.8
_MAX_EACH = 5
"""With more odd answers than this, one finding names the first of them."""
_FAR = 6.0
"""Robust standard deviations of the log of the length from the median, beyond which an answer is an outlier."""
_TIMES = 5.0
_LONG = 200
"""Short answers among answers that are short themselves are common: only among longer ones is one odd,"""
_SENTENCES, _NEXT = 60, 2
"""or where these are sentences and all of them at least half as long."""
_FEW_SINGLE = 1
"""Of more answers of one word none is odd."""
_FIGURE = 16
_BINS = 16
_UPPER = "upper"

_case = adviser("data.style.case", "write it like the others, unless the difference is meant")
_ending = adviser("data.style.ending", "end it like the others, unless the difference is meant")
_markdown = adviser("data.style.markdown", "format it like the others, unless the difference is meant")
_list = adviser("data.style.list", "lay it out like the others, unless the difference is meant")
_quotes = adviser("data.style.quotes", "take the quotation marks away, unless the difference is meant")
_emoji = adviser("data.style.emoji", "take it out, unless the difference is meant")
_block = adviser("data.style.code_block", "put the code into a fenced block like the others, unless it is meant")
_length = adviser("data.style.length", "look at it: it may be cut off, be two answers in one, or belong to another task")

_STYLES = {
    "case": (_case, "is all in lower case", "has capital letters"),
    "ending": (_ending, "ends with a full stop or the like", ""),
    "markdown": (_markdown, "is formatted with Markdown", "is plain text"),
    "list": (_list, "is a list", "is running text"),
    "quotes": (_quotes, "stands in quotation marks", ""),
    "emoji": (_emoji, "has an emoji", ""),
}
_Style = tuple[bool | str | None, bool | None, bool, bool, bool, bool]
_USUAL: _Style = (False, True, False, False, False, False)
_LOWER: _Style = (True, True, False, False, False, False)
"""Of common answers: sentences with their end that begin with a capital letter, or have none."""


@dataclass
class Style:
    """`data.style.case`, `data.style.ending`, `data.style.markdown`, `data.style.list`, `data.style.quotes`,
    `data.style.emoji`, `data.style.code_block`, `data.style.length`."""

    styles: Tallies = field(default_factory=Tallies)
    """Each category says what the styles of `_STYLES` are, in that order."""
    blocks: Tallies = field(default_factory=Tallies)
    """Whether an answer has a block of code, where the system prompt speaks of code."""
    lengths: Counter[int] = field(default_factory=Counter)
    shortest: list[tuple[int, int, str]] = field(default_factory=list)
    longest: list[tuple[int, int, str]] = field(default_factory=list)
    single: int = 0
    """Answers of one word, and the first of them."""
    singles: list[tuple[int, int, str]] = field(default_factory=list)

    def see(self, turns: Turns) -> None:
        prose = [turn for turn in turns.prose if not turn.answer.isspace()]
        may_have_marks = turns.have("*", "#", "|")
        styles = [
            (_even_style(turn.answer, turn.lower) if turn.is_even and not may_have_marks else None)
            or _style_of(turn.answer, may_have_marks)
            for turn in prose
        ]
        self.styles.add_each("", prose, styles)
        if any(system and "code" in system for system in turns.prompts):
            self._count_blocks(turns)
        spaced = [turn for turn in turns.written if " " in turn.answer]
        if len(spaced) < len(turns.written):
            self._count_singles(turns)
        lengths = [len(turn.answer) for turn in spaced]
        for length, times in Counter(lengths).items():
            self.lengths[_bin(length)] += times
        if lengths and (_is_among(self.longest, max(lengths)) or _is_among(self.shortest, -min(lengths))):
            for turn, length in zip(spaced, lengths, strict=True):
                if _is_among(self.longest, length):
                    _keep(self.longest, (length, turn.line, turn.field))
                if _is_among(self.shortest, -length) and not _is_figure(turn):
                    _keep(self.shortest, (-length, turn.line, turn.field))

    def _count_singles(self, turns: Turns) -> None:
        singles = [turn for turn in turns.written if " " not in turn.answer and not _is_figure(turn)]
        self.single += len(singles)
        room = _FEW_SINGLE + 1 - len(self.singles)
        self.singles += [(-len(turn.answer), turn.line, turn.field) for turn in singles[:room]]

    def _count_blocks(self, turns: Turns) -> None:
        for turn, system in zip(turns.all, turns.systems, strict=True):
            if system and "code" in system and turn.value is NO_JSON and turn.answer and not turn.answer.isspace():
                self.blocks.add(turn.task, "", has_code(turn.answer), turn.line, turn.field)

    def join(self, later: Style, lines_before: int) -> None:
        self.styles.join(later.styles, lines_before)
        self.blocks.join(later.blocks, lines_before)
        self.lengths.update(later.lengths)
        self.single += later.single
        room = _FEW_SINGLE + 1 - len(self.singles)
        self.singles += [(key, line + lines_before, at) for key, line, at in later.singles[:room]]
        for own, others in ((self.shortest, later.shortest), (self.longest, later.longest)):
            for key, line, at in sorted(others, key=lambda one: one[1]):
                if _is_among(own, key):
                    _keep(own, (key, line + lines_before, at))

    def _tallies(self) -> Iterator[tuple[str, Tally]]:
        for tallies in self.styles.by_task():
            for position, name in enumerate(_STYLES):
                yield name, tallies[""].of(position)

    def finish(self) -> Iterator[Finding]:
        for name, tally in self._tallies():
            advise, yes, no = _STYLES[name]
            odd = list(tally.odd(share=majority_share(tally.total), least=_LEAST))
            if name == "case":
                # Nobody writes a whole answer in capitals by the way: fewer others show that it is odd.
                shouted = tally.odd(share=_MOSTLY, least=SMALL_TASK)
                odd = odd or [(kind, place) for kind, place in shouted if kind == _UPPER]
            if name in ("ending", "quotes", "emoji"):
                # A sentence without its end is `data.answer.breaks_off`, of the structural checks.
                odd = [(kind, place) for kind, place in odd if kind]
            said = f"unlike {tally.counts.get(tally.main, 0)} of {tally.total} answers"
            if len(odd) > _MAX_EACH:
                said += "; so do those of lines " + ", ".join(str(line) for _, (line, _) in odd[1 : _MAX_EACH + 1]) + " and more"
                odd = odd[:1]
            for kind, (line, at) in odd:
                what = "is all in capitals" if kind == _UPPER else yes if kind else no
                yield advise(line, at, f"the answer {what}, {said}")
        for _, tally in self.blocks.all():
            for has, (line, at) in tally.odd(share=majority_share(tally.total), least=_LEAST):
                if not has:
                    yield _block(
                        line, at, f"the answer has no block of code; {tally.counts[True]} of {tally.total} answers have one"
                    )
        yield from self._outliers()

    def _outliers(self) -> Iterator[Finding]:
        if self.lengths.total() < _LEAST:
            return
        median = _median(self.lengths)
        spread = _median(_distances(self.lengths, median))
        far = max(_FAR * 1.4826 * spread / _BINS, math.log2(_TIMES))
        typical = 2 ** (median / _BINS)
        short = sorted([*self.shortest, *(self.singles if self.single <= _FEW_SINGLE else ())], reverse=True)
        is_alone = len(short) > 1 and typical >= _SENTENCES and -short[1][0] >= typical / _NEXT
        extremes = {(line, at, abs(key)) for key, line, at in (*short, *self.longest)}
        for line, at, length in sorted(extremes):
            is_far = abs(math.log2(length) - median / _BINS) > far
            is_telling = length > typical or typical >= _LONG or (is_alone and length == -short[0][0])
            if is_far and abs(length - typical) > 40 and is_telling:
                yield _length(line, at, f"the answer has {length} characters; half of all answers have fewer than {typical:.0f}")


def _is_figure(turn: Turn) -> bool:
    """Whether an answer may be a number with its unit, which is whole however short it is."""
    return turn.has_digit and len(turn.answer) <= _FIGURE


def _even_style(text: str, lower: str) -> _Style | None:
    """The same for a text of one line without marks, where its first characters, its last one and its lower case tell."""
    if text[-1] not in _END or text.count(" ", 0, _BEGINNING) < 3:
        return None
    if text == lower:
        return _LOWER if text[0].isalpha() and "," not in text else None
    return _USUAL if text[0].isupper() and text[1].islower() else None


def _style_of(text: str, may_have_marks: bool) -> _Style:
    """What an answer's styles are, in the order of `_STYLES`; None where it is too short to tell."""
    has_lines, is_ascii = "\n" in text, text.isascii()
    is_sentence = text.count(" ", 0, _BEGINNING) > 2 or text.count(" ") > 2
    is_lower = _case_of(text) if is_sentence and is_ascii else None
    is_line = is_sentence and not (has_lines and "\n" in text.strip())
    is_ended = text[-1] in _END or text.rstrip()[-1:] in _END if is_line else None
    is_list = has_lines and len(_BULLETS.findall(f"\n{text}")) > 1
    has_marks = may_have_marks and ("*" in text or "#" in text or "|" in text) and bool(_MARKDOWN.search(text))
    is_quoted = text[0] in _QUOTES and len(text) >= _QUOTED and _stands_in_quotes(text)
    return is_lower, is_ended, has_marks, is_list, is_quoted, not is_ascii and bool(_EMOJI.search(text))


def _stands_in_quotes(text: str) -> bool:
    """Whether nothing but the ends of a text are quotation marks."""
    first, last = text[0], text[-1]
    return first in _QUOTES and last in _QUOTES and text.count(last) == 1 + (first == last)


@lru_cache(maxsize=4096)
def _bin(length: int) -> int:
    return round(math.log2(length) * _BINS)


def _case_of(text: str) -> bool | str | None:
    """Whether a text is all in lower case, or that it is all in capitals; None for one that has its reasons."""
    first = text[0]
    if first.isupper():
        if text[1:2].islower():
            return False
        # The beginning nearly always tells.
        return _UPPER if text[:_BEGINNING] == text[:_BEGINNING].upper() and text == text.upper() else False
    lower = text.lower()
    if not first.isalpha():
        return _UPPER if text == text.upper() and text != lower else None
    if text != lower and not ("I" in text and _I.sub("i", text) == lower):
        return False
    return None if "," in text and is_enumeration(text) else True


def _is_among(heap: list[tuple[int, int, str]], key: int) -> bool:
    """Whether it is one of the `MAX_PLACES` largest so far."""
    return len(heap) < MAX_PLACES or key > heap[0][0]


def _keep(heap: list[tuple[int, int, str]], one: tuple[int, int, str]) -> None:
    if len(heap) < MAX_PLACES:
        heapq.heappush(heap, one)
    else:
        heapq.heapreplace(heap, one)


def _distances(lengths: Counter[int], median: float) -> Counter[float]:
    distances: Counter[float] = Counter()
    for size, count in lengths.items():
        distances[abs(size - median)] += count
    return distances


def _median(counts: Mapping[int, int] | Mapping[float, int]) -> float:
    half, seen = sum(counts.values()) / 2, 0
    for value, count in sorted(counts.items()):
        seen += count
        if seen >= half:
            return value
    return 0.0
