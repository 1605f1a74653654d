"""What the checks of answers look at: the last trained answer of a conversation and what it answers, read once."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import repeat
from operator import attrgetter
from typing import Any

import msgspec

from honekit.chat.messages import Message
from honekit.data.chat import ChatExample
from honekit.data.checks.structure.orders import Order, order_of
from honekit.data.checks.structure.plain import PlainMessage
from honekit.data.exact import line_hash, text_hash
from honekit.data.lines import Finding

NO_JSON = msgspec.UNSET
"""The value of an answer that is no JSON object or list."""
MAX_LABEL_CHARS = 60
CODE = "```"
_JSON_BEGINS = ("{", "[")
_MAY_BEGIN_JSON = frozenset("{[ \t\n\r")
_BACKSLASH, _AND, _LESS, _DELETE = b"\\&<\x7f"  # bytes are searched for a number in a sixth of the time
_MIN_SIGNS = 10
_SIGNS = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]{4}")
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
    said: str | None = None
    """Once `text` was asked for."""
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


def read_turn(example: ChatExample) -> Turn | None:
    """None when nothing is trained."""
    messages = example.messages
    places = [at for at, message in enumerate(messages) if message.is_trained]
    if not places:
        return None
    texts = [message.text for message in messages]
    said = " ".join([text for text, message in zip(texts, messages, strict=True) if message.role != "tool"])
    order = order_of([message.role for message in messages], places)
    is_plain = is_plain_text(said)
    task = bare_hash(texts[0]) if order.is_led else 0
    before = [flat(texts[index], is_plain and messages[index].role != "tool") for index in order.before]
    before += [str(calls) for index in order.before if (calls := messages[index].tool_calls)]
    if example.tools:
        before.append(str(msgspec.json.encode(example.tools)))
    answer = texts[order.at]
    value = json_value(answer)
    return Turn(
        example.line,
        messages,
        texts,
        texts[0] if order.is_led else None,
        example.tools,
        order.at,
        order.field,
        answer,
        value,
        texts[order.asked] if order.asked >= 0 else "",
        _trained(order, texts),
        is_plain,
        False,
        has_digit(answer),
        task,
        line_hash("\0".join(before).encode(), task),
        value is NO_JSON and _is_prose(answer),
        said,
    )


def plain_turns(
    numbers: Sequence[int],
    lines: Sequence[bytes],
    conversations: Sequence[Sequence[PlainMessage]],
    orders: Sequence[Order],
    *,
    may_have_runs: bool = True,
) -> list[Turn]:
    """The turns of plain conversations, given the lines that they were read from and these lines' numbers.

    `may_have_runs`: whether two blanks may stand on end in one of these lines.
    """
    if orders and orders.count(orders[0]) == len(orders):
        return _turns_of_order(orders[0], numbers, lines, conversations, may_have_runs)
    by_order: defaultdict[Order, list[int]] = defaultdict(list)
    for index, order in enumerate(orders):
        by_order[order].append(index)
    turns: list[Turn] = []
    for order, its in by_order.items():
        turns += _turns_of_order(
            order, [numbers[at] for at in its], [lines[at] for at in its], [conversations[at] for at in its], may_have_runs
        )
    return sorted(turns, key=attrgetter("line"))


def _turns_of_order(
    order: Order,
    numbers: Sequence[int],
    lines: Sequence[bytes],
    conversations: Sequence[Sequence[PlainMessage]],
    may_have_runs: bool,
) -> list[Turn]:
    """The same where all have one order of roles. Works by columns, which takes half of the time of a loop over conversations."""
    count = len(numbers)
    texts = [[message.content for message in messages] for messages in conversations]
    columns = [*zip(*texts, strict=True)]
    systems, answers = columns[0] if order.is_led else None, columns[order.at]
    # A control character needs a backslash in JSON: without one most of `is_plain_text` is known.
    escaped = [_BACKSLASH in line for line in lines]
    plain = [
        is_plain_text(" ".join(said)) if is_escaped else line.isascii() and not (_AND in line or _LESS in line or _DELETE in line)
        for said, line, is_escaped in zip(texts, lines, escaped, strict=True)
    ]
    even = [False] * count if may_have_runs else [one and not other for one, other in zip(plain, escaped, strict=True)]
    tasks = [0] * count
    if systems:
        # To compare takes less than to hash.
        is_one = systems.count(systems[0]) == count
        tasks = [bare_hash(systems[0])] * count if is_one else [*map(bare_hash, systems)]
    flats = [
        [
            text.lower().strip(END_MARKS) if is_even else flat(text, is_plain)
            for text, is_plain, is_even in zip(columns[at], plain, even, strict=True)
        ]
        for at in order.before
    ]
    before = flats[0] if len(flats) == 1 else ["\0".join(each) for each in zip(*flats, strict=True)] if flats else [""] * count
    values = [json_value(answer) if answer[:1] in _MAY_BEGIN_JSON else NO_JSON for answer in answers]
    return [
        *map(
            Turn,
            numbers,
            conversations,
            texts,
            systems or repeat(None),
            repeat(None),
            repeat(order.at),
            repeat(order.field),
            answers,
            values,
            columns[order.asked] if order.asked >= 0 else repeat(""),
            [_trained(order, each) for each in texts] if len(order.answers) > 1 else [[(order.at, one)] for one in answers],
            plain,
            even,
            map(has_digit, answers),
            tasks,
            [line_hash(each.encode(), task) for each, task in zip(before, tasks, strict=True)],
            [value is NO_JSON and _is_prose(answer) for value, answer in zip(values, answers, strict=True)],
        )
    ]


def _trained(order: Order, texts: list[str]) -> list[tuple[int, str]]:
    return [(at, texts[at]) for at in order.answers if texts[at]]


def _is_prose(answer: str) -> bool:
    """Whether a text that is no JSON is one to be read."""
    return (" " in answer or _is_text_without_blanks(answer)) and not ("`" in answer and has_code(answer))


def _is_text_without_blanks(text: str) -> bool:
    """Whether it may be a sentence in Chinese or Japanese."""
    return not text.isascii() and len(text) >= _MIN_SIGNS and bool(_SIGNS.search(text))


def json_value(text: str) -> Any:
    """The object or list that a text is, or `NO_JSON`."""
    if text[:1] not in _MAY_BEGIN_JSON or not text.lstrip().startswith(_JSON_BEGINS):
        return NO_JSON
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return NO_JSON


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
