"""Plain lines of a chat file: `messages` with nothing but `role` and `content`. Most files have no other, and these are decoded
and looked at many at a time."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from itertools import compress
from typing import ClassVar, NamedTuple

import msgspec

from honekit.chat.messages import Role

_REFUSALS = (msgspec.MsgspecError, UnicodeError, RecursionError)
_MARKS, _MARKS_EACH = 2, 8
"""Quotation marks around the keys and values of a plain record, and of each of its messages, when no key stands twice."""
_MARK, _BACKSLASH = b'"\\'
_TWO_BLANKS = 0x2020
_AT_ONCE = 1 << 15
"""Bytes; memory for more is taken from the system anew each time."""


class PlainMessage(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """One turn; for the checks it is what `honekit.chat.messages.Message` is."""

    role: Role
    content: str
    tool_calls: ClassVar[None] = None

    @property
    def text(self) -> str:
        return self.content

    @property
    def is_trained(self) -> bool:
        return self.role == "assistant"


class _PlainRecord(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    messages: list[PlainMessage]


def plain_decoder() -> Callable[[list[bytes]], list[list[PlainMessage]]]:
    """Decodes lines to their messages; none for a line that is no plain record."""
    decode = msgspec.json.Decoder(_PlainRecord).decode

    def decode_all(lines: list[bytes]) -> list[list[PlainMessage]]:
        with contextlib.suppress(*_REFUSALS):
            return [decode(line).messages for line in lines]
        conversations: list[list[PlainMessage]] = []
        for line in lines:
            try:
                conversations.append(decode(line).messages)
            except _REFUSALS:
                conversations.append([])
        return conversations

    return decode_all


class Signs(NamedTuple):
    """What lines of plain records have in them, all together."""

    marks: int
    """Quotation marks."""
    escapes: int
    """Backslashes."""
    other_escapes: int
    """Backslashes before anything but a quotation mark."""
    may_have_runs: bool
    """Whether two blanks may stand on end."""


UNKNOWN = Signs(0, 1, 1, True)
"""Of lines that were not looked at."""


def signs_of(lines: list[bytes], with_runs: bool) -> Signs:
    """Takes a tenth of the time of looking into each line, once numpy has been loaded. Without `with_runs` there may be some."""
    import numpy as np

    together = b"\n".join(lines)
    codes = np.frombuffer(together, dtype=np.uint8)
    marks = escapes = other_escapes = 0
    for at in range(0, len(codes), _AT_ONCE):
        part = codes[at : at + _AT_ONCE + 1]  # with the first of the next one
        is_mark, is_backslash = part == _MARK, part == _BACKSLASH
        marks += int(np.count_nonzero(is_mark[:_AT_ONCE]))
        if own := int(np.count_nonzero(is_backslash[:-1])):
            escapes += own
            other_escapes += int(np.count_nonzero(is_backslash[:-1] > is_mark[1:]))
    # Looked at in pairs, from the first byte on and from the second.
    pairs = (codes[begin : begin + (len(codes) - begin) // 2 * 2].view(np.uint16) for begin in (0, 1)) if with_runs else ()
    may_have_runs = not with_runs or any(bool((pair == _TWO_BLANKS).any()) for pair in pairs)
    return Signs(marks, escapes, other_escapes, may_have_runs)


def doubtful(
    lines: list[bytes], conversations: list[list[PlainMessage]], texts: list[str], signs: Signs | None = None
) -> Iterator[int]:
    """The places of lines with an empty text, or with more quotation marks than the decoded record accounts for: a key stands
    twice. `texts` are those of all messages, looked at together first, since nearly always none is empty.

    With `signs`, those of all lines that are plain records, so are the marks.
    """
    if not (signs and _marks_agree(signs, [*compress(lines, conversations)], texts)):
        for index, (line, messages) in enumerate(zip(lines, conversations, strict=True)):
            own, least = line.count(b'"'), _MARKS + _MARKS_EACH * len(messages)
            if own != least and own != least + _escaped(line, messages):
                yield index
    if not all(texts) or any(map(str.isspace, texts)):
        for index, messages in enumerate(conversations):
            if not all(message.content.strip() for message in messages):
                yield index


def _marks_agree(signs: Signs, lines: list[bytes], texts: list[str]) -> bool:
    """Whether all lines of plain records together have as many quotation marks as their texts account for. No line can have
    fewer, so that then none has more."""
    escaped = signs.escapes
    if signs.other_escapes:
        escaped = sum([text.count('"') for text in texts if '"' in text]) - sum([line.count(b"\\u0022") for line in lines])
    return signs.marks == _MARKS * len(lines) + _MARKS_EACH * len(texts) + escaped


def _escaped(line: bytes, messages: list[PlainMessage]) -> int:
    """How many quotation marks of the texts stand as such in their line."""
    texts = [message.content for message in messages]
    return sum([text.count('"') for text in texts if '"' in text]) - line.count(b"\\u0022")
