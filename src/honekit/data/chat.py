"""Chat JSONL (`{"messages": [...]}` per line): every fault found, with its line, field and remedy.

A good line costs one typed decode; only a line that the decoder refuses is looked at piece by piece
(`honekit.data.chat_faults`). `hone data check` and the upload of a training file both end here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from honekit.chat.functions import record_with_tools, uses_functions
from honekit.chat.messages import Message, is_encoded_twice
from honekit.data.chat_faults import MESSAGE_KEYS, RECORD_KEYS, shape_faults
from honekit.data.lines import MIN_TRAINING_EXAMPLES, AddFinding, Finding, Line, capped, read_lines, shown
from honekit.data.records import MAX_KEPT, CheckResult, Read, Report, read_all, scan

__all__ = ["MAX_KEPT", "ChatExample", "CheckResult", "check_chat_file", "conversation_faults", "read_chat_file"]

KIND = "conversation"
_LEADING = ("system", "developer")


@dataclass(frozen=True)
class ChatExample:
    """One checked conversation. Weights stand on the assistant messages (0: context, not learnt)."""

    messages: list[Message]
    tools: list[dict[str, Any]] | None
    line: int
    notes: dict[str, Any] = field(default_factory=dict)
    """What the record says beside its messages, such as its group."""


class _StrictMessage(Message, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """As the file should have it; unknown keys are told of and then ignored."""


class _Record(msgspec.Struct, forbid_unknown_fields=True):
    messages: list[_StrictMessage]
    tools: list[dict[str, Any]] | None = None
    parallel_tool_calls: bool | None = None


def check_chat_file(path: Path) -> CheckResult:
    """What each line shows on its own; never raises for what stands in the file.

    Raises: DataError[data.file_missing | data.file_unreadable].
    """
    return scan(path, chat_reader(), least=MIN_TRAINING_EXAMPLES, kind=KIND)


def read_chat_file(path: Path, *, least: int = 1) -> list[ChatExample]:
    """The conversations of a file without errors (warnings pass); `least` of them, which for training is
    `MIN_TRAINING_EXAMPLES` and for a validation file 1.

    Raises: DataError with the code of the first error, listing up to twenty of them.
    """
    return read_all(path, lambda keep: chat_reader(lambda example, report: keep(example)), least=least, kind=KIND)


def line_faults(line: Line) -> list[Finding]:
    """What one line with text shows on its own."""
    findings: list[Finding] = []
    chat_reader()(line, findings.append, Counter())
    return findings


def readable_conversations(path: Path) -> Iterator[ChatExample]:
    """The conversations of a file one by one, also of one with errors: lines of a wrong shape are left out.

    Raises: DataError[data.file_missing | data.file_unreadable].
    """
    return conversations_in(read_lines(path))


def conversations_in(lines: Iterable[Line]) -> Iterator[ChatExample]:
    """The same in lines that were read already."""
    decoder = msgspec.json.Decoder(_Record)
    for line in lines:
        if line.text is not None and not line.is_blank and (found := _decode(decoder, line, _unreported)):
            record, notes = found
            yield ChatExample([*record.messages], record.tools, line.number, notes)


def _unreported(_finding: Finding) -> None:
    return None


def chat_reader(see: Callable[[ChatExample, Report], None] | None = None) -> Read:
    """Reads lines of chat JSONL; each readable conversation is handed to `see`, with a way to report what it finds."""
    decoder = msgspec.json.Decoder(_Record)

    def read(line: Line, report: Report, totals: Counter[str]) -> bool:
        found = _decode(decoder, line, report)
        if found is None:
            return False
        record, notes = found
        messages: list[Message] = [*record.messages]
        for finding in conversation_faults(messages, line.number):
            report(finding)
        _count(record, totals)
        if see:
            see(ChatExample(messages, record.tools, line.number, notes), report)
        return True

    return read


def _decode(decoder: msgspec.json.Decoder[_Record], line: Line, report: Report) -> tuple[_Record, dict[str, Any]] | None:
    """The record, and what stands beside its messages."""
    assert line.text is not None
    text = line.text
    try:
        return decoder.decode(text), {}
    except (msgspec.DecodeError, RecursionError, UnicodeError) as fault:
        refusal = str(fault)
    if written := _with_tools(text):
        text = written
        try:
            return decoder.decode(text), {}
        except (msgspec.DecodeError, RecursionError, UnicodeError) as fault:
            refusal = str(fault)
    findings = shape_faults(text, line.number, refusal)
    for finding in findings:
        report(finding)
    if any(finding.severity == "error" for finding in findings):
        return None
    value = msgspec.json.decode(text)
    known = [{key: one for key, one in message.items() if key in MESSAGE_KEYS} for message in value["messages"]]
    notes = {key: one for key, one in value.items() if key not in RECORD_KEYS}
    return _Record(msgspec.convert(known, list[_StrictMessage]), value.get("tools")), notes


def _with_tools(text: str) -> str | None:
    """A record with functions, as files had it before there were tools, written with tools; None for any other."""
    try:
        record = msgspec.json.decode(text)
        return msgspec.json.encode(record_with_tools(record)).decode() if uses_functions(record) else None
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return None


def _count(record: _Record, totals: Counter[str]) -> None:
    totals["messages"] += len(record.messages)
    totals["trained_messages"] += sum(message.is_trained for message in record.messages)
    totals["characters"] += sum(len(message.text) for message in record.messages)
    totals["tool_records"] += any(message.tool_calls for message in record.messages)


def conversation_faults(messages: Sequence[Message], line: int) -> list[Finding]:
    """Order of roles, empty contents and weights of one conversation whose shape is right."""
    return capped(line, _WARNINGS, lambda add: _conversation_faults(messages, add))


def _conversation_faults(messages: Sequence[Message], add: AddFinding) -> None:
    if not messages:
        add("data.messages.empty", "messages", "the conversation is empty", "add at least a user and an assistant turn")
        return
    _check_contents(messages, add)
    _check_arguments(messages, add)
    _check_order(messages, add)
    # What begins a conversation is asked for by nothing that comes before it, and so it is not learnt.
    answers = [message for message in messages[1:] if message.role == "assistant"]
    if not answers:
        fix = 'add {"role": "assistant", "content": ...} at the end, or delete the line'
        what = "only a greeting" if messages[0].role == "assistant" else "no assistant message"
        add("data.assistant.missing", "messages", f"there is {what}, so there is nothing to learn", fix)
    elif not any(message.is_trained for message in answers):
        message = "every assistant message has weight 0, so there is nothing to learn"
        add("data.weight.all_zero", "messages", message, "take the weight from the message to be learnt")
    elif messages[-1].role != "assistant":
        at = f"messages[{len(messages) - 1}]"
        message = f"the conversation ends with a {messages[-1].role} message"
        add("data.assistant.not_last", at, message, "end it with the assistant's answer")


_WARNINGS = frozenset({"data.roles.repeated", "data.roles.unusual", "data.tool.arguments_twice"})


def _check_contents(messages: Sequence[Message], add: AddFinding) -> None:
    for index, message in enumerate(messages):
        if message.text.strip() or message.tool_calls:
            continue
        if message.role == "assistant":
            fix = "write the answer that is to be learnt, or delete the line"
            add("data.assistant.empty", f"messages[{index}].content", "the assistant's answer is empty", fix)
        elif message.role != "tool":
            what = f"the {message.role} message is empty"
            add("data.content.empty", f"messages[{index}].content", what, "fill it in, or delete the message")


def _check_arguments(messages: Sequence[Message], add: AddFinding) -> None:
    for index, message in enumerate(messages):
        for number, call in enumerate(message.tool_calls or ()):
            if is_encoded_twice(call.function.arguments):
                at = f"messages[{index}].tool_calls[{number}].function.arguments"
                what = f"the arguments of {shown(call.function.name)} are JSON within JSON; learnt is the object that they hold"
                add("data.tool.arguments_twice", at, what, "write the object as text once")


def _check_order(messages: Sequence[Message], add: AddFinding) -> None:
    before: Message | None = None
    is_asked = False
    for index, message in enumerate(messages):
        at = f"messages[{index}].role"
        previous = before.role if before else None
        if message.role in _LEADING and index > 0:
            fix = "move it to the beginning, or put its text into the user message"
            what = f"a {message.role} message comes after others; many chat templates refuse that"
            add("data.roles.unusual", at, what, fix)
        elif message.role == "assistant" and not is_asked:
            what = "an assistant message comes before any user message" + (
                "; it is context, and not learnt" if index == 0 else ""
            )
            add("data.roles.unusual", at, what, "put the user message that it answers before it, if there was one")
        elif message.role == "tool" and not (before and (before.role == "tool" or before.tool_calls)):
            fix = "give the assistant message before it its `tool_calls`"
            add("data.roles.order", at, "a tool message follows no tool call", fix)
        elif message.role == previous and message.role in ("user", "assistant") and not (before and before.tool_calls):
            fix = "join the two; many chat templates refuse them"
            add("data.roles.repeated", at, f"two {message.role} messages follow each other", fix)
        before = message
        is_asked = is_asked or message.role == "user"
