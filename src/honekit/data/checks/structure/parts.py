"""The structural checks of a chat file: JSON, keys, roles and their order, tools, endings, and exact duplicates.

A plain line (`messages` with nothing but `role` and `content`, a known order of roles, no empty text) costs one typed decode
and a few comparisons. Every other line goes through the reader that uploads use (`honekit.data.chat`) and the checks of tools.
"""

from __future__ import annotations

import json
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import chain, compress, islice
from pathlib import Path
from typing import Any, Protocol, TypeVar, cast

import msgspec

from honekit.data.blank_lines import BlankLines
from honekit.data.blocks import Block, read_blocks
from honekit.data.chat import ChatExample, chat_reader, conversations_in, line_faults
from honekit.data.checks.read_turns import plain_turns, read_turn
from honekit.data.checks.structure.endings import ENDS, MIN_CHARS, MIN_UNSPACED, Endings
from honekit.data.checks.structure.orders import Order, Orders
from honekit.data.checks.structure.plain import UNKNOWN, PlainMessage, doubtful, plain_decoder, signs_of
from honekit.data.checks.structure.tool_calls import tool_findings
from honekit.data.checks.turn import Turn
from honekit.data.exact import line_hash, text_hash
from honekit.data.lines import MAX_PER_LINE, Finding, Line, is_utf16, line_of, lines_of, shown
from honekit.data.records import Report, Tally, read_line

PART_BYTES = 8 << 20
"""Of the file's text in one part, about."""
_BIG_BYTES = 512 << 20
"""Of a file for which a worker that loads numpy is done sooner than one that does without."""


class SeesTurns(Protocol):
    """What may look at the turns of a part while its lines are decoded: `honekit.data.checks.answers.AnswerChecks`, which
    takes longer to import than a worker without it to start."""

    def see(self, turns: Iterable[Turn]) -> None: ...


S = TypeVar("S", bound=SeesTurns)


@dataclass
class Part:
    """What a run of lines gives. Numbers of lines count from its own first line."""

    tally: Tally = field(default_factory=Tally)
    hashes: bytearray = field(default_factory=bytearray)
    """One of 8 bytes for each record, and as many for the line that it stands on."""
    hashed_lines: bytearray = field(default_factory=bytearray)
    endings: Endings = field(default_factory=Endings)
    blank: BlankLines = field(default_factory=BlankLines)
    is_last: bool = False
    """Nothing after these lines can be read."""
    consumed: int = 0
    """Bytes of the file read until here."""

    def add_hashed(self, hashes: list[int], lines: list[int]) -> None:
        self.hashes += array("Q", hashes).tobytes()
        self.hashed_lines += array("Q", lines).tobytes()


def structure_parts(
    path: Path, start: int = 0, end: int | None = None, new_answers: Callable[[], S] | None = None
) -> Iterator[tuple[Part, S | None]]:
    """The lines that begin at the bytes `start` up to `end`, a part of about `PART_BYTES` at a time; with what `new_answers`
    makes for each part, where it is given, to see its turns.

    Raises: DataError[data.file_missing | data.file_unreadable].
    """
    scan = StructureScan(is_big=path.is_file() and path.stat().st_size >= _BIG_BYTES)
    part, answers = Part(), new_answers() if new_answers else None
    lines_before, part_begins = 0, start
    for block in read_blocks(path, start, end):
        if block.offset - part_begins >= PART_BYTES:
            yield part, answers
            lines_before += part.tally.lines
            part, answers = Part(), new_answers() if new_answers else None
            part_begins = block.offset
        scan.look(replace(block, first=block.first - lines_before), part, answers)
        part.consumed = block.consumed
        if part.is_last:
            break
    yield part, answers


