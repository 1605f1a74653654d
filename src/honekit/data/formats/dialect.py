"""What a dialect is: a way to read a row as a chat record, and a way to write a chat record.

A chat record is one line of OpenAI's format as plain JSON: `messages`, and where there are any `tools` and
`parallel_tool_calls`; in a message no key is null, and a content of text parts is one text.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from honekit.data.lines import AddFinding

ChatRecord = dict[str, Any]
Loss = Literal["tools", "weight", "role", "image", "name", "parallel", "turns"]
"""What a dialect may be unable to express; the code of the finding is `data.convert.` and this word."""
Lose = Callable[[Loss, str], None]
"""Told of everything that is not written: what, and the field that holds it."""


@dataclass(frozen=True)
class Dialect:
    """A format of records, whatever file they stand in."""

    name: str
    title: str
    parse: Callable[[dict[str, Any], AddFinding], ChatRecord | None]
    """What `read` does, but may give a record beside a fault."""
    write: Callable[[ChatRecord, Lose], dict[str, Any] | None]
    """None when nothing of the record can be written, which was reported as a loss."""

    def read(self, row: dict[str, Any], add: AddFinding) -> ChatRecord | None:
        """The record, or None after faults that were reported."""
        is_good = True

        def note(code: str, field: str, message: str, fix: str) -> None:
            nonlocal is_good
            is_good = False
            add(code, field, message, fix)

        record = self.parse(row, note)
        return record if is_good else None


def keep_only(record: ChatRecord, lose: Lose, *kept: Loss) -> ChatRecord | None:
    """The record without what a dialect cannot express, all but `kept`; None when calls of tools would be left without them.

    Weight 1 is what an assistant message has anyway, so leaving it out loses nothing.
    """
    messages: list[dict[str, Any]] = []
    for index, message in enumerate(record["messages"]):
        at = f"messages[{index}]"
        message = dict(message)
        if "tools" not in kept and (message["role"] == "tool" or "tool_calls" in message):
            lose("tools", f"{at}.tool_calls" if "tool_calls" in message else at)
            return None
        if "weight" not in kept and message.pop("weight", 1) == 0:
            lose("weight", f"{at}.weight")
        if "role" not in kept and message["role"] == "developer":
            lose("role", f"{at}.role")
            message["role"] = "system"
        if "name" not in kept and message.pop("name", None) is not None:
            lose("name", f"{at}.name")
        if "image" not in kept and isinstance(message.get("content"), list):
            message["content"] = _texts_only(message["content"], at, lose)
        messages.append(message)
    written: ChatRecord = {"messages": messages}
    if "tools" in kept and "tools" in record:
        written["tools"] = record["tools"]
    elif record.get("tools"):
        lose("tools", "tools")
    if "parallel" in kept and "parallel_tool_calls" in record:
        written["parallel_tool_calls"] = record["parallel_tool_calls"]
    elif "parallel_tool_calls" in record:
        lose("parallel", "parallel_tool_calls")
    return written


def _texts_only(parts: list[dict[str, Any]], at: str, lose: Lose) -> str:
    for number, part in enumerate(parts):
        if part["type"] != "text":
            lose("image", f"{at}.content[{number}]")
    return "".join(part["text"] for part in parts if part["type"] == "text")


def system_and_turns(record: ChatRecord, lose: Lose) -> tuple[str | None, list[dict[str, Any]]] | None:
    """The system text, and the turns, which user and assistant take one after the other; None when they do not."""
    messages = record["messages"]
    system = messages[0]["content"] if messages and messages[0]["role"] == "system" else None
    first = 0 if system is None else 1
    turns = messages[first:]
    for index, message in enumerate(turns):
        if message["role"] != ("user", "assistant")[index % 2] or not isinstance(message.get("content"), str):
            lose("turns", f"messages[{first + index}]")
            return None
    if not turns or len(turns) % 2:
        lose("turns", f"messages[{max(len(messages) - 1, 0)}]")
        return None
    return system, turns


def conversation(system: str | None, turns: list[tuple[str, str]]) -> ChatRecord:
    """A record from pairs of user's and assistant's text."""
    messages = [{"role": "system", "content": system}] if system else []
    for asked, answered in turns:
        messages += [{"role": "user", "content": asked}, {"role": "assistant", "content": answered}]
    return {"messages": messages}


def text_of(row: dict[str, Any], key: str, code: str, add: AddFinding, *, is_needed: bool = True) -> str | None:
    """The text under a key. Reports what keeps it from being one, as `<code>.<key>_missing` or `<code>.<key>_type`."""
    value = row.get(key)
    if isinstance(value, str) and (value.strip() or not is_needed):
        return value
    if value is None or isinstance(value, str):
        if is_needed:
            word = "empty" if isinstance(value, str) else "missing"
            add(f"{code}_missing", key, f"`{key}` is {word}", "fill it in, or delete the record")
        return None
    add(f"{code}_type", key, f"`{key}` is not a text", "write a JSON string")
    return None
