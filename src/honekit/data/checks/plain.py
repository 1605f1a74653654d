"""Plain lines of a chat file: `messages` with nothing but `role` and `content`. Most files have no other, and these are decoded
and looked at many at a time."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import ClassVar

import msgspec

_REFUSALS = (msgspec.MsgspecError, UnicodeError, RecursionError)


class PlainMessage(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """One turn; for the checks it is what `honekit.chat.messages.Message` is."""

    role: str
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


def doubtful(lines: list[bytes], conversations: list[list[PlainMessage]]) -> Iterator[int]:
    """The places of lines with an empty text, or with quotation marks that the decoded record does not account for: a key
    stands twice. All lines are summed up first, since nearly always there is none; a line that was refused could hide another one
    in the sum."""
    texts = [message.content for messages in conversations for message in messages]
    is_good = all(conversations) and all(texts) and not any(map(str.isspace, texts))
    if is_good and _marks(lines, texts) == 2 * len(lines) + 8 * len(texts):
        return
    for index, (line, messages) in enumerate(zip(lines, conversations, strict=True)):
        own = [message.content for message in messages]
        if not all(own) or any(map(str.isspace, own)) or _marks([line], own) != 2 + 8 * len(own):
            yield index


def _marks(lines: list[bytes], texts: list[str]) -> int:
    """How many quotation marks stand in the lines that the texts do not have."""
    inside = sum([text.count('"') for text in texts if '"' in text])
    escaped = sum([line.count(b"\\u0022") for line in lines]) if inside else 0
    return sum([line.count(b'"') for line in lines]) + escaped - inside
