"""OpenAI's chat format: `{"messages": [...], "tools": [...], "parallel_tool_calls": ...}`.

Source: platform.openai.com/docs/guides/supervised-fine-tuning and its API reference for files (purpose `fine-tune`).
Hone's own chat files are the same, but hold text only: images can be passed on, not learnt.
"""

from __future__ import annotations

import json
from typing import Any

from honekit.data.chat_faults import message_faults, nearest_key
from honekit.data.formats.dialect import ChatRecord, Dialect, Lose, keep_only
from honekit.data.lines import AddFinding, shown

_KEYS = ("role", "content", "name", "weight", "tool_calls", "tool_call_id")
_MEDIA = ("image_url", "input_audio", "file")


def read(row: dict[str, Any], add: AddFinding) -> ChatRecord | None:
    """The record in its plain form. What it says (order of roles, empty answers) is left to the checks of chat files."""
    messages = row.get("messages")
    if "messages" not in row:
        add("data.messages.missing", "messages", "the key `messages` is missing", nearest_key(row))
        return None
    if not isinstance(messages, list):
        add("data.messages.type", "messages", f"`messages` is {shown(messages)}, not a list", "write a JSON array")
        return None
    told: list[bool] = []

    def note(code: str, field: str, message: str, fix: str) -> None:
        told.append(True)
        add(code, field, message, fix)

    for index, message in enumerate(messages):
        message_faults(_without_media(message), f"messages[{index}]", note)
    tools = _tools(row.get("tools"), note)
    if told:
        return None
    record: ChatRecord = {"messages": [_plain(message) for message in messages]}
    if tools is not None:
        record["tools"] = tools
    if isinstance(row.get("parallel_tool_calls"), bool):
        record["parallel_tool_calls"] = row["parallel_tool_calls"]
    return record


def _without_media(message: Any) -> Any:
    """The message as one of texts only, each part in its place, so that its other faults are found."""
    if not (isinstance(message, dict) and isinstance(message.get("content"), list)):
        return message
    parts = [{"type": "text", "text": ""} if _is_media(part) else part for part in message["content"]]
    return {**message, "content": parts}


def _is_media(part: Any) -> bool:
    return isinstance(part, dict) and part.get("type") in _MEDIA


def _plain(message: dict[str, Any]) -> dict[str, Any]:
    plain = {key: message[key] for key in _KEYS if message.get(key) is not None}
    content = plain.get("content")
    if message.get("refusal"):  # which only stands where there is no content, and is what the assistant says
        plain["content"] = message["refusal"]
    elif isinstance(content, list):
        parts = [part if _is_media(part) else {"type": "text", "text": part[part.get("type", "text")]} for part in content]
        plain["content"] = parts if any(map(_is_media, parts)) else "".join(part["text"] for part in parts)
    if "tool_calls" in plain:
        plain["tool_calls"] = [_call(call) for call in plain["tool_calls"]]
        # No calls, and no text beside calls, are written in two ways each.
        drop = "content" if plain["tool_calls"] else "tool_calls"
        if not plain.get(drop):
            plain.pop(drop, None)
    return plain


def _call(call: dict[str, Any]) -> dict[str, Any]:
    function = {"name": call["function"]["name"], "arguments": call["function"]["arguments"]}
    return {"id": call.get("id", ""), "type": "function", "function": function}


def _tools(tools: Any, add: AddFinding) -> list[dict[str, Any]] | None:
    """Definitions of tools, as a list or, where a table holds them, as its JSON text."""
    if isinstance(tools, str):
        try:
            tools = json.loads(tools) if tools.strip() else None
        except (ValueError, RecursionError):
            add("data.tools", "tools", "`tools` is a text, and not JSON", "write a JSON array of tool definitions")
            return None
    if tools is None or (isinstance(tools, list) and all(isinstance(tool, dict) for tool in tools)):
        return tools
    add("data.tools", "tools", "`tools` is not a list of objects", "write a JSON array of tool definitions")
    return None


def write(record: ChatRecord, lose: Lose) -> ChatRecord | None:
    """The record as it is."""
    return record


def write_texts(record: ChatRecord, lose: Lose) -> ChatRecord | None:
    """The record without images."""
    return keep_only(record, lose, "tools", "weight", "role", "name", "parallel")


OPENAI = Dialect("openai", "OpenAI chat", read, write)
CHAT = Dialect("chat", "Hone's chat files: OpenAI's, text only", read, write_texts)
