"""Calls of functions in a conversation: how a model writes them, and how it is told of them.

A model calls a function by writing text. Hone knows one family of ways, in which a call stands between two tags:

    <tool_call>
    {"name": "get_weather", "arguments": {"city": "Oslo"}}
    </tool_call>

Templates that teach it (Qwen's, Hermes's and many others) are used as they are. For all other templates the same way is
explained to the model in the system message, and calls and their results are written into ordinary messages, in training as
in serving.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from honekit.chat.messages import FunctionCall, Message, ToolCall, arguments_of
from honekit.errors import ModelError

Tools = Sequence[Mapping[str, Any]]
"""Functions that may be called, as OpenAI's API has them."""


@dataclass(frozen=True)
class CallForm:
    """The text of a call: `head(name)`, the arguments as a JSON object, `tail`."""

    opener: str = "<tool_call>"
    closer: str = "</tool_call>"
    key: str = "arguments"

    def head(self, name: str) -> str:
        """What follows the opener, up to the arguments."""
        return f'\n{{"name": "{name}", "{self.key}": '

    @property
    def tail(self) -> str:
        return "}\n" + self.closer

    def write(self, name: str, arguments: str) -> str:
        """A whole call."""
        return self.opener + self.head(name) + arguments + self.tail


GENERIC = CallForm()

PROMPT = """\
You can use functions. Each line between <tools> and </tools> describes one of them as JSON:
<tools>
{tools}
</tools>
To use a function, write its name and its arguments like this, once for each use:
<tool_call>
{{"name": "the name", "arguments": {{"a parameter": "its value"}}}}
</tool_call>
What a function gave back stands between <tool_response> and </tool_response> in the next message. When no function is \
needed, answer in plain words."""
"""For templates that know no tools."""

_KEYS = ("name", "description", "parameters", "strict")

_PROBE = {
    "type": "function",
    "function": {
        "name": "probe_name",
        "description": "probe",
        "parameters": {"type": "object", "properties": {"probe_key": {"type": "string"}}},
    },
}
_PROBE_CALL = ToolCall(FunctionCall("probe_name", '{"probe_key": "probe_value"}'), "callprobe")
_WRITTEN = re.compile(
    r'(<[^\s<>{}]+>)\n\{"name": "probe_name", "(arguments|parameters)": \{"probe_key": "probe_value"\}\}\n(</[^\s<>{}]+>)'
)


def native_form(render: Callable[..., str], special_strings: Iterable[str]) -> CallForm | None:
    """How a template's own calls are written; None when it knows no tools or writes calls in a way that Hone does not read.

    Found by rendering a conversation with a call: templates do not say. A form with one of `special_strings` leaves no text
    to read.
    """
    user, call = Message("user", "probe"), Message("assistant", tool_calls=[_PROBE_CALL])
    result = Message("tool", "probe_result", tool_call_id="callprobe")
    try:
        offered = render([user], True, tools=[_PROBE])
        called = render([user, call], tools=[_PROBE])
        told = render([user, call, result], True, tools=[_PROBE])
    except ModelError:
        return None
    written = _WRITTEN.search(called)
    if written is None or "probe_key" not in offered or "probe_result" not in told:
        return None
    if {written[1], written[3]} & set(special_strings):
        return None
    return CallForm(written[1], written[3], written[2])


def told_in_text(messages: Sequence[Message], tools: Tools) -> list[Message]:
    """A conversation for a template that knows no tools: the functions in the system message, calls and results as text."""
    told: list[Message] = []
    previous = ""
    for message in messages:
        if message.role == "tool":
            text = f"<tool_response>\n{message.text}\n</tool_response>"
            # Most templates want user and assistant in turn, so the results of several calls are one message.
            told.append(Message("user", f"{told.pop().text}\n{text}" if previous == "tool" else text))
        elif message.tool_calls:
            calls = [GENERIC.write(call.function.name, _as_object(call.function.arguments)) for call in message.tool_calls]
            text = "\n".join([message.text, *calls] if message.text else calls)
            told.append(msgspec.structs.replace(message, content=text, tool_calls=None))
        else:
            told.append(message)
        previous = message.role
    if tools:
        shown = PROMPT.format(tools="\n".join(json.dumps(tool.get("function", tool), ensure_ascii=False) for tool in tools))
        if told and told[0].role in ("system", "developer"):
            told[0] = Message(told[0].role, f"{told[0].text}\n\n{shown}", name=told[0].name)
        else:
            told.insert(0, Message("system", shown))
    return told


def _as_object(arguments: str) -> str:
    """As they stand, unless they are JSON in JSON, as in some published training files."""
    given = arguments_of(arguments)
    is_twice = isinstance(given, dict) and arguments.lstrip().startswith('"')
    return json.dumps(given, ensure_ascii=False) if is_twice else arguments


def in_order(tools: Tools) -> list[dict[str, Any]]:
    """The tools with their keys in one order and without nulls, so that a file and a request with the same ones read the same."""
    told = []
    for tool in tools:
        function = tool.get("function")
        if not isinstance(function, Mapping):
            told.append(dict(tool))
            continue
        named = [*(key for key in _KEYS if key in function), *(key for key in function if key not in _KEYS)]
        kept = {key: function[key] for key in named if function[key] is not None}
        told.append({"type": "function", **tool, "function": kept})
    return told


def uses_tools(messages: Iterable[Message]) -> bool:
    """Whether a conversation holds calls or results."""
    return any(message.role == "tool" or message.tool_calls for message in messages)
