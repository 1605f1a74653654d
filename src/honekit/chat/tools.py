"""Calls of functions in a conversation: how a model writes them, and how they are read back as they come.

A model calls a function by writing text. Hone knows one family of ways, in which a call stands between two tags:

    <tool_call>
    {"name": "get_weather", "arguments": {"city": "Oslo"}}
    </tool_call>

Templates that teach it (Qwen's, Hermes's and many others) are used as they are. For all other templates the same way is
explained to the model in the system message, and earlier calls and their results are written into ordinary messages.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from honekit.chat.messages import FunctionCall, Message, ToolCall
from honekit.chat.template import ChatTemplate
from honekit.errors import ModelError


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


def native_form(template: ChatTemplate) -> CallForm | None:
    """How a template's own calls are written; None when it knows no tools or writes calls in a way that Hone does not read.

    Found by rendering a conversation with a call: templates do not say.
    """
    user, call = Message("user", "probe"), Message("assistant", tool_calls=[_PROBE_CALL])
    result = Message("tool", "probe_result", tool_call_id="callprobe")
    try:
        offered = template.render([user], True, tools=[_PROBE])
        called = template.render([user, call], tools=[_PROBE])
        told = template.render([user, call, result], True, tools=[_PROBE])
    except ModelError:
        return None
    written = _WRITTEN.search(called)
    if written is None or "probe_key" not in offered or "probe_result" not in told:
        return None
    special = {token.content for token in template.tokenizer.get_added_tokens_decoder().values() if token.special}
    if special & {written[1], written[3]}:
        return None  # such a token leaves no text to read
    return CallForm(written[1], written[3], written[2])


def generic_messages(messages: Sequence[Message], tools: Sequence[Mapping[str, Any]]) -> list[Message]:
    """A conversation for a template that knows no tools: the functions in the system message, calls and results as text."""
    told: list[Message] = []
    previous = ""
    for message in messages:
        if message.role == "tool":
            text = f"<tool_response>\n{message.text}\n</tool_response>"
            # Most templates want user and assistant in turn, so the results of several calls are one message.
            told.append(Message("user", f"{told.pop().text}\n{text}" if previous == "tool" else text))
        elif message.tool_calls:
            calls = [GENERIC.write(call.function.name, call.function.arguments) for call in message.tool_calls]
            told.append(Message("assistant", "\n".join([message.text, *calls] if message.text else calls)))
        else:
            told.append(message)
        previous = message.role
    if tools:
        shown = PROMPT.format(tools="\n".join(json.dumps(tool["function"], ensure_ascii=False) for tool in tools))
        if told and told[0].role in ("system", "developer"):
            told[0] = Message(told[0].role, f"{told[0].text}\n\n{shown}", name=told[0].name)
        else:
            told.insert(0, Message("system", shown))
    return told


def uses_tools(messages: Iterable[Message]) -> bool:
    """Whether a conversation holds calls or results."""
    return any(message.role == "tool" or message.tool_calls for message in messages)


@dataclass(frozen=True)
class Piece:
    """A part of an answer: text, the beginning of a call (its function's name), or a part of that call's arguments."""

    kind: Literal["text", "call", "arguments"]
    text: str


class CallReader:
    """Reads calls out of an answer as it is written.

    `push` returns what is certain. White space around calls belongs to them; what frames a name and its arguments never shows.
    """

    def __init__(self, form: CallForm, *, only_first: bool = False) -> None:
        """`only_first`: calls stand at the beginning of an answer or nowhere (the rest of it may quote the opener)."""
        self._form, self._only_first = form, only_first
        self._name = re.compile(r'\s*\{\s*"name"\s*:\s*"([^"\\]*)"')
        self._head = re.compile(self._name.pattern + r'\s*,\s*"' + re.escape(form.key) + r'"\s*:\s*(?=\{)')
        self._held = ""
        self._state: Literal["text", "head", "arguments", "tail"] = "text"
        self._depth, self._quoted, self._escaped = 0, False, False
        self._text_shown = self._after_call = False
        self.cut_call = False
        """After `end`: a call had begun of which there is nothing to show."""

    def push(self, text: str) -> list[Piece]:
        """What this much more text makes certain."""
        self._held += text
        pieces: list[Piece] = []
        while True:
            state = self._state
            pieces += {"text": self._text, "head": self._begin, "arguments": self._arguments, "tail": self._tail}[state]()
            if self._state == state:
                return pieces

    def end(self, *, cut: bool = False) -> list[Piece]:
        """What was held back, once nothing follows. `cut`: the answer might have gone on, so an opener may have begun.

        Of a call that ends before its arguments the name is given, where it is whole.
        """
        held, self._held = self._held, ""
        if self._state == "text":
            opening = self._opening(held) if cut else 0
            self.cut_call = opening > 0
            held = held[: len(held) - opening].rstrip() if opening else held
            return [Piece("text", held)] if held else []
        name = self._name.match(held) if self._state == "head" else None
        self.cut_call = self._state == "head" and name is None
        return [Piece("call", name[1])] if name else []

    def _text(self) -> list[Piece]:
        if self._after_call:
            self._held = self._held.lstrip()
        at = self._held.find(self._form.opener)
        if self._only_first and (self._text_shown or (at > 0 and self._held[:at].strip())):
            return self._show(len(self._held))
        if at >= 0:
            before = self._held[:at].rstrip()
            self._held = self._held[at + len(self._form.opener) :]
            self._state = "head"
            return [Piece("text", before)] if before else []
        return self._show(len(self._held[: len(self._held) - self._opening(self._held)].rstrip()))

    def _opening(self, text: str) -> int:
        """How many characters at the end of a text may be the beginning of an opener."""
        lengths = range(min(len(self._form.opener) - 1, len(text)), 0, -1)
        return next((length for length in lengths if self._form.opener.startswith(text[-length:])), 0)

    def _show(self, length: int) -> list[Piece]:
        shown, self._held = self._held[:length], self._held[length:]
        if shown:
            self._text_shown, self._after_call = True, False
        return [Piece("text", shown)] if shown else []

    def _begin(self) -> list[Piece]:
        head = self._head.match(self._held)
        if head is None:
            return []
        self._held = self._held[head.end() :]
        self._state, self._depth = "arguments", 0
        return [Piece("call", head[1])]

    def _arguments(self) -> list[Piece]:
        for index, character in enumerate(self._held):
            if self._quoted:
                if self._escaped:
                    self._escaped = False
                elif character == "\\":
                    self._escaped = True
                elif character == '"':
                    self._quoted = False
            elif character == '"':
                self._quoted = True
            else:
                self._depth += (character in "{[") - (character in "}]")
                if self._depth == 0 and character == "}":
                    piece, self._held = self._held[: index + 1], self._held[index + 1 :]
                    self._state = "tail"
                    return [Piece("arguments", piece)]
        piece, self._held = self._held, ""
        return [Piece("arguments", piece)] if piece else []

    def _tail(self) -> list[Piece]:
        at = self._held.find(self._form.closer)
        if at < 0:
            return []
        self._held = self._held[at + len(self._form.closer) :]
        self._state, self._after_call = "text", True
        return []


def for_template(
    template: ChatTemplate, messages: Sequence[Message], tools: Sequence[Mapping[str, Any]]
) -> tuple[list[Message], list[Mapping[str, Any]] | None]:
    """What to give to the template: everything as it is, or told in text when the template knows no tools."""
    if (tools or uses_tools(messages)) and native_form(template) is None:
        return generic_messages(messages, tools), None
    return list(messages), list(tools) or None


def call_form(template: ChatTemplate) -> CallForm:
    """The template's own way to write calls, or the generic one."""
    return native_form(template) or GENERIC
