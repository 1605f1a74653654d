"""Two checkers of chat files that people use, as algorithms, for `data.py` to run beside Hone's.

Written from their sources' descriptions of what is checked, with the same checks and the same kinds of objects, because these are
what takes the time. Neither looks at files with tools here: `data.py` makes none.
"""

from __future__ import annotations

import json
import time
from collections import defaultdict
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict


def cookbook(file: Path) -> tuple[float, int]:
    """The OpenAI cookbook's "data preparation and analysis for chat model fine-tuning": a count for each kind of fault.

    Seconds and records.
    """
    begun = time.perf_counter()
    with file.open(encoding="utf-8") as source:
        dataset = [json.loads(line) for line in source]
    faults: dict[str, int] = defaultdict(int)
    for example in dataset:
        if not isinstance(example, dict):
            faults["data_type"] += 1
            continue
        messages = example.get("messages", None)
        if not messages:
            faults["missing_messages_list"] += 1
            continue
        for message in messages:
            if "role" not in message or "content" not in message:
                faults["message_missing_key"] += 1
            if any(key not in ("role", "content", "name", "function_call", "weight") for key in message):
                faults["message_unrecognized_key"] += 1
            if message.get("role", None) not in ("system", "user", "assistant", "function"):
                faults["unrecognized_role"] += 1
            content = message.get("content", None)
            if (not content and not message.get("function_call", None)) or not isinstance(content, str):
                faults["missing_content"] += 1
        if not any(message.get("role", None) == "assistant" for message in messages):
            faults["example_missing_assistant_message"] += 1
    assert not faults
    return time.perf_counter() - begun, len(dataset)


class Role(StrEnum):
    system = "system"
    user = "user"
    assistant = "assistant"
    tool = "tool"


class _Typed(BaseModel):
    """As mistral-common configures its models: no other keys, defaults validated too."""

    model_config = ConfigDict(extra="forbid", validate_default=True, use_enum_values=True)


class UserMessage(_Typed):
    role: Literal[Role.user] = Role.user
    content: str | list[dict[str, str]]


class AssistantMessage(_Typed):
    role: Literal[Role.assistant] = Role.assistant
    content: str | None = None
    tool_calls: list[dict[str, Any]] | None = None
    prefix: bool = False
    weight: float | None = None


class Sample(_Typed):
    messages: list[UserMessage | AssistantMessage]
    system_prompt: str | None = None
    available_tools: list[dict[str, Any]] | None = None
    only_last: bool = False


_AFTER = {
    Role.system: {Role.user, Role.assistant, Role.system},
    Role.user: {Role.assistant, Role.system, Role.user},
    Role.assistant: {Role.assistant, Role.user, Role.tool},
    Role.tool: {Role.assistant, Role.tool},
}


def mistral(file: Path) -> tuple[float, int]:
    """mistral-finetune's `utils/validate_data.py` for instruct data without its tokenizer, which Hone's scan has none of either:
    json.loads, typed messages (pydantic, as in mistral-common), the request validator's checks, a typed sample.

    Seconds and records.
    """
    begun = time.perf_counter()
    faults: list[str] = []
    records = 0
    with file.open(encoding="utf-8") as source:
        for number, line in enumerate(source.readlines(), 1):
            try:
                data = json.loads(line)
            except ValueError as fault:
                faults.append(f"line {number}: {fault}")
                continue
            records += 1
            try:
                _sample(data)
            except ValueError as fault:
                faults.append(f"line {number}: {fault}")
    assert not faults
    return time.perf_counter() - begun, records


def _sample(data: dict[str, Any]) -> Sample:
    given = [key for key in ("messages", "interactions") if key in data]
    if len(given) != 1:
        raise ValueError("one of messages and interactions is needed")
    assert not data.get("tools") and not data.get("available_tools")
    system_prompt = data.get("system_prompt")
    messages: list[UserMessage | AssistantMessage] = []
    for message in data[given[0]]:
        is_call = message.get("tool_calls") is not None
        if "role" not in message:
            raise ValueError("a message without a role")
        role = message["role"]
        if all(key in message for key in ("content", "text")):
            raise ValueError("a message with content and text")
        content = message.get("content") if message.get("content") is not None else message.get("text")
        if content is None and not is_call:
            raise ValueError("a message without content")
        if role not in [role.value for role in Role]:
            raise ValueError("an unknown role")
        if role == "user":
            messages.append(UserMessage(content=content))
        elif role == "assistant":
            calls = message.get("tool_calls")
            messages.append(AssistantMessage(content=content, tool_calls=calls, weight=message.get("weight")))
        elif system_prompt is not None:
            raise ValueError("a second system message")
        else:
            system_prompt = content
    _check_structure(messages)
    _check_contents(messages)
    return Sample(messages=messages, system_prompt=system_prompt, only_last=data.get("only_last", False))


def _check_structure(messages: list[UserMessage | AssistantMessage]) -> None:
    if not messages:
        raise ValueError("no message")
    if messages[-1].role != Role.assistant:
        raise ValueError("the last message is not the assistant's")
    previous = None
    for message in messages:
        if previous is not None and message.role not in _AFTER[previous]:
            raise ValueError(f"{message.role} after {previous}")
        previous = Role(message.role)
    expected = 0
    for message in messages[1:]:
        if isinstance(message, AssistantMessage):
            if expected:
                raise ValueError("calls without results")
            expected = len(message.tool_calls or ())


def _check_contents(messages: list[UserMessage | AssistantMessage]) -> None:
    for message in messages:
        if isinstance(message, AssistantMessage):
            if bool(message.content) == bool(message.tool_calls):
                raise ValueError("content or tool calls, not both and not neither")
            if message.weight is not None and message.weight not in (0, 1):
                raise ValueError("a weight other than 0 and 1")
            if message.prefix:
                raise ValueError("a prefix in training data")
