"""Plain lines of a chat file: `messages` with nothing but `role` and `content`. Most files have no other, and these are decoded
and looked at many at a time."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import ClassVar

import msgspec

from honekit.chat.messages import Role

_REFUSALS = (msgspec.MsgspecError, UnicodeError, RecursionError)
_MARKS, _MARKS_EACH = 2, 8
"""Quotation marks around the keys and values of a plain record, and of each of its messages, when no key stands twice."""


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


def doubtful(lines: list[bytes], conversations: list[list[PlainMessage]], texts: list[str]) -> Iterator[int]:
    """The places of lines with an empty text, or with more quotation marks than the decoded record accounts for: a key stands
    twice. `texts` are those of all messages, looked at together first, since nearly always none is empty."""
    marks = [line.count(b'"') for line in lines]
    expected = [_MARKS + _MARKS_EACH * len(messages) for messages in conversations]
    if marks != expected:
        for index, (own, least) in enumerate(zip(marks, expected, strict=True)):
            if own != least and own != least + _escaped(lines[index], conversations[index]):
                yield index
    if not all(texts) or any(map(str.isspace, texts)):
        for index, messages in enumerate(conversations):
            if not all(message.content.strip() for message in messages):
                yield index


def _escaped(line: bytes, messages: list[PlainMessage]) -> int:
    """How many quotation marks of the texts stand as such in their line."""
    texts = [message.content for message in messages]
    return sum([text.count('"') for text in texts if '"' in text]) - line.count(b"\\u0022")