class StructureScan:
    """Looks at one block after the other; remembers which orders of roles are good. `is_big`: there are very many of them."""

    def __init__(self, is_big: bool = False) -> None:
        self._is_big = is_big
        self._decode = plain_decoder()
        self._orders = Orders()
        self._endings = Endings()
        self._turns: list[Turn | None] = []
        self._has_answers = False
        self._read = chat_reader(self._see)
        self._read_for_answers = chat_reader(lambda example, _report: self._turns.append(read_turn(example)))

    def look(self, block: Block, part: Part, answers: SeesTurns | None = None) -> None:
        """Everything that the lines of a block show on their own."""
        part.tally.lines += max(len(block.ended), 1)
        part.is_last = bool(block.stop) or is_utf16(block)
        if block.ended.count(b"\n") == len(block.ended) and not block.is_too_long and not block.stop:
            part.blank.add(range(block.first, block.first + len(block.ended)), 0)
            return
        if block.offset == 0 and (whole := _whole_value(block)):
            part.tally.report(whole)
            part.is_last = True
            return
        self._endings = part.endings
        self._has_answers = answers is not None
        found: list[Finding] = []
        if block.is_too_long or part.is_last:
            others = [*lines_of(block)]
        else:
            others = [line_of(block.lines[index], block.first + index) for index in self._look_fast(block, part, found)]
        part.blank.add(*_blank_lines(block, others))
        for line in others:
            if read_line(line, self._look_slow, part.tally, found.append):
                part.add_hashed([text_hash(f"{line.text}\n")], [line.number])
        for finding in sorted(found, key=lambda one: one.line):
            part.tally.report(finding)
        if answers:
            turns = [turn for turn in self._turns if turn]
            answers.see(sorted(turns, key=lambda turn: turn.line) if others else turns)
            self._turns = []

    def _look_fast(self, block: Block, part: Part, found: list[Finding]) -> list[int]:
        """Counts the plain lines without fault; returns the places of all others. Works by columns, which costs half of what
        a loop over the lines does."""
        lines, index_of = block.ended, [*range(len(block.ended))]
        if b"\n" in lines:
            index_of = [index for index in index_of if lines[index] != b"\n"]
            lines = [lines[index] for index in index_of]
        conversations = self._decode(lines)
        orders = self._orders.of(conversations)
        texts = [message.content for message in chain.from_iterable(conversations)]
        signs = signs_of([*compress(lines, conversations)], self._has_answers) if self._is_big else None
        left_out = set(doubtful(lines, conversations, texts, signs))
        others: list[int] = []
        if left_out or not all(orders):
            is_plain = [bool(order) and at not in left_out for at, order in enumerate(orders)]
            others = [index for index, plain in zip(index_of, is_plain, strict=True) if not plain]
            index_of, lines = [*compress(index_of, is_plain)], [*compress(lines, is_plain)]
            conversations, orders = [*compress(conversations, is_plain)], [*compress(orders, is_plain)]
            texts = [message.content for message in chain.from_iterable(conversations)]
        known = cast(list[Order], orders)
        is_one = bool(known) and known.count(known[0]) == len(known)
        numbers = [block.first + index for index in index_of]
        found += self._look_at_endings(numbers, conversations, known, texts, is_one)
        if self._has_answers:
            self._turns += plain_turns(numbers, lines, conversations, known, signs or UNKNOWN)
        part.add_hashed([*map(line_hash, lines)], numbers)
        part.tally.records += len(lines)
        part.tally.totals.update(
            messages=len(texts),
            trained_messages=len(known[0].answers) * len(known) if is_one else sum([len(order.answers) for order in known]),
            characters=sum(map(len, texts)),
            bytes=sum(map(len, lines)) - len(lines),
        )
        return others

    def _look_at_endings(
        self,
        numbers: list[int],
        conversations: list[list[PlainMessage]],
        orders: list[Order],
        texts: list[str],
        is_one: bool,
    ) -> Iterator[Finding]:
        """`texts`: of all messages. `is_one`: all conversations have one order of roles."""
        if is_one and len(orders[0].answers) == 1:
            at = orders[0].at
            places, answers = [at] * len(orders), texts[at :: len(conversations[0])]
        else:
            lines = zip(numbers, conversations, orders, strict=True)
            each = [(number, place, messages[place].content) for number, messages, order in lines for place in order.answers]
            numbers, places, answers = ([one[column] for one in each] for column in range(3))  # type: ignore[assignment]
        # As `look` does, without the call.
        usual = [text[-1] in ENDS and text[0] not in "{[" and "`" not in text for text in answers]
        prose = sum(
            [len(text) >= MIN_CHARS or (text[-1] == "。" and len(text) >= MIN_UNSPACED) for text in compress(answers, usual)]
        )
        self._endings.prose += prose
        self._endings.ended += prose
        for number, place, text, is_usual in zip(numbers, places, answers, usual, strict=True):
            if not is_usual and (reason := self._endings.look(text, number, place)):
                yield reason

    def _look_slow(self, line: Line, report: Report, totals: Counter[str]) -> bool:
        repeated = repeated_key_fault(line)
        if repeated is None:
            return self._read(line, report, totals)
        report(repeated)
        if self._has_answers:
            self._read_for_answers(line, _unreported, Counter())
        return False

    def _see(self, example: ChatExample, report: Report) -> None:
        if self._has_answers:
            self._turns.append(read_turn(example))
        for finding in islice(tool_findings(example), MAX_PER_LINE):
            report(finding)
        for index, message in enumerate(example.messages):
            if message.is_trained and message.text.strip() and not message.tool_calls:
                reason = self._endings.look(message.text, example.line, index)
                if reason:
                    report(reason)


