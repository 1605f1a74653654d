"""Turns read from conversations: from one at a time, or from the plain ones of a block by columns."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from itertools import repeat
from operator import attrgetter

import msgspec

from honekit.data.chat import ChatExample
from honekit.data.checks.structure.orders import Order, order_of
from honekit.data.checks.structure.plain import UNKNOWN, PlainMessage, Signs
from honekit.data.checks.turn import (
    END_MARKS,
    MAY_BEGIN_JSON,
    NO_JSON,
    Turn,
    bare_hash,
    flat,
    has_code,
    has_digit,
    is_plain_text,
    json_value,
)
from honekit.data.exact import line_hash

_BACKSLASH, _AND, _LESS, _DELETE = b"\\&<\x7f"  # bytes are searched for a number in a sixth of the time
_MIN_SIGNS = 10
_SIGNS = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]{4}")


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
        said=said,
    )


def plain_turns(
    numbers: Sequence[int],
    lines: Sequence[bytes],
    conversations: Sequence[Sequence[PlainMessage]],
    orders: Sequence[Order],
    signs: Signs = UNKNOWN,
) -> list[Turn]:
    """The turns of plain conversations, given the lines that they were read from, these lines' numbers and `signs`."""
    if orders and orders.count(orders[0]) == len(orders):
        return _turns_of_order(orders[0], numbers, lines, conversations, signs)
    by_order: defaultdict[Order, list[int]] = defaultdict(list)
    for index, order in enumerate(orders):
        by_order[order].append(index)
    turns: list[Turn] = []
    for order, its in by_order.items():
        turns += _turns_of_order(
            order, [numbers[at] for at in its], [lines[at] for at in its], [conversations[at] for at in its], signs
        )
    return sorted(turns, key=attrgetter("line"))


def _turns_of_order(
    order: Order,
    numbers: Sequence[int],
    lines: Sequence[bytes],
    conversations: Sequence[Sequence[PlainMessage]],
    signs: Signs,
) -> list[Turn]:
    """The same where all have one order of roles. Works by columns, which takes half of the time of a loop over conversations."""
    count = len(numbers)
    texts = [[message.content for message in messages] for messages in conversations]
    columns = [*zip(*texts, strict=True)]
    systems, answers = columns[0] if order.is_led else None, columns[order.at]
    # A control character needs a backslash in JSON: without one that escapes more than a quotation mark `is_plain_text` is known.
    escaped = [_BACKSLASH in line for line in lines] if signs.other_escapes else [False] * count
    plain = [
        is_plain_text(" ".join(said)) if is_escaped else line.isascii() and not (_AND in line or _LESS in line or _DELETE in line)
        for said, line, is_escaped in zip(texts, lines, escaped, strict=True)
    ]
    even = [False] * count if signs.may_have_runs else [one and not other for one, other in zip(plain, escaped, strict=True)]
    tasks = [0] * count
    if systems:
        # To compare takes less than to hash.
        if systems.count(systems[0]) == count:
            systems = systems[:1] * count
            tasks = [bare_hash(systems[0])] * count
        else:
            tasks = [*map(bare_hash, systems)]
    flats = [
        [
            text.lower().strip(END_MARKS) if is_even else flat(text, is_plain)
            for text, is_plain, is_even in zip(columns[at], plain, even, strict=True)
        ]
        for at in order.before
    ]
    before = flats[0] if len(flats) == 1 else ["\0".join(each) for each in zip(*flats, strict=True)] if flats else [""] * count
    values = [json_value(answer) if answer[:1] in MAY_BEGIN_JSON else NO_JSON for answer in answers]
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
            [
                answer.lower() if is_even and value is NO_JSON else ""
                for answer, value, is_even in zip(answers, values, even, strict=True)
            ],
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
