"""ShareGPT: `{"conversations": [{"from": ..., "value": ...}], "system": ..., "tools": "JSON text"}`.

Source: LLaMA-Factory's data/README.md (`function_call`, `observation`, `system`, `tools`); the other names of senders are
those that public sets use.
"""

from __future__ import annotations

import json
from typing import Any

from honekit.data.formats.calls import Calls, arguments_object
from honekit.data.formats.dialect import ChatRecord, Dialect, Lose, keep_only
from honekit.data.lines import AddFinding, nearest, shown

_SENDERS = {
    "human": "user",
    "user": "user",
    "gpt": "assistant",
    "assistant": "assistant",
    "chatgpt": "assistant",
    "model": "assistant",
    "system": "system",
    "function_call": "call",
    "observation": "tool",
    "tool": "tool",
    "function_response": "tool",
}
_CODE = "data.sharegpt"


def read(row: dict[str, Any], add: AddFinding) -> ChatRecord | None:
    """Calls get ids in their order, and observations the ids of the calls that they answer."""
    turns = row.get("conversations")
    if not isinstance(turns, list):
        word = "missing" if "conversations" not in row else f"{shown(turns)}, not a list"
        fix = 'write [{"from": "human", "value": ...}, {"from": "gpt", "value": ...}]'
        add(f"{_CODE}.conversations", "conversations", f"`conversations` is {word}", fix)
        return None
    messages: list[dict[str, Any]] = []
    system = row.get("system")
    if isinstance(system, str) and system.strip():
        messages.append({"role": "system", "content": system})
    elif system is not None and not isinstance(system, str):
        add(f"{_CODE}.system", "system", f"`system` is {shown(system)}, not a text", "write a JSON string")
    calls = Calls()
    read_turns = [_message(turn, f"conversations[{index}]", calls, add) for index, turn in enumerate(turns)]
    messages += [message for message in read_turns if message is not None]
    tools = _tools(row.get("tools"), add)
    return {"messages": messages, "tools": tools} if tools else {"messages": messages}


def _message(turn: Any, at: str, calls: Calls, add: AddFinding) -> dict[str, Any] | None:
    if not isinstance(turn, dict):
        add(f"{_CODE}.turn", at, f"the turn is {shown(turn)}, not an object", 'write {"from": ..., "value": ...}')
        return None
    # Some sets keep the name `conversations` and write OpenAI's keys in it.
    sender, value = turn.get("from", turn.get("role")), turn.get("value", turn.get("content"))
    if not isinstance(sender, str) or sender not in _SENDERS:
        message = "the turn does not say who speaks" if sender is None else f"{shown(sender)} is no sender"
        add(f"{_CODE}.from_unknown", f"{at}.from", message, nearest(sender, _SENDERS))
        return None
    if not isinstance(value, str):
        word = "missing" if value is None else f"{shown(value)}, not a text"
        add(f"{_CODE}.value_missing", f"{at}.value", f"`value` is {word}", "write what was said as a JSON string")
        return None
    role = _SENDERS[sender]
    if role == "tool":
        return calls.result(value)
    if role != "call":
        return {"role": role, "content": value}
    called = _called(value)
    if called is None:
        fix = 'write {"name": ..., "arguments": {...}} as JSON text, or a list of these'
        add(f"{_CODE}.function_call", f"{at}.value", "the value is no call of a function", fix)
        return None
    return {"role": "assistant", "tool_calls": [calls.call(call["name"], call["arguments"]) for call in called]}


def _called(value: str) -> list[dict[str, Any]] | None:
    try:
        found = json.loads(value)
    except (ValueError, RecursionError):
        return None
    called = found if isinstance(found, list) else [found]
    for call in called:
        if not (isinstance(call, dict) and isinstance(call.get("name"), str) and "arguments" in call):
            return None
    return called or None


def _tools(tools: Any, add: AddFinding) -> list[dict[str, Any]]:
    """Definitions in OpenAI's form."""
    if tools is None or tools == "":
        return []
    try:
        found = json.loads(tools) if isinstance(tools, str) else tools
    except (ValueError, RecursionError):
        found = None
    if not (isinstance(found, list) and all(isinstance(tool, dict) for tool in found)):
        add("data.tools", "tools", "`tools` is no JSON list of definitions", 'write "[{\\"name\\": ..., ...}]"')
        return []
    return [tool if "function" in tool else {"type": "function", "function": tool} for tool in found]


def write(record: ChatRecord, lose: Lose) -> dict[str, Any] | None:
    """The system text under `system`."""
    kept = keep_only(record, lose, "tools")
    if kept is None:
        return None
    messages = kept["messages"]
    written: dict[str, Any] = {"conversations": []}
    if messages and messages[0]["role"] == "system":
        written["system"] = messages[0].get("content", "")
        messages = messages[1:]
    for index, message in enumerate(messages, len(kept["messages"]) - len(messages)):
        sender = {"user": "human", "assistant": "gpt", "tool": "observation", "system": "system"}[message["role"]]
        if "tool_calls" not in message:
            written["conversations"].append({"from": sender, "value": message.get("content", "")})
            continue
        value = _written_calls(message["tool_calls"])
        if value is None or "content" in message:
            lose("tools", f"messages[{index}].{'tool_calls' if value is None else 'content'}")
            return None
        written["conversations"].append({"from": "function_call", "value": value})
    if kept.get("tools"):
        written["tools"] = json.dumps([tool.get("function", tool) for tool in kept["tools"]], ensure_ascii=False)
    return written


def _written_calls(calls: list[dict[str, Any]]) -> str | None:
    called = []
    for call in calls:
        arguments = arguments_object(call["function"]["arguments"])
        if arguments is None:
            return None
        called.append({"name": call["function"]["name"], "arguments": arguments})
    return json.dumps(called[0] if len(called) == 1 else called, ensure_ascii=False)


SHAREGPT = Dialect("sharegpt", "ShareGPT", read, write)
