"""What the checks of answers look at: the last trained answer of a conversation and what it answers, read once."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import msgspec

from honekit.chat.messages import Message
from honekit.data.checks.structure.plain import PlainMessage
from honekit.data.exact import text_hash
from honekit.data.lines import Finding

NO_JSON = msgspec.UNSET
"""The value of an answer that is no JSON object or list."""
MAX_LABEL_CHARS = 60
CODE = "```"
_JSON_BEGINS = ("{", "[")
MAY_BEGIN_JSON = frozenset("{[ \t\n\r")
END_MARKS = " .!?:;,\"'"


class Turn(msgspec.Struct, gc=False):
    """One conversation as its last trained answer sees it."""

    line: int
    messages: Sequence[Message | PlainMessage]
    texts: list[str]
    """What each message says."""
    system: str | None
    """The system prompt, if there is one."""
    tools: list[dict[str, Any]] | None
    at: int
    """Where the answer stands in `messages`."""
    field: str
    """The answer's place as findings name it."""
    answer: str
    value: Any
    """The decoded answer when it is a JSON object or list, else `NO_JSON`."""
    question: str
    """The user message before the answer."""
    trained: list[tuple[int, str]]
    """Every trained answer that is a text, with its place."""
    is_plain: bool
    """Whether `text` is printable ASCII without signs of markup."""
    is_even: bool
    """Whether it is known to be plain, and to have neither two blanks on end nor line ends."""
    has_digit: bool
    """Whether the answer has one."""
    task: int
    """One number for all records whose system prompts say the same, case, blanks and punctuation aside."""
    input: int
    """Of the task, the tools and everything before the answer, case, blanks and end marks aside."""
    is_prose: bool
    """Whether the answer is a text to be read: neither JSON nor code nor as short as a label."""
    lower: str = ""
    """The answer in lower case, where all `is_even` and the answer is no JSON."""
    said: str | None = None
    """Once `text` was asked for."""
    encoded: bytes = b""
    """Once `encoded_of` was asked for it."""
    before: str | None = None
    """Once `said_before` was asked for it."""
    short_texts: dict[str, list[str]] | None = None
    """By path, once `honekit.data.checks.short_texts.of_turn` was asked for them."""
    labels: list[tuple[str, list[str]]] | None = None
    """Once `honekit.data.checks.short_texts.labels_of` was asked for them."""
    leaves: list[tuple[str, int, str | bool | list[str] | tuple[str, ...]]] | None = None
    """What both of these are read from."""

    @property
    def text(self) -> str:
        """Everything that is said, tools aside, in one string: what it does not have need not be looked for."""
        if self.said is None:
            self.said = " ".join(self.texts)
        return self.said


def json_value(text: str) -> Any:
    """The object or list that a text is, or `NO_JSON`."""
    if text[:1] not in MAY_BEGIN_JSON or not text.lstrip().startswith(_JSON_BEGINS):
        return NO_JSON
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return NO_JSON


_encode = msgspec.json.Encoder(order="sorted").encode


def encoded_of(turn: Turn) -> bytes:
    """An answer that is JSON, written anew without blanks and with its keys in order; once for all checks."""
    if not turn.encoded:
        turn.encoded = _encode(turn.value)
    return turn.encoded


@lru_cache(maxsize=256)
def bare_hash(text: str) -> int:
    return text_hash(bare(text))


def said_before(turn: Turn) -> str:
    """All that comes before the answer: messages, arguments of calls, their results, and the tools. Put together once."""
    if turn.before is None:
        turn.before = said_before_message(turn, turn.at)
    return turn.before


def said_before_message(turn: Turn, at: int) -> str:
    """The same for message `at`."""
    if not turn.tools and type(turn.messages[0]) is PlainMessage:
        return "\n".join(turn.texts[:at])
    parts = turn.texts[:at]
    parts += [call.function.arguments for message in turn.messages[:at] for call in message.tool_calls or ()]
    if turn.tools:
        parts.append(str(turn.tools))
    return "\n".join(parts)


def has_digit(text: str) -> bool:
    """Whether there is an ASCII digit; ten searches for one character take less time than a regular expression."""
    return (
        "1" in text or "0" in text or "2" in text or "3" in text or "5" in text
        or "4" in text or "6" in text or "7" in text or "8" in text or "9" in text
    )  # fmt: skip


def digit_span(text: str) -> tuple[int, int]:
    """From the first digit of a text to behind its last: a search for what has digits need not look elsewhere."""
    if not text.isascii():
        return 0, len(text)
    digits = text.encode().translate(_ONE_DIGIT)
    return digits.find(b"0"), digits.rfind(b"0") + 1


def has_code(text: str) -> bool:
    """Whether there is a block of code. One mark is looked for ten times as fast as three."""
    return "`" in text and CODE in text


def is_plain_text(text: str) -> bool:
    """Whether a text is printable ASCII without signs of markup."""
    return text.isascii() and not text.encode().translate(None, _PLAIN)


_ONE_DIGIT = bytes(0x30 if chr(code).isdecimal() and code < 128 else 0x20 for code in range(256))
"""Every digit is made a nought, for which the library of C has a fast search."""
_PLAIN = bytes({*range(0x20, 0x7F), *b"\n\t"} - {*b"&<"})
_MARKS = re.compile(r"[\W_]+")
_ASCII_MARKS = bytes(code for code in range(128) if not chr(code).isalnum())


def bare(text: str) -> str:
    """Its letters and digits only, case folded: two texts with one bare form say the same."""
    if text.isascii():
        return text.lower().encode().translate(None, _ASCII_MARKS).decode()
    return _MARKS.sub("", text.casefold())


def flat(text: str, is_plain: bool = False) -> str:
    """Case folded, blanks made one, full stops and the like at the ends taken off. `is_plain`: it is known to be printable
    ASCII, line ends and tabs aside."""
    # Searching from the end takes two thirds of the time.
    if is_plain and not ("\n" in text or "\t" in text) and text.rfind("  ") < 0:
        return text.lower().strip(END_MARKS)
    return " ".join(text.casefold().split()).strip(END_MARKS)


def is_label(text: str) -> bool:
    """Whether a text may be one of a few labels: short, one line, no sentence."""
    return 0 < len(text) <= MAX_LABEL_CHARS and "\n" not in text and text.count(" ") <= 5


def adviser(code: str, fix: str) -> Callable[[int, str, str], Finding]:
    """Makes advice of one code and remedy from line, field and message."""
    return lambda line, field, message: Finding(code, "advice", line, field, message, fix)


def warner(code: str, fix: str) -> Callable[[int, str, str], Finding]:
    """Makes warnings of one code and remedy from line, field and message."""
    return lambda line, field, message: Finding(code, "warning", line, field, message, fix)
