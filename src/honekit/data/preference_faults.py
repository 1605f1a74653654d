"""Why a line is not a preference record: looks at the plain JSON, piece by piece, and names each fault.

Only called for lines that the typed decoder refused, so it may be slow and thorough.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from honekit.data.chat_faults import message_faults
from honekit.data.lines import AddFinding, Finding, nearest, shown, syntax_finding

PREFERRED = ("preferred_output", "preferred_completion")
REJECTED = ("non_preferred_output", "non_preferred_completion")
_RECORD_KEYS = ("input", *PREFERRED, *REJECTED)
_INPUT_KEYS = ("messages", "tools", "parallel_tool_calls")
_SHAPE = '{"input": {"messages": [...]}, "preferred_output": [...], "non_preferred_output": [...]}'
_OTHER_FORMATS = {
    "messages": "this is a chat record, which is for supervised training; for DPO put all but the answer into `input`",
    "chosen": "this is a chosen/rejected record: `hone data convert FILE --to preference --out NEW` writes what jobs take",
    "prompt": f"this is a prompt/completion record: write {_SHAPE}",
}


def shape_faults(text: str, line: int, refusal: str) -> list[Finding]:
    """All faults of a refused line; `refusal` is the decoder's reason, for what is not looked at here."""
    try:
        record = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return [syntax_finding(line, text)]
    findings: list[Finding] = []

    def add(code: str, field: str, message: str, fix: str) -> None:
        findings.append(Finding(code, "warning" if code == "data.key_unknown" else "error", line, field, message, fix))

    if not isinstance(record, dict):
        add("data.record", "", f"the line holds {shown(record)}, not an object", f"write {_SHAPE}")
        return findings
    if "input" not in record:
        fix = next((hint for key, hint in _OTHER_FORMATS.items() if key in record), f"write {_SHAPE}")
        add("data.preference.input", "input", "the key `input` is missing", fix)
        return findings
    for key in record:
        if key not in _RECORD_KEYS:
            add("data.key_unknown", key, f"the key {shown(key)} means nothing here", nearest(key, _RECORD_KEYS))
    _input_faults(record["input"], add)
    for names in (PREFERRED, REJECTED):
        given = [name for name in names if record.get(name) is not None]
        for name in given:
            _answer_faults(record[name], name, add)
        if not given:
            findings.append(answer_key(names, given, line))
    if not findings:
        add("data.record", "", f"this is no preference record: {refusal}", f"write {_SHAPE}")
    return findings


def answer_key(names: Sequence[str], given: Sequence[str], line: int) -> Finding:
    """The finding for an answer that is missing, given under both of its names, or not exactly one message."""
    if not given:
        return Finding(
            "data.preference.missing", "error", line, names[0], f"the key `{names[0]}` is missing",
            'add the answer, as a list of one {"role": "assistant", "content": ...}',
        )  # fmt: skip
    if len(given) > 1:
        return Finding(
            "data.preference.twice", "error", line, given[1], f"both `{given[0]}` and `{given[1]}` are given", "keep one of them"
        )
    return Finding(
        "data.preference.count", "error", line, given[0], f"`{given[0]}` does not hold exactly one message",
        "give one assistant message; what comes before it belongs into `input.messages`",
    )  # fmt: skip


def _input_faults(value: Any, add: AddFinding) -> None:
    if not isinstance(value, dict):
        add("data.preference.input", "input", f"`input` is {shown(value)}, not an object", 'write {"messages": [...]}')
        return
    for key in value:
        if key not in _INPUT_KEYS:
            add("data.key_unknown", f"input.{key}", f"the key {shown(key)} means nothing here", nearest(key, _INPUT_KEYS))
    messages, tools = value.get("messages"), value.get("tools")
    if "messages" not in value:
        fix = 'write {"messages": [{"role": "user", "content": ...}, ...]}'
        add("data.messages.missing", "input.messages", "the key `messages` is missing", fix)
    elif not isinstance(messages, list):
        add("data.messages.type", "input.messages", f"`messages` is {shown(messages)}, not a list", "write a JSON array")
    else:
        for index, message in enumerate(messages):
            message_faults(message, f"input.messages[{index}]", add)
    if tools is not None and not (isinstance(tools, list) and all(isinstance(tool, dict) for tool in tools)):
        add("data.tools", "input.tools", "`tools` is not a list of objects", "write a JSON array of tool definitions")


def _answer_faults(value: Any, name: str, add: AddFinding) -> None:
    if not isinstance(value, list):
        fix = 'write [{"role": "assistant", "content": ...}]'
        add("data.preference.type", name, f"`{name}` is {shown(value)}, not a list", fix)
        return
    for index, message in enumerate(value):
        message_faults(message, f"{name}[{index}]", add)
