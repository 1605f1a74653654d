"""Calls of tools in dialects that have no ids: they are made on reading, in order, and left out on writing."""

from __future__ import annotations

import json
from typing import Any


class Calls:
    """Gives each call an id, and each result the id of the oldest call that has none yet."""

    def __init__(self) -> None:
        self._count = 0
        self._open: list[tuple[str, str]] = []

    def call(self, name: str, arguments: Any) -> dict[str, Any]:
        """One entry of `tool_calls`; arguments that are no text are written as JSON."""
        self._count += 1
        identity = f"call_{self._count}"
        self._open.append((identity, name))
        text = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
        return {"id": identity, "type": "function", "function": {"name": name, "arguments": text}}

    def result(self, text: str, name: str | None = None) -> dict[str, Any]:
        """The message of the role `tool` for the oldest open call (of this name); without an id when there is none."""
        at = next((index for index, (_, called) in enumerate(self._open) if name in (None, called)), None)
        message = {"role": "tool", "content": text}
        return message if at is None else {**message, "tool_call_id": self._open.pop(at)[0]}


def arguments_object(text: str) -> dict[str, Any] | None:
    """Arguments as the object that dialects want; None when they are no JSON object."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
