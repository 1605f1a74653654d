"""Reinforcement JSONL (`{"messages": [...], "reference": "42", ...}` per line): a prompt, and what graders need to know of it.

`messages` ends with a user message, `tools` may describe functions, and every further key is a field of the item that a
grader's templates reach as `{{item.key}}`. There is no answer to learn: a job writes its own and has them graded.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from honekit.chat.messages import Message
from honekit.data.chat import conversation_faults
from honekit.data.chat_faults import message_faults
from honekit.data.lines import (
    MIN_TRAINING_EXAMPLES,
    AddFinding,
    DuplicateKey,
    Finding,
    Line,
    decode_json,
    shown,
    syntax_finding,
)
from honekit.data.records import CheckResult, Read, Report, read_all, readable_records, scan

_KIND = "prompt"
_SHAPE = 'write {"messages": [..., {"role": "user", "content": ...}]} and the fields of the item beside it'
_ANSWER = Message("assistant", "-")
"""Stands for the answer that a job will write, so that a prompt is checked as the conversation that it will become."""


@dataclass(frozen=True)
class ReinforcementExample:
    """One checked prompt. `item` holds every key of the line but `messages` and `tools`."""

    messages: list[Message]
    tools: list[dict[str, Any]] | None
    line: int
    item: dict[str, Any] = field(default_factory=dict)


Also = Callable[[ReinforcementExample], Iterable[Finding]]
"""A further check of a good line, such as whether a grader finds its fields there."""


def check_reinforcement_file(path: Path, also: Also | None = None) -> CheckResult:
    """Check every line; never raises for what stands in the file.

    Raises: DataError[data.file_missing | data.file_unreadable].
    """
    return scan(path, _reader(None, also), least=MIN_TRAINING_EXAMPLES, kind=_KIND)


def read_reinforcement_file(path: Path, *, least: int = 1, also: Also | None = None) -> list[ReinforcementExample]:
    """The prompts of a file without errors (warnings pass); `least` of them, which for training is
    `MIN_TRAINING_EXAMPLES` and for a validation file 1.

    Raises: DataError with the code of the first error, listing up to twenty of them.
    """
    return read_all(path, lambda keep: _reader(keep, also), least=least, kind=_KIND)


def readable_prompts(path: Path) -> Iterator[ReinforcementExample]:
    """The prompts without errors of a file that may have others.

    Raises: DataError[data.file_missing | data.file_unreadable].
    """
    yield from readable_records(path, _keeper)


def _keeper(keep: Callable[[ReinforcementExample], None]) -> Read:
    return _reader(keep, None)


def _reader(keep: Callable[[ReinforcementExample], None] | None, also: Also | None) -> Read:
    def read(line: Line, report: Report, totals: Counter[str]) -> bool:
        findings: list[Finding] = []
        example = _example(line, findings)
        if example is not None and not _has_errors(findings):
            findings += also(example) if also else ()
        for finding in findings:
            report(finding)
        if example is None or _has_errors(findings):
            return False
        totals["messages"] += len(example.messages)
        totals["characters"] += sum(len(message.text) for message in example.messages)
        totals["tool_records"] += bool(example.tools)
        if keep:
            keep(example)
        return True

    return read


def _has_errors(findings: list[Finding]) -> bool:
    return any(finding.severity == "error" for finding in findings)


def _example(line: Line, findings: list[Finding]) -> ReinforcementExample | None:
    """The line's prompt, or None where its shape is wrong; what is wrong is added to `findings` either way."""
    assert line.text is not None

    def add(code: str, where: str, message: str, fix: str) -> None:
        findings.append(Finding(code, "error", line.number, where, message, fix))

    try:
        record = decode_json(line.text)
    except DuplicateKey as fault:
        add("data.json_syntax", "", f"not JSON that can be read: {fault}", "keep one of the two")
        return None
    except ValueError:
        findings.append(syntax_finding(line.number, line.text))
        return None
    if not isinstance(record, dict):
        add("data.record", "", f"the line holds {shown(record)}, not an object", _SHAPE)
        return None
    tools = record.get("tools")
    if tools is not None and not (isinstance(tools, list) and all(isinstance(tool, dict) for tool in tools)):
        add("data.tools", "tools", "`tools` is not a list of objects", "write a JSON array of tool definitions")
    messages = _messages(record, add)
    if messages is None or findings:
        return None
    findings += _prompt_faults(messages, line.number)
    item = {name: value for name, value in record.items() if name not in ("messages", "tools")}
    return ReinforcementExample(messages, tools, line.number, item)


def _messages(record: dict[str, Any], add: AddFinding) -> list[Message] | None:
    given = record.get("messages")
    if "messages" not in record:
        keys = ", ".join(shown(key) for key in list(record)[:6]) or "nothing"
        add("data.messages.missing", "messages", "the key `messages` is missing", f"{_SHAPE}; the object has {keys}")
        return None
    if not isinstance(given, list):
        add("data.messages.type", "messages", f"`messages` is {shown(given)}, not a list", "write a JSON array")
        return None
    try:
        return msgspec.convert(given, list[Message])
    except (msgspec.ValidationError, RecursionError) as refusal:
        told: list[bool] = []

        def note(code: str, where: str, message: str, fix: str) -> None:
            told.append(True)
            add(code, where, message, fix)

        for index, message in enumerate(given):
            message_faults(message, f"messages[{index}]", note)
        if not told:
            add("data.record", "messages", f"this is no conversation: {refusal}", _SHAPE)
        return None


def _prompt_faults(messages: list[Message], line: int) -> list[Finding]:
    if not messages:
        fix = "add at least a user message"
        return [Finding("data.messages.empty", "error", line, "messages", "the conversation is empty", fix)]
    last = messages[-1]
    if last.role != "user":
        fix = "end it with the user message that is to be answered"
        if last.role == "assistant":
            fix = "take the answer out of `messages`, into a key of its own such as `reference`, where a grader finds it"
        what = f"the conversation ends with a message of the role {last.role}, and a job answers a user"
        return [Finding("data.reinforcement.not_user", "error", line, f"messages[{len(messages) - 1}].role", what, fix)]
    return conversation_faults([*messages, _ANSWER], line)
