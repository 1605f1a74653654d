"""Completion JSONL (`{"prompt": "...", "completion": "..."}` per line): texts and how they go on, for supervised jobs.

No conversation is around them: they are learnt as the texts that they are, and asked for through `POST /v1/completions`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from honekit.data.lines import (
    MIN_TRAINING_EXAMPLES,
    AddFinding,
    Finding,
    Line,
    capped,
    nearest,
    read_lines,
    shown,
    syntax_finding,
)
from honekit.data.notes import is_note
from honekit.data.records import CheckResult, Read, Report, read_all, scan

_KIND = "text"
_KEYS = ("prompt", "completion")
_SHAPE = 'write {"prompt": "...", "completion": "..."}'
_WARNINGS = frozenset({"data.key_unknown"})
_LOOKED_AT = 100


@dataclass(frozen=True)
class CompletionExample:
    """One checked text. Only the completion is learnt."""

    prompt: str
    """May be empty, which stands for the beginning of a document."""
    completion: str
    line: int


class _Record(msgspec.Struct, forbid_unknown_fields=True):
    prompt: str
    completion: str


def holds_completions(path: Path) -> bool:
    """Whether the first record that can be read is a completion, not a conversation.

    Raises: DataError[data.file_missing | data.file_unreadable].
    """
    for line in islice((line for line in read_lines(path) if not line.is_blank), _LOOKED_AT):
        try:
            record = msgspec.json.decode(line.text or "")
        except (msgspec.DecodeError, RecursionError, UnicodeError):
            continue
        return isinstance(record, dict) and "messages" not in record and set(_KEYS) <= record.keys()
    return False


def check_completion_file(path: Path) -> CheckResult:
    """Check every line; never raises for what stands in the file. Of the statistics' messages, each record has two.

    Raises: DataError[data.file_missing | data.file_unreadable].
    """
    return scan(path, _reader(None), least=MIN_TRAINING_EXAMPLES, kind=_KIND)


def read_completion_file(path: Path, *, least: int = 1) -> list[CompletionExample]:
    """The texts of a file without errors (warnings pass), `least` of them.

    Raises: DataError with the code of the first error, listing up to twenty of them.
    """
    return read_all(path, _reader, least=least, kind=_KIND)


def _reader(keep: Callable[[CompletionExample], None] | None) -> Read:
    decoder = msgspec.json.Decoder(_Record)

    def read(line: Line, report: Report, totals: Counter[str]) -> bool:
        example = _example(decoder, line, report)
        if example is None:
            return False
        totals["messages"] += 2
        totals["trained_messages"] += 1
        totals["characters"] += len(example.prompt) + len(example.completion)
        if keep:
            keep(example)
        return True

    return read


def _example(decoder: msgspec.json.Decoder[_Record], line: Line, report: Report) -> CompletionExample | None:
    assert line.text is not None
    try:
        record: Any = msgspec.structs.asdict(decoder.decode(line.text))
        findings: list[Finding] = []
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        try:
            record = msgspec.json.decode(line.text)
        except (msgspec.DecodeError, RecursionError, UnicodeError):
            report(syntax_finding(line.number, line.text))
            return None
        findings = capped(line.number, _WARNINGS, lambda add: _shape_faults(record, add))
    if not findings and not record["completion"]:
        fix = "write the text that is to be learnt, or delete the line"
        findings = [Finding("data.assistant.empty", "error", line.number, "completion", "the completion is empty", fix)]
    for finding in findings:
        report(finding)
    if any(finding.severity == "error" for finding in findings):
        return None
    return CompletionExample(record["prompt"], record["completion"], line.number)


def _shape_faults(record: Any, add: AddFinding) -> None:
    if not isinstance(record, dict):
        add("data.record", "", f"the line holds {shown(record)}, not an object", _SHAPE)
        return
    if "messages" in record:
        fix = "keep one form in a file: give conversations a file and a job of their own"
        add("data.record", "messages", "a conversation stands among prompts with completions", fix)
        return
    for key in _KEYS:
        at = f"data.prompt_completion.{key}"
        if record.get(key) is None:
            add(f"{at}_missing", key, f"`{key}` is missing", _SHAPE)
        elif not isinstance(record[key], str):
            fix = "write a JSON string; lists of messages are conversations, which `hone data convert FILE --to chat` writes"
            add(f"{at}_type", key, f"`{key}` is not a text", fix)
    for key in record:
        if key not in _KEYS and not is_note(key):
            add("data.key_unknown", key, f"the key {shown(key)} means nothing here", nearest(key, _KEYS))
