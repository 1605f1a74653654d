"""The conversations of a file of any kind that is trained on, in the form in which the checks look at them."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path

from honekit.chat.messages import Message
from honekit.data.chat import ChatExample, readable_conversations
from honekit.data.preference import readable_pairs
from honekit.data.preference_faults import PREFERRED
from honekit.data.reinforcement import readable_prompts

Kind = str
"""`chat`, `preference` or `reinforcement`."""


def conversations_of(path: Path, kind: Kind | None = None) -> Iterator[ChatExample]:
    """One conversation for each record that can be read; `kind` is looked up in the file when it is not given.

    A pair becomes its conversation with the preferred answer. A prompt for reinforcement becomes one whose answer is the
    JSON of its further fields, so that missing keys, odd types and contradictions show in it as in any other answer.

    Raises: DataError[data.file_missing | data.file_unreadable].
    """
    kind = kind or kind_of(path)
    if kind == "preference":
        for pair in readable_pairs(path):
            yield ChatExample([*pair.messages, pair.preferred], pair.tools, pair.line)
    elif kind == "reinforcement":
        for prompt in readable_prompts(path):
            answer = Message("assistant", json.dumps(prompt.item, ensure_ascii=False))
            yield ChatExample([*prompt.messages, answer], prompt.tools, prompt.line, prompt.item)
    else:
        yield from readable_conversations(path)


def rejected_answers(path: Path) -> Iterator[ChatExample]:
    """The second answers of pairs, each alone behind its conversation's place: `messages[n]` is its field."""
    for pair in readable_pairs(path):
        yield ChatExample([*(Message("user", "") for _ in pair.messages), pair.rejected], None, pair.line)


def kind_of(path: Path) -> Kind:
    """What most of the first conversations and pairs are."""
    chats = list(itertools.islice(readable_conversations(path), 5))
    if chats:
        ends = [example.messages[-1].role for example in chats if example.messages]
        return "reinforcement" if ends and all(role == "user" for role in ends) else "chat"
    return "preference" if next(readable_pairs(path), None) else "chat"


def field_in(kind: Kind, field: str, messages: int) -> str:
    """The field of a finding about such a conversation of `messages` messages, as the record has it."""
    if not field.startswith("messages"):
        return field
    last = f"messages[{messages - 1}]"
    if kind == "preference":
        return f"{PREFERRED[0]}[0]{field.removeprefix(last)}" if field.startswith(last) else f"input.{field}"
    if kind == "reinforcement" and field.startswith(last):
        return field.removeprefix(f"{last}.content").removeprefix(".")
    return field
