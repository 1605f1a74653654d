"""Records of a JSONL file as they stand, with what asks and what answers in each: for suspects, splits, diffs, statistics.

Conversations, pairs of answers and prompts without an answer alike. Unlike `honekit.data.chat` nothing is judged here beyond
what is needed to tell the question from the answer, and the line's own text is kept, so that it can be written again unchanged.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec

from honekit.data.lines import Finding, Line, raise_findings, read_lines, syntax_finding

MISSING = object()
"""What `Row.value` gives for a key that a record lacks; null is a value."""
_LEADING = ("system", "developer")
_PREFERRED = ("preferred_output", "preferred_completion")


@dataclass(frozen=True)
class Row:
    """One record of a file."""

    line: int
    text: str
    """The line itself, without its end."""
    record: dict[str, Any] = field(repr=False)
    messages: list[dict[str, Any]] = field(repr=False)
    """All turns, with the preferred answer of a pair at the end; each has a `role`."""
    question: str
    """All texts before the answer but the system prompt."""
    answer: str | None
    """The text of the last answer that is learnt; None without one."""

    @cached_property
    def answer_object(self) -> dict[str, Any] | None:
        """The answer where it is a JSON object."""
        text = (self.answer or "").strip()
        if not (text.startswith("{") and text.endswith("}")):
            return None
        try:
            value = msgspec.json.decode(text)
        except (msgspec.DecodeError, RecursionError):
            return None
        return value if isinstance(value, dict) else None

    def value(self, key: str) -> Any:
        """The value under a dotted key (`metadata.device`) of the record, else of its JSON answer; `MISSING` without one."""
        found = _at(self.record, key)
        return _at(self.answer_object, key) if found is MISSING else found


def is_learnt(message: dict[str, Any]) -> bool:
    """Whether training learns this message: the assistant's, unless its weight is 0."""
    return message["role"] == "assistant" and message.get("weight") != 0


def said(message: dict[str, Any]) -> str:
    """What a message says: its content, given as a text or in parts, or its refusal."""
    content = message.get("content") or message.get("refusal")
    if isinstance(content, list):
        parts = [part.get("refusal" if part.get("type") == "refusal" else "text") for part in content if isinstance(part, dict)]
        return "".join(part for part in parts if isinstance(part, str))
    return content if isinstance(content, str) else ""


def content_text(message: dict[str, Any]) -> str:
    """What a message says; of one that says nothing the calls of tools, as JSON."""
    calls = message.get("tool_calls")
    return said(message) or (json.dumps(calls, ensure_ascii=False) if calls else "")


def each_row(path: Path, faults: list[Finding]) -> Iterator[Row]:
    """The records one by one; lines that hold none are named in `faults`.

    Raises: DataError[data.file_missing | data.file_unreadable].
    """
    for line in read_lines(path):
        if line.is_blank:
            continue
        if line.text is None:
            if line.fault:
                faults.append(line.fault)
            continue
        row = _row(line, faults)
        if row:
            yield row


def read_rows(path: Path) -> list[Row]:
    """All records of a file.

    Raises: DataError with the code of the first line that holds none, listing up to twenty of them, or data.empty.
    """
    faults: list[Finding] = []
    rows = list(each_row(path, faults))
    if not rows and not faults:
        faults.append(Finding("data.empty", "error", 0, "", "the file has no records", "name a file with data in it"))
    raise_findings(path, faults)
    return rows


def _row(line: Line, faults: list[Finding]) -> Row | None:
    assert line.text is not None
    try:
        record = msgspec.json.decode(line.text)
    except (msgspec.DecodeError, RecursionError):
        faults.append(syntax_finding(line.number, line.text))
        return None
    messages = _turns(record)
    if messages is None:
        message = "the line holds no list of messages with their roles"
        fix = 'write {"messages": [{"role": ..., "content": ...}, ...]}; `hone data check` says more'
        faults.append(Finding("data.messages.missing", "error", line.number, "messages", message, fix))
        return None
    answers = (i for i in reversed(range(len(messages))) if is_learnt(messages[i]))
    learnt = next(answers, None)
    question = "\n".join(content_text(turn) for turn in messages[:learnt] if turn["role"] not in _LEADING)
    answer = None if learnt is None else content_text(messages[learnt])
    return Row(line.number, line.text, record, messages, question, answer)


def _turns(record: Any) -> list[dict[str, Any]] | None:
    if not isinstance(record, dict):
        return None
    turns = record.get("messages")
    if "messages" not in record and isinstance(record.get("input"), dict):
        preferred = next((record[key] for key in _PREFERRED if key in record), None)
        turns = record["input"].get("messages")
        if isinstance(turns, list) and isinstance(preferred, list):
            turns = turns + preferred
    texts = [record.get("prompt"), record.get("completion")]
    if "messages" not in record and all(isinstance(text, str) for text in texts):
        turns = [{"role": role, "content": text} for role, text in zip(("user", "assistant"), texts, strict=True)]
    is_readable = isinstance(turns, list) and all(isinstance(turn, dict) and "role" in turn for turn in turns)
    return turns if is_readable else None


def _at(value: Any, key: str) -> Any:
    for part in key.split("."):
        if not isinstance(value, dict) or part not in value:
            return MISSING
        value = value[part]
    return value
