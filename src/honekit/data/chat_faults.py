"""Why a line is not a chat record: looks at the plain JSON, piece by piece, and names each fault.

Only called for lines that the typed decoder refused, so it may be slow and thorough.
"""

from __future__ import annotations

import re
from typing import Any, get_args

import msgspec

from honekit.chat.messages import Message, Role
from honekit.data.lines import AddFinding, Finding, capped, nearest, nested_keys, shown, syntax_finding
from honekit.data.notes import is_note

ROLES: tuple[str, ...] = get_args(Role)
RECORD_KEYS = ("messages", "tools", "parallel_tool_calls")
MESSAGE_KEYS = ("role", "content", "weight", "name", "tool_calls", "tool_call_id", "refusal")
_ECHOED = frozenset({"annotations", "audio", "function_call", "reasoning_content"})
"""Keys that come with messages copied from an API's answers; they say nothing when they are empty."""
_REFUSAL = re.compile(r"Expected `(\w+)(?: \| null)?`, got `(\w+)` - at `\$\.(.+)`")
_TYPES = {
    "str": "a text",
    "object": "an object",
    "array": "a list",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "null": "null",
}
_WARNINGS = frozenset({"data.key_unknown"})
_OTHER_FORMATS = {
    "prompt": "this is a prompt/completion record: give such records a file of their own, or make the prompt a user message and "
    "the completion the assistant's",
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
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return [syntax_finding(line, text)]
    findings = capped(line, _WARNINGS, lambda add: _record_faults(record, add))
    if findings or _is_echo(record):
        return findings
    return [Finding("data.record", "error", line, "", f"this is no chat record: {refusal}", 'write {"messages": [...]}')]


def _record_faults(record: Any, add: AddFinding) -> None:
    if not isinstance(record, dict):
        add("data.record", "", f"the line holds {shown(record)}, not an object", 'write {"messages": [...]}')
        return
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
    parallel = record.get("parallel_tool_calls")
    if not isinstance(parallel, bool | None):
        add("data.record", "parallel_tool_calls", f"`parallel_tool_calls` is {shown(parallel)}", "write true or false")
    if "messages" in record:  # warnings last, so that a thousand of them hide no error
        notes = tuple(filter(is_note, record))
        _unknown_keys(record, "", (*RECORD_KEYS, *notes), add)
    for index, message in enumerate(messages if isinstance(messages, list) else ()):
        if isinstance(message, dict):
            _unknown_keys(message, f"messages[{index}].", MESSAGE_KEYS, add)


def _unknown_keys(value: dict[str, Any], at: str, known: tuple[str, ...], add: AddFinding) -> None:
    for key in value:
        if key not in known and not (key in _ECHOED and not value[key]):
            name = shown(key).strip('"')
            add("data.key_unknown", f"{at}{name}", f"the key {shown(key)} means nothing here", nearest(key, known))


def _is_echo(record: Any) -> bool:
    """Whether the record is refused only for its notes, or for empty keys that an API puts into its answers."""
    messages = record.get("messages") if isinstance(record, dict) else None
    if isinstance(messages, list) and any(map(is_note, record)):
        return True
    return isinstance(messages, list) and any(isinstance(message, dict) and _ECHOED & message.keys() for message in messages)


def nearest_key(record: dict[str, Any]) -> str:
    """Advice for a record without `messages`."""
    keys = ", ".join(shown(key) for key in nested_keys(record)[:6]) or "nothing"
    other = "`hone data convert` writes other keys as messages: --map input=KEY --map answer=KEY"
    return f'write {{"messages": [{{"role": "user", "content": ...}}, ...]}}; the object has {keys}; {other}'


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
    _content_faults(message, at, role, add)
    weight = message.get("weight")
    if weight is not None and not (type(weight) is int and weight in (0, 1)):
        add("data.weight.value", f"{at}.weight", f"the weight is {shown(weight)}", "write 0 or 1")
    elif weight is not None and role in ROLES and role != "assistant":
        fix = "take it out; only assistant messages are learnt"
        add("data.weight.role", f"{at}.weight", f"a {role} message has a weight", fix)
    else:
        _rest_faults(message, at, role, add)


def _content_faults(message: dict[str, Any], at: str, role: Any, add: AddFinding) -> None:
    content, refusal = message.get("content"), message.get("refusal")
    refuses = isinstance(content, list) and any(isinstance(part, dict) and part.get("type") == "refusal" for part in content)
    if isinstance(content, list):
        for number, part in enumerate(content):
            kind = part.get("type", "text") if isinstance(part, dict) else None
            if kind not in ("text", "refusal") or not isinstance(part.get(kind), str):
                told = shown(part.get("type")) if isinstance(part, dict) else shown(part)
                where = f"{at}.content[{number}]"
                add("data.content.type", where, f"a content part of type {told}", "only text parts can be learnt")
    elif not isinstance(content, str | None):
        add("data.content.type", f"{at}.content", f"the content is {shown(content)}, not a text", "write a JSON string")
    if not isinstance(refusal, str | None):
        add("data.content.type", f"{at}.refusal", f"the refusal is {shown(refusal)}, not a text", "write a JSON string")
    elif (refusal or refuses) and role in ROLES and role != "assistant":
        what, fix = f"a {role} message has a refusal", "take it out; only assistants refuse"
        add("data.refusal", f"{at}.{'refusal' if refusal else 'content'}", what, fix)
    elif (refusal and content) or (refuses and len(content or ()) > 1):
        what = "the message has a refusal beside other content"
        add("data.refusal", f"{at}.{'refusal' if refusal else 'content'}", what, "keep the one that is to be learnt")


def _rest_faults(message: dict[str, Any], at: str, role: Any, add: AddFinding) -> None:
    """What the typed message still refuses: tool calls and names of a wrong shape."""
    try:
        msgspec.convert(
            {**message, "content": "", "role": role if role in ROLES else "user", "weight": None, "refusal": None}, Message
        )
    except msgspec.ValidationError as fault:
        fix = 'a tool call is {"id": ..., "type": "function", "function": {"name": ..., "arguments": "JSON text"}}'
        add("data.message.field", at, _in_words(str(fault)), fix)


def _in_words(refusal: str) -> str:
    """The decoder's reason in the words of JSON, where it is about a type."""
    found = _REFUSAL.fullmatch(refusal)
    if not found or found[1] not in _TYPES or found[2] not in _TYPES:
        return refusal
    return f"`{found[3]}` is {_TYPES[found[2]]}, and should be {_TYPES[found[1]]}"
