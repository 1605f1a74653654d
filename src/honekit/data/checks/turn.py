"""What the checks of answers look at: the last trained answer of a conversation and what it answers, read once."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

import msgspec

from honekit.chat.messages import Message
from honekit.data.chat import ChatExample
from honekit.data.lines import Finding

NO_JSON = msgspec.UNSET
"""The value of an answer that is no JSON object or list."""
MAX_LABEL_CHARS = 60
CODE = "```"


@dataclass(slots=True)
class Turn:
    """One conversation as its last trained answer sees it."""

    line: int
    messages: list[Message]
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
    task: int
    """One number for all records whose system prompts say the same, case, blanks and punctuation aside."""

    @property
    def is_prose(self) -> bool:
        """Whether the answer is a text to be read: neither JSON nor code nor as short as a label."""
        return self.value is NO_JSON and CODE not in self.answer and " " in self.answer


class TurnCheck(Protocol):
    """A check that needs no more than the turn. What it remembers stays small at any file size."""

    def see(self, turn: Turn) -> Iterable[Finding]: ...

    def finish(self) -> Iterable[Finding]: ...


def read_turn(example: ChatExample) -> Turn | None:
    """None when nothing is trained."""
    messages = example.messages
    texts = [message.text for message in messages]
    places = [at for at, message in enumerate(messages) if message.is_trained]
    if not places:
        return None
    at = places[-1]
    question = next((texts[place] for place in range(at - 1, -1, -1) if messages[place].role == "user"), "")
    return Turn(
        line=example.line,
        messages=messages,
        tools=example.tools,
        at=at,
        field=f"messages[{at}].content",
        answer=texts[at],
        value=json_value(texts[at]),
        question=question,
        trained=[(place, texts[place]) for place in places if texts[place]],
        text=" ".join(text for text, message in zip(texts, messages, strict=True) if message.role != "tool"),
        task=bare_hash(texts[0] if messages[0].role in ("system", "developer") else ""),
    )


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
    return hash(bare(text))


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
    return any(map(text.__contains__, "0123456789"))


_MARKS = re.compile(r"[\W_]+")
_ASCII_MARKS = bytes(code for code in range(128) if not chr(code).isalnum())


def bare(text: str) -> str:
    """Its letters and digits only, case folded: two texts with one bare form say the same."""
    if text.isascii():
        return text.lower().encode().translate(None, _ASCII_MARKS).decode()
    return _MARKS.sub("", text.casefold())


def flat(text: str) -> str:
    """Case folded, blanks made one, full stops and the like at the ends taken off."""
    return " ".join(text.casefold().split()).strip(" .!?:;,\"'")


def is_label(text: str) -> bool:
    """Whether a text may be one of a few labels: short, one line, no sentence."""
    return 0 < len(text) <= MAX_LABEL_CHARS and "\n" not in text and text.count(" ") <= 5


def adviser(code: str, fix: str) -> Callable[[int, str, str], Finding]:
    """Makes advice of one code and remedy from line, field and message."""
    return lambda line, field, message: Finding(code, "advice", line, field, message, fix)


def warner(code: str, fix: str) -> Callable[[int, str, str], Finding]:
    """Makes warnings of one code and remedy from line, field and message."""
    return lambda line, field, message: Finding(code, "warning", line, field, message, fix)
