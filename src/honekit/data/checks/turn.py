"""What the checks of answers look at: the last trained answer of a conversation and what it answers, read once."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any, Protocol

import msgspec

from honekit.chat.messages import Message
from honekit.data.chat import ChatExample
from honekit.data.checks.plain import PlainMessage
from honekit.data.exact import text_hash
from honekit.data.lines import Finding

NO_JSON = msgspec.UNSET
"""The value of an answer that is no JSON object or list."""
MAX_LABEL_CHARS = 60
CODE = "```"
_LEADING = ("system", "developer")
_END_MARKS = " .!?:;,\"'"


class Turn(msgspec.Struct, gc=False):
    """One conversation as its last trained answer sees it."""

    line: int
    messages: Sequence[Message | PlainMessage]
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
    text: str
    """Everything that is said, tools aside, in one string: what it does not have need not be looked for."""
    is_plain: bool
    """Whether `text` is printable ASCII without signs of markup."""
    is_even: bool
    """Whether it is plain, and no blank but single spaces is in it."""
    has_digit: bool
    """Whether the answer has one."""
    task: int
    """One number for all records whose system prompts say the same, case, blanks and punctuation aside."""
    input: int
    """Of the task, the tools and everything before the answer, case, blanks and end marks aside."""

    @property
    def is_prose(self) -> bool:
        """Whether the answer is a text to be read: neither JSON nor code nor as short as a label."""
        return self.value is NO_JSON and CODE not in self.answer and " " in self.answer


class TurnCheck(Protocol):
    """A check that needs no more than the turn. What it remembers stays small at any file size, and is made of what msgspec can
    send: parts of a file are seen in several processes, and joined in order."""

    def see(self, turn: Turn) -> Iterable[Finding]: ...

    def join(self, later: Any, lines_before: int) -> None:
        """Add what the same check saw in a later part of the file, whose lines count from one after `lines_before`."""

    def finish(self) -> Iterable[Finding]: ...


def read_turn(example: ChatExample) -> Turn | None:
    """None when nothing is trained."""
    messages = example.messages
    places = [at for at, message in enumerate(messages) if message.is_trained]
    if not places:
        return None
    texts = [message.text for message in messages]
    said = [text for text, message in zip(texts, messages, strict=True) if message.role != "tool"]
    return turn_of(example.line, messages, texts, places, " ".join(said), example.tools)


def turn_of(
    line: int,
    messages: Sequence[Message | PlainMessage],
    texts: list[str],
    places: Sequence[int],
    text: str,
    tools: list[dict[str, Any]] | None = None,
) -> Turn:
    """The same for a conversation in its parts: the text of each message, and the `places` of those that are trained."""
    at = places[-1]
    answer = texts[at]
    asked = at - 1
    while asked >= 0 and messages[asked].role != "user":
        asked -= 1
    is_plain = is_plain_text(text)
    is_even = is_plain and not ("\n" in text or "\t" in text or "  " in text)
    task = bare_hash(texts[0]) if messages[0].role in _LEADING else 0
    return Turn(
        line=line,
        messages=messages,
        tools=tools,
        at=at,
        field=f"messages[{at}].content",
        answer=answer,
        value=json_value(answer),
        question=texts[asked] if asked >= 0 else "",
        trained=[(place, texts[place]) for place in places if texts[place]],
        text=text,
        is_plain=is_plain,
        is_even=is_even,
        has_digit=has_digit(answer),
        task=task,
        input=_input_hash(messages[:at], texts, tools, task, is_even),
    )


def _input_hash(
    before: Sequence[Message | PlainMessage], texts: list[str], tools: list[dict[str, Any]] | None, task: int, is_even: bool
) -> int:
    parts = [str(task), str(msgspec.json.encode(tools)) if tools else ""]
    for message, text in zip(before, texts, strict=False):
        if message.role not in _LEADING:
            parts.append(flat(text, is_even and message.role != "tool"))
        if message.tool_calls:
            parts.append(str(message.tool_calls))
    return text_hash("\0".join(parts))


def json_value(text: str) -> Any:
    """The object or list that a text is, or `NO_JSON`."""
    if text[:1] not in "{[" and text.lstrip()[:1] not in ("{", "["):
        return NO_JSON
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return NO_JSON


@lru_cache(maxsize=256)
def bare_hash(text: str) -> int:
    return text_hash(bare(text))


def said_before(turn: Turn, at: int | None = None) -> str:
    """All that comes before the answer, or before message `at`: messages, arguments of calls, their results, and the tools."""
    before = turn.messages[: turn.at if at is None else at]
    parts = [message.text for message in before]
    parts += [call.function.arguments for message in before for call in message.tool_calls or ()]
    if turn.tools:
        parts.append(str(turn.tools))
    return "\n".join(parts)


def has_digit(text: str) -> bool:
    """Whether there is an ASCII digit; faster than a regular expression."""
    return bool(text.encode("utf-8", "surrogatepass").translate(None, _NO_DIGITS))


def is_plain_text(text: str) -> bool:
    """Whether a text is printable ASCII without signs of markup. One pass, since most texts are."""
    return text.isascii() and not text.encode().translate(None, _PLAIN)


_NO_DIGITS = bytes({*range(256)} - {*b"0123456789"})
_PLAIN = bytes({*range(0x20, 0x7F), *b"\n\t"} - {*b"&<"})
_MARKS = re.compile(r"[\W_]+")
_ASCII_MARKS = bytes(code for code in range(128) if not chr(code).isalnum())


def bare(text: str) -> str:
    """Its letters and digits only, case folded: two texts with one bare form say the same."""
    if text.isascii():
        return text.lower().encode().translate(None, _ASCII_MARKS).decode()
    return _MARKS.sub("", text.casefold())


def flat(text: str, is_even: bool = False) -> str:
    """Case folded, blanks made one, full stops and the like at the ends taken off. `is_even`: it is known to be ASCII without
    any blank but single spaces."""
    if is_even:
        return text.lower().strip(_END_MARKS)
    return " ".join(text.casefold().split()).strip(_END_MARKS)


def is_label(text: str) -> bool:
    """Whether a text may be one of a few labels: short, one line, no sentence."""
    return 0 < len(text) <= MAX_LABEL_CHARS and "\n" not in text and text.count(" ") <= 5


def adviser(code: str, fix: str) -> Callable[[int, str, str], Finding]:
    """Makes advice of one code and remedy from line, field and message."""
    return lambda line, field, message: Finding(code, "advice", line, field, message, fix)


def warner(code: str, fix: str) -> Callable[[int, str, str], Finding]:
    """Makes warnings of one code and remedy from line, field and message."""
    return lambda line, field, message: Finding(code, "warning", line, field, message, fix)