def _blank_lines(block: Block, others: Iterable[Line]) -> tuple[list[int], int]:
    """The numbers of the blank lines of a block, and that of its last one with text (0: all are blank)."""
    blank = {line.number for line in others if line.is_blank}
    if b"\n" in block.ended and not block.is_too_long:
        blank.update(number for number, line in enumerate(block.ended, block.first) if line == b"\n")
    numbers = reversed(range(block.first, block.first + max(len(block.ended), 1)))
    return sorted(blank), next((number for number in numbers if number not in blank), 0)


def _unreported(_finding: Finding) -> None:
    return None


def structure_errors(line: Line) -> list[Finding]:
    """All that stops training in one line that has text, as the check of a whole file finds it."""
    if repeated := repeated_key_fault(line):
        return [repeated]
    faults = [*line_faults(line), *(fault for example in conversations_in([line]) for fault in tool_findings(example))]
    return [fault for fault in faults if fault.severity == "error"][:MAX_PER_LINE]


def repeated_key_fault(line: Line) -> Finding | None:
    place = repeated_key(line.text or "")
    if place is None:
        return None
    message = f"the key {shown(place.rpartition('.')[2])} stands twice in one object, so one of its values would be lost"
    return Finding("data.key_repeated", "error", line.number, place, message, "keep one of the two")


def repeated_key(text: str) -> str | None:
    """Where a key stands twice in one object of this JSON, as in `messages[1].content`; None when there is none."""
    try:
        value = msgspec.json.decode(text)
        if text.count('"') == msgspec.json.encode(value).count(b'"'):
            return None
        return _place(json.loads(text, object_pairs_hook=_Pairs), "")
    except (ValueError, RecursionError):
        return None


class _Pairs(list[tuple[str, Any]]):
    """The pairs of a JSON object as they stand there."""


def _place(value: Any, at: str) -> str | None:
    if isinstance(value, _Pairs):
        seen: set[str] = set()
        for key, _ in value:
            if key in seen:
                return f"{at}.{key}".removeprefix(".")
            seen.add(key)
        inner = ((one, f"{at}.{key}") for key, one in value)
    elif isinstance(value, list):
        inner = ((one, f"{at}[{index}]") for index, one in enumerate(value))
    else:
        return None
    return next((found for one, place in inner if (found := _place(one, place)) is not None), None)


def _whole_value(block: Block) -> Finding | None:
    """A finding when the file is one JSON value over all its lines instead of one record per line."""
    lines = [index for index, line in enumerate(block.lines) if line and not line.isspace()]
    if not lines:
        return None
    number, start = block.first + lines[0], block.lines[lines[0]].strip()
    if start == b"{":
        fix = "write each record on a line of its own, e.g. `jq -c . OLD > NEW`"
        return Finding("data.json_multiline", "error", number, "", "the object goes on over several lines", fix)
    if not start.startswith(b"["):
        return None
    try:
        msgspec.json.decode(start)
        is_array = len(lines) == 1
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        is_array = True
    fix = "write each of its objects on a line of its own, e.g. `jq -c '.[]' OLD > NEW`"
    message = "the file is a JSON array, not one record per line"
    return Finding("data.json_array", "error", number, "", message, fix) if is_array else None
