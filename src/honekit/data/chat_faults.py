"""Why a line is not a chat record: looks at the plain JSON, piece by piece, and names each fault.

Only called for lines that the typed decoder refused, so it may be slow and thorough.
"""

from __future__ import annotations

from typing import Any, get_args

import msgspec

from honekit.chat.messages import Message, Role
from honekit.data.lines import AddFinding, Finding, nearest, shown, syntax_finding

ROLES: tuple[str, ...] = get_args(Role)
_RECORD_KEYS = ("messages", "tools", "parallel_tool_calls")
_OTHER_FORMATS = {
    "prompt": "this is a prompt/completion record: make the prompt a user message and the completion the assistant's",
    "instruction": "this is an instruction record: make `instruction` (and `input`) the user message, `output` the assistant's",
    "conversations": "this is a `conversations` record: rename it to `messages`, `from` to `role` (human: user, gpt: "
    "assistant) and `value` to `content`",
    "preferred_output": "this is a preference record, which is for DPO",
    "preferred_completion": "this is a preference record, which is for DPO",
    "answer": "this looks like a raw example of a project: `hone data prepare` checks those",
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
        add("data.record", "", f"the line holds {shown(record)}, not an object", 'write {"messages": [...]}')
        return findings
    for key in record:
        if key not in _RECORD_KEYS and "messages" in record:
            add("data.key_unknown", key, f"the key {shown(key)} means nothing here", nearest(key, _RECORD_KEYS))
    messages = record.get("messages")
    if "messages" not in record:
        fix = next((hint for key, hint in _OTHER_FORMATS.items() if key in record), nearest_key(record))
        add("data.messages.missing", "messages", "the key `messages` is missing", fix)
    elif not isinstance(messages, list):
        add("data.messages.type", "messages", f"`messages` is {shown(messages)}, not a list", "write a JSON array")
    else:
        for index, message in enumerate(messages):
            message_faults(message, f"messages[{index}]", add)
    tools = record.get("tools")
    if tools is not None and not (isinstance(tools, list) and all(isinstance(tool, dict) for tool in tools)):
        add("data.tools", "tools", "`tools` is not a list of objects", "write a JSON array of tool definitions")
    if not findings:
        add("data.record", "", f"this is no chat record: {refusal}", 'write {"messages": [...]}')
    return findings


def nearest_key(record: dict[str, Any]) -> str:
    """Advice for a record without `messages`."""
    keys = ", ".join(shown(key) for key in list(record)[:6]) or "nothing"
    return f'write {{"messages": [{{"role": "user", "content": ...}}, ...]}}; the object has {keys}'


def message_faults(message: Any, at: str, add: AddFinding) -> None:
    """All faults of one message in plain JSON; `at` is its place in the record."""
    if not isinstance(message, dict):
        fix = 'write {"role": ..., "content": ...}'
        add("data.message.type", at, f"the message is {shown(message)}, not an object", fix)
        return
    role = message.get("role")
    if role is None:
        add("data.roles.missing", f"{at}.role", "the message has no role", f"add one of {', '.join(ROLES)}")
    elif role not in ROLES:
        add("data.roles.unknown", f"{at}.role", f"{shown(role)} is no role", nearest(role, ROLES))
    content = message.get("content")
    if isinstance(content, list):
        for number, part in enumerate(content):
            if not (isinstance(part, dict) and part.get("type", "text") == "text" and isinstance(part.get("text"), str)):
                kind = shown(part.get("type")) if isinstance(part, dict) else shown(part)
                where = f"{at}.content[{number}]"
                add("data.content.type", where, f"a content part of type {kind}", "only text parts can be learnt")
    elif not isinstance(content, str | None):
        add("data.content.type", f"{at}.content", f"the content is {shown(content)}, not a text", "write a JSON string")
    weight = message.get("weight")
    if weight is not None and not (type(weight) is int and weight in (0, 1)):
        add("data.weight.value", f"{at}.weight", f"the weight is {shown(weight)}", "write 0 or 1")
    elif weight is not None and role in ROLES and role != "assistant":
        fix = "take it out; only assistant messages are learnt"
        add("data.weight.role", f"{at}.weight", f"a {role} message has a weight", fix)
    else:
        _rest_faults(message, at, role, add)


def _rest_faults(message: dict[str, Any], at: str, role: Any, add: AddFinding) -> None:
    """What the typed message still refuses: tool calls and names of a wrong shape."""
    try:
        msgspec.convert({**message, "content": "", "role": role if role in ROLES else "user", "weight": None}, Message)
    except msgspec.ValidationError as fault:
        fix = 'a tool call is {"id": ..., "type": "function", "function": {"name": ..., "arguments": "JSON text"}}'
        add("data.message.field", at, str(fault), fix)
