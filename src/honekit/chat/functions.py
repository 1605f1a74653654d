"""`functions` and `function_call`, which OpenAI's API had before tools, as tools and their calls.

One call stands in an assistant message, and its result follows as a message of the role `function`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any


def tools_of(functions: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Definitions of functions as definitions of tools."""
    return [{"type": "function", "function": dict(function)} for function in functions]


def messages_with_tools(messages: Sequence[Any]) -> list[Any]:
    """Calls and results of functions as those of tools; everything else, broken messages included, as it is."""
    told: list[Any] = []
    call_id = ""
    for index, message in enumerate(messages):
        if not isinstance(message, Mapping):
            told.append(message)
        elif message.get("role") == "function":
            rest = {key: value for key, value in message.items() if key != "name"}
            told.append({**rest, "role": "tool", "tool_call_id": call_id or f"call_{index}"})
        elif message.get("function_call"):
            call_id = f"call_{index}"
            rest = {key: value for key, value in message.items() if key != "function_call"}
            call = {"id": call_id, "type": "function", "function": message["function_call"]}
            told.append({**rest, "tool_calls": [call]})
        else:
            told.append(message)
    return told


def uses_functions(record: Any) -> bool:
    """Whether a chat record offers functions, calls one, or holds a result."""
    if not isinstance(record, Mapping):
        return False
    messages = record.get("messages")
    return bool(record.get("functions")) or any(
        isinstance(message, Mapping) and (message.get("role") == "function" or bool(message.get("function_call")))
        for message in (messages if isinstance(messages, list) else ())
    )


def record_with_tools(record: Mapping[str, Any]) -> dict[str, Any]:
    """A chat record in which tools take the place of functions."""
    told = {key: value for key, value in record.items() if key != "functions"}
    if isinstance(record.get("messages"), list):
        told["messages"] = messages_with_tools(record["messages"])
    functions = record.get("functions")
    if isinstance(functions, list) and all(isinstance(function, Mapping) for function in functions) and not told.get("tools"):
        told["tools"] = tools_of(functions)
    return told
