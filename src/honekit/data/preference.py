"""Preference JSONL (`{"input": {"messages": [...]}, "preferred_output": [...], "non_preferred_output": [...]}` per line).

As in `honekit.data.chat` a good line costs one typed decode, and a line that the decoder refuses is looked at piece by piece
(`honekit.data.preference_faults`). The names `preferred_completion` and `non_preferred_completion` are taken as well: OpenAI's
schema and guide differ.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from honekit.chat.messages import Message
from honekit.data.chat import conversation_faults
from honekit.data.lines import MIN_TRAINING_EXAMPLES, AddFinding, Finding, Line
from honekit.data.preference_faults import PREFERRED, REJECTED, answer_key, shape_faults
from honekit.data.records import CheckResult, Read, Report, read_all, readable_records, scan


@dataclass(frozen=True)
class PreferenceExample:
    """One checked pair: a conversation up to the answer, and two answers to it."""

    messages: list[Message]
    tools: list[dict[str, Any]] | None
    preferred: Message
    rejected: Message
    line: int


class _Input(msgspec.Struct, forbid_unknown_fields=True):
    messages: list[Message]
    tools: list[dict[str, Any]] | None = None
    parallel_tool_calls: bool | None = None


class _Record(msgspec.Struct, forbid_unknown_fields=True):
    input: _Input
    preferred_output: list[Message] | None = None
    preferred_completion: list[Message] | None = None
    non_preferred_output: list[Message] | None = None
    non_preferred_completion: list[Message] | None = None


def check_preference_file(path: Path) -> CheckResult:
    """Check every line; never raises for what stands in the file. The statistics are those of a chat file, where
    `trained_messages` counts both answers.

    Raises: DataError[data.file_missing | data.file_unreadable].
    """
    return scan(path, _reader(None), least=MIN_TRAINING_EXAMPLES, kind="pair of answers")


def read_preference_file(path: Path, *, least: int = 1) -> list[PreferenceExample]:
    """The pairs of a file without errors (warnings pass); `least` of them, which for training is
    `MIN_TRAINING_EXAMPLES` and for a validation file 1.

    Raises: DataError with the code of the first error, listing up to twenty of them.
    """
    return read_all(path, _reader, least=least, kind="pair of answers")


def readable_pairs(path: Path) -> Iterator[PreferenceExample]:
    """The pairs without errors of a file that may have others.

    Raises: DataError[data.file_missing | data.file_unreadable].
    """
    yield from readable_records(path, _reader)


def _reader(keep: Callable[[PreferenceExample], None] | None) -> Read:
    decoder = msgspec.json.Decoder(_Record)

    def read(line: Line, report: Report, totals: Counter[str]) -> bool:
        example = _example(decoder, line, report)
        if example is None:
            return False
        _count(example, totals)
        if keep:
            keep(example)
        return True

    return read


def _example(decoder: msgspec.json.Decoder[_Record], line: Line, report: Report) -> PreferenceExample | None:
    """The line's pair, or None when it has faults; those are reported either way."""
    is_good = True

    def told(finding: Finding) -> None:
        nonlocal is_good
        is_good = is_good and finding.severity != "error"
        report(finding)

    record = _decode(decoder, line, told)
    if record is None:
        return None
    answers = []
    for names in (PREFERRED, REJECTED):
        given = [name for name in names if getattr(record, name) is not None]
        if len(given) == 1 and len(getattr(record, given[0])) == 1:
            answers.append((given[0], getattr(record, given[0])[0]))
        else:
            told(answer_key(names, given, line.number))
    if len(answers) < 2:
        return None
    for finding in _pair_faults(record.input.messages, answers, line.number):
        told(finding)
    (_, preferred), (_, rejected) = answers
    return PreferenceExample(record.input.messages, record.input.tools, preferred, rejected, line.number) if is_good else None


def _decode(decoder: msgspec.json.Decoder[_Record], line: Line, report: Report) -> _Record | None:
    assert line.text is not None
    try:
        return decoder.decode(line.text)
    except (msgspec.DecodeError, RecursionError) as fault:
        findings = shape_faults(line.text, line.number, str(fault))
    for finding in findings:
        report(finding)
    if any(finding.severity == "error" for finding in findings):
        return None
    value = msgspec.json.decode(line.text)
    known = {name: value[name] for name in (*PREFERRED, *REJECTED) if value.get(name) is not None}
    asked = {name: value["input"].get(name) for name in ("messages", "tools")}
    return msgspec.convert({"input": asked, **known}, _Record)


def _pair_faults(asked: list[Message], answers: list[tuple[str, Message]], line: int) -> list[Finding]:
    findings: list[Finding] = []

    def add(code: str, field: str, message: str, fix: str) -> None:
        findings.append(Finding(code, "error", line, field, message, fix))

    if not asked:
        add("data.messages.empty", "input.messages", "the conversation is empty", "add at least a user message")
        return findings
    for name, answer in answers:
        _check_answer(name, answer, add)
    if findings:
        return findings
    last = f"messages[{len(asked)}]"
    for index, (name, answer) in enumerate(answers):
        for finding in conversation_faults([*asked, answer], line):
            if finding.field.startswith(last):
                found = replace(finding, field=f"{name}[0]{finding.field.removeprefix(last)}")
            else:
                found = replace(finding, field=f"input.{finding.field}")
            # The second answer stands where the first one stood: only what it says can be wrong in a way of its own.
            if index == 0 or found.field.startswith((f"{name}[0].content", f"{name}[0].tool_calls")):
                findings.append(found)
    (_, preferred), (name, rejected) = answers
    if preferred.text.strip() == rejected.text.strip() and preferred.tool_calls == rejected.tool_calls:
        fix = "give two different answers, or delete the line"
        add("data.preference.same", f"{name}[0]", "the two answers are the same, so neither can be preferred", fix)
    return findings


def _check_answer(name: str, answer: Message, add: AddFinding) -> None:
    if answer.role != "assistant":
        what = f"the answer is a {answer.role} message"
        add("data.preference.role", f"{name}[0].role", what, 'write {"role": "assistant", "content": ...}')
    elif answer.weight == 0:
        what = "the answer has weight 0, so there is nothing to learn"
        add("data.weight.all_zero", f"{name}[0].weight", what, "take the weight from it")


def _count(example: PreferenceExample, totals: Counter[str]) -> None:
    every = [*example.messages, example.preferred, example.rejected]
    totals["messages"] += len(every)
    totals["trained_messages"] += 2
    totals["characters"] += sum(len(message.text) for message in every)
    totals["tool_records"] += any(message.tool_calls for message in every)
