"""Gemini's format on Vertex AI: `{"systemInstruction": ..., "contents": [{"role": "user" | "model", "parts": [...]}]}`.

Source: cloud.google.com/vertex-ai/generative-ai/docs/models/gemini-supervised-tuning-prepare (fields and roles) and
cloud.google.com/vertex-ai/generative-ai/docs/models/tune-function-calling (`functionCall`, `functionResponse`, `tools` with
`functionDeclarations`; both spellings, `systemInstruction` and `system_instruction`, stand in these pages).
"""

from __future__ import annotations

import json
from typing import Any

from honekit.data.formats.calls import Calls, arguments_object
from honekit.data.formats.dialect import ChatRecord, Dialect, Lose, keep_only
from honekit.data.lines import AddFinding, shown

_ROLES = {"user": "user", "model": "assistant", "function": "tool", "tool": "tool"}
_RESULT = "content"
"""The key under which a result that is no JSON object is put, since Gemini takes objects only."""


def read(row: dict[str, Any], add: AddFinding) -> ChatRecord | None:
    """Turns of the role `model` become the assistant's; calls of functions get ids in their order."""
    contents = row.get("contents")
    if not isinstance(contents, list):
        add("data.gemini.contents", "contents", "`contents` is missing or no list", 'write [{"role": ..., "parts": [...]}]')
        return None
    messages: list[dict[str, Any]] = []
    key = "systemInstruction" if "systemInstruction" in row else "system_instruction"
    if row.get(key) is not None:
        system = _parts(row[key], key, add)
        if system is None:
            return None
        messages.append({"role": "system", "content": "".join(str(part.get("text", "")) for part in system)})
    calls = Calls()
    for index, turn in enumerate(contents):
        at = f"contents[{index}]"
        role = _ROLES.get(str(turn.get("role"))) if isinstance(turn, dict) else None
        if role is None:
            found = shown(turn.get("role")) if isinstance(turn, dict) else shown(turn)
            add("data.gemini.role", f"{at}.role", f"{found} is no role of a turn", "write user or model")
            return None
        parts = _parts(turn, at, add)
        made = None if parts is None else _messages(role, parts, calls, at, add)
        if made is None:
            return None
        messages += made
    record: ChatRecord = {"messages": messages}
    tools = _tools(row.get("tools"), add)
    if tools:
        record["tools"] = tools
    return record


def _parts(turn: Any, at: str, add: AddFinding) -> list[dict[str, Any]] | None:
    parts = turn.get("parts") if isinstance(turn, dict) else None
    if isinstance(parts, list) and all(isinstance(part, dict) for part in parts):
        return parts
    add("data.gemini.parts", f"{at}.parts", "`parts` is missing or no list of objects", 'write [{"text": "..."}]')
    return None


def _messages(role: str, parts: list[dict[str, Any]], calls: Calls, at: str, add: AddFinding) -> list[dict[str, Any]] | None:
    texts: list[str] = []
    called: list[dict[str, Any]] = []
    results: list[dict[str, Any]] = []
    for number, part in enumerate(parts):
        call, result = part.get("functionCall"), part.get("functionResponse")
        if isinstance(part.get("text"), str):
            texts.append(part["text"])
        elif isinstance(call, dict) and isinstance(call.get("name"), str):
            called.append(calls.call(call["name"], call.get("args", {})))
        elif isinstance(result, dict) and isinstance(result.get("name"), str):
            results.append(calls.result(_result_text(result.get("response")), result["name"]))
        else:
            message = "the part is no text, functionCall or functionResponse"
            add("data.gemini.parts", f"{at}.parts[{number}]", message, "only these can be learnt")
            return None
    said: dict[str, Any] = {"role": "user" if role == "tool" else role}
    if texts or not (called or results):
        said["content"] = "".join(texts)
    if called:
        said["tool_calls"] = called
    return results + ([said] if texts or called or not results else [])


def _result_text(response: Any) -> str:
    text = response.get(_RESULT) if isinstance(response, dict) and len(response) == 1 else None
    return text if isinstance(text, str) else json.dumps(response, ensure_ascii=False)


def _tools(tools: Any, add: AddFinding) -> list[dict[str, Any]] | None:
    if tools is None:
        return None
    groups = tools if isinstance(tools, list) else [tools]
    found: list[dict[str, Any]] = []
    for group in groups:
        key = "functionDeclarations" if isinstance(group, dict) and "functionDeclarations" in group else "function_declarations"
        functions = group.get(key) if isinstance(group, dict) else None
        if not (isinstance(functions, list) and all(isinstance(function, dict) for function in functions)):
            add("data.tools", "tools", "`tools` has no functionDeclarations", 'write [{"functionDeclarations": [...]}]')
            return None
        found += [{"type": "function", "function": function} for function in functions]
    return found


def write(record: ChatRecord, lose: Lose) -> dict[str, Any] | None:
    """Calls lose their ids, which only say what the order says too."""
    kept = keep_only(record, lose, "tools")
    if kept is None:
        return None
    messages = kept["messages"]
    written: dict[str, Any] = {}
    if messages and messages[0]["role"] == "system":
        written["systemInstruction"] = {"role": "system", "parts": [{"text": messages[0].get("content", "")}]}
        messages = messages[1:]
    contents: list[dict[str, Any]] = []
    names: dict[str, str] = {}
    before = None
    for index, message in enumerate(messages, len(kept["messages"]) - len(messages)):
        if message["role"] == "system":
            lose("turns", f"messages[{index}]")
            return None
        parts = _written_parts(message, names)
        if parts is None:
            lose("tools", f"messages[{index}].tool_calls")
            return None
        turn = {"role": "model" if message["role"] == "assistant" else "user", "parts": parts}
        if message["role"] == "tool" == before:
            contents[-1]["parts"] += turn["parts"]
        else:
            contents.append(turn)
        before = message["role"]
    written["contents"] = contents
    if kept.get("tools"):
        written["tools"] = [{"functionDeclarations": [tool.get("function", tool) for tool in kept["tools"]]}]
    return written


def _written_parts(message: dict[str, Any], names: dict[str, str]) -> list[dict[str, Any]] | None:
    """None when a call's arguments are no object, as Gemini needs them."""
    text = message.get("content", "")
    if message["role"] == "tool":
        value = arguments_object(text)
        is_same = value is not None and set(value) != {_RESULT} and json.dumps(value, ensure_ascii=False) == text
        response = value if is_same else {_RESULT: text}
        return [{"functionResponse": {"name": names.get(message.get("tool_call_id", ""), ""), "response": response}}]
    parts: list[dict[str, Any]] = [{"text": text}] if text or "tool_calls" not in message else []
    for call in message.get("tool_calls", []):
        name, arguments = call["function"]["name"], arguments_object(call["function"]["arguments"])
        if arguments is None:
            return None
        names[call["id"]] = name
        parts.append({"functionCall": {"name": name, "args": arguments}})
    return parts


GEMINI = Dialect("gemini", "Gemini on Vertex AI", read, write)
