"""Chat messages as OpenAI's API and fine-tuning files write them.

Structs instead of pydantic models: a dataset has thousands of them and `hone data check` starts in well under
half a second.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec

from honekit.errors import DataError

Role = Literal["system", "developer", "user", "assistant", "tool"]


class FunctionCall(msgspec.Struct, frozen=True):
    """The function that the assistant wants called; `arguments` is JSON text, as in OpenAI's API."""

    name: str
    arguments: str


class ToolCall(msgspec.Struct, frozen=True):
    """One entry of an assistant message's `tool_calls`."""

    function: FunctionCall
    id: str = ""
    type: Literal["function"] = "function"


class ContentPart(msgspec.Struct, frozen=True):
    """One part of a content that is given as a list: text, or what an assistant says to refuse."""

    text: str | None = None
    refusal: str | None = None
    type: Literal["text", "refusal"] = "text"

    def __post_init__(self) -> None:
        if self.said is None:
            raise ValueError(f"a content part of type {self.type!r} needs a text under `{self.type}`")

    @property
    def said(self) -> str | None:
        return self.refusal if self.type == "refusal" else self.text


class Message(msgspec.Struct, frozen=True, omit_defaults=True):
    """One turn of a conversation. A content given as parts is joined on construction, and a refusal becomes the content: it is
    what the assistant says.
    """

    role: Role
    content: str | list[ContentPart] | None = None
    weight: Literal[0, 1] | None = None
    """Only on assistant messages: 0 makes it context that is not learnt. Absent means 1."""
    name: str | None = None
    tool_calls: list[ToolCall] | None = None
    tool_call_id: str | None = None
    refusal: str | None = None
    """Only on assistant messages, in place of a content."""

    def __post_init__(self) -> None:
        if isinstance(self.content, list):
            refuses = any(part.type == "refusal" for part in self.content)
            if refuses and (len(self.content) > 1 or self.role != "assistant"):
                raise ValueError("a refusal is the only part of an assistant message's content")
            msgspec.structs.force_setattr(self, "content", "".join(part.said or "" for part in self.content))
        if self.refusal:
            if self.content or self.role != "assistant":
                raise ValueError("`refusal` belongs on assistant messages, in place of a content")
            msgspec.structs.force_setattr(self, "content", self.refusal)
        if self.refusal is not None:
            msgspec.structs.force_setattr(self, "refusal", None)
        if self.weight is not None and self.role != "assistant":
            raise ValueError(f"`weight` belongs on assistant messages, this one is of {self.role!r}")

    @property
    def text(self) -> str:
        """The content as text; the empty string when there is none."""
        return self.content if isinstance(self.content, str) else ""

    @property
    def is_trained(self) -> bool:
        """Whether training learns this message: the assistant's, unless its weight is 0."""
        return self.role == "assistant" and self.weight != 0


Messages = Sequence[Message | Mapping[str, Any]]
"""What the renderer takes: messages, or the dicts that JSON gives."""


def parse_messages(messages: Messages) -> list[Message]:
    """Checked messages. Raises DataError `data.message` that names the message and the field."""
    parsed = []
    for index, message in enumerate(messages):
        if isinstance(message, Message):
            parsed.append(message)
            continue
        try:
            parsed.append(msgspec.convert(message, Message))
        except msgspec.ValidationError as error:
            raise DataError(
                "data.message",
                what=f"this is not a chat message: {error}",
                where=f"messages[{index}]",
                mend='write {"role": "system" | "developer" | "user" | "assistant" | "tool", "content": "text"}',
            ) from error
    return parsed


def template_variables(message: Message) -> dict[str, Any]:
    """The dict that chat templates read.

    `developer` is OpenAI's newer name for `system`; models were trained with the latter. Arguments of tool
    calls are handed over as objects, since templates write them with `tojson`.
    """
    variables: dict[str, Any] = {
        "role": "system" if message.role == "developer" else message.role,
        "content": message.text,
    }
    if message.name is not None:
        variables["name"] = message.name
    if message.tool_call_id is not None:
        variables["tool_call_id"] = message.tool_call_id
    if message.tool_calls:
        variables["tool_calls"] = [
            {
                "id": call.id,
                "type": call.type,
                "function": {"name": call.function.name, "arguments": arguments_of(call.function.arguments)},
            }
            for call in message.tool_calls
        ]
    return variables


def arguments_of(text: str) -> Any:
    """A call's arguments as the object that they are, even where they were encoded twice; else the text."""
    given: Any = text
    for _ in range(2):
        try:
            given = json.loads(given) if isinstance(given, str) else given
        except ValueError:
            break
    return given


def is_encoded_twice(arguments: str) -> bool:
    """Whether a call's arguments are an object as JSON within JSON."""
    return arguments.lstrip().startswith('"') and isinstance(arguments_of(arguments), dict)
