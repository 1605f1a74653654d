"""What a request asks of the shape of its answers: JSON, a schema, calls of functions."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from honekit.api.batcher import ServingEngine
from honekit.api.errors import ApiError, bad_request
from honekit.api.openai.chat_schema import (
    AllowedToolsChoice,
    ChatCompletionRequest,
    JsonSchemaFormat,
    NamedToolChoice,
    TextFormat,
    Tool,
)
from honekit.errors import ServeError

if TYPE_CHECKING:
    from honekit.chat.call_reader import CallReader
    from honekit.chat.tools import CallForm
    from honekit.inference.constrain import Constraint

COMPILE_S = 20.0
"""Longest wait for a grammar. The first one of a model includes preparing its vocabulary."""
NO_PARAMETERS = {"type": "object", "properties": {}, "additionalProperties": False}
SCHEMA_PARAM = "response_format.json_schema.schema"


@dataclass(frozen=True)
class Shape:
    """What the answers of a request are held to, and how calls are read out of them."""

    constraint: Constraint | None = None
    tools: tuple[dict[str, Any], ...] = ()
    """As templates take them; empty when none may be called."""
    form: CallForm | None = None
    """How calls are written; None when there are none to read."""
    calls_first: bool = False
    """Calls stand at the beginning of an answer or nowhere."""
    named: bool = False
    """A function was named to be called: by the contract such an answer ends with `stop`."""

    @property
    def reader(self) -> Callable[[], CallReader] | None:
        """Makes what reads the calls out of one answer; None when there are none to read."""
        from honekit.chat.call_reader import CallReader

        return partial(CallReader, self.form, only_first=self.calls_first) if self.form else None


async def shape_of(body: ChatCompletionRequest, engine: ServingEngine) -> Shape:
    """Compile what the request asks for, off the event loop. Raises ApiError 400 that names the schema at fault."""
    tools = _offered(body)
    if not tools and isinstance(body.response_format, TextFormat | None):
        return Shape()
    try:
        async with asyncio.timeout(COMPILE_S):
            return await asyncio.to_thread(_compile, body, tools, engine)
    except TimeoutError as fault:
        message = "The schemas of this request take too long to prepare; simplify them."
        raise bad_request(message, code="schema_too_complex", param="tools" if tools else SCHEMA_PARAM) from fault


def _offered(body: ChatCompletionRequest) -> list[tuple[int, Tool]]:
    """The tools that may be called, with their places in the request. Raises ApiError 400."""
    tools = list(enumerate(body.tools or []))
    names = [tool.function.name for _, tool in tools]
    for index, name in enumerate(names):
        if name in names[:index]:
            message = f"Two tools have the name '{name}'."
            raise bad_request(message, code="invalid_value", param=f"tools[{index}].function.name")
    wanted = _wanted(body, names)
    for name in wanted:
        if name not in names:
            message = f"'tool_choice' names '{name}', which is not among the tools."
            raise bad_request(message, code="invalid_value", param="tool_choice")
    if _must_call(body) and not wanted:
        raise bad_request("'tool_choice' needs 'tools'.", code="invalid_value", param="tool_choice")
    return [(index, tool) for index, tool in tools if tool.function.name in wanted]


def _wanted(body: ChatCompletionRequest, names: list[str]) -> list[str]:
    """Of which tools the request says that they may be called; `names` are those that it has."""
    match body.tool_choice:
        case NamedToolChoice() as choice:
            return [choice.function.name]
        case AllowedToolsChoice() as choice:
            return [tool.function.name for tool in choice.allowed_tools.tools]
        case "none":
            return []
    return names


def _must_call(body: ChatCompletionRequest) -> bool:
    if isinstance(body.tool_choice, AllowedToolsChoice):
        return body.tool_choice.allowed_tools.mode == "required"
    return body.tool_choice == "required" or isinstance(body.tool_choice, NamedToolChoice)


def _compile(body: ChatCompletionRequest, tools: list[tuple[int, Tool]], engine: ServingEngine) -> Shape:
    from honekit.inference.constrain import json_grammar
    from honekit.inference.tool_grammar import Function, tool_grammar

    try:
        answer = _answer_rule(body)
    except ServeError as fault:
        raise _refused(fault, SCHEMA_PARAM) from fault
    if not tools:
        try:
            return Shape(engine.grammars.compile(f"%llguidance {{}}\nstart: {answer}\n"))
        except ServeError as fault:
            raise _refused(fault, SCHEMA_PARAM) from fault
    for index, tool in tools:
        if (tool.function.parameters or NO_PARAMETERS).get("type", "object") != "object":
            param = f"tools[{index}].function.parameters"
            raise bad_request(f"'{param}': the type of a function's parameters is 'object'.", code="invalid_schema", param=param)
    functions = [
        Function(tool.function.name, tool.function.parameters or NO_PARAMETERS, bool(tool.function.strict)) for _, tool in tools
    ]
    named, must = isinstance(body.tool_choice, NamedToolChoice), _must_call(body)
    several = body.parallel_tool_calls is not False and not named
    form = engine.template.call_form
    try:
        grammar = tool_grammar(form, functions, must=must, several=several, answer=None if must else answer)
        constraint = engine.grammars.compile(grammar)
    except ServeError as fault:
        # The whole was refused: ask one by one which part of it is at fault.
        for (index, _), function in zip(tools, functions, strict=True):
            try:
                engine.grammars.compile(json_grammar({**function.parameters, "type": "object"}, strict=function.strict))
            except ServeError as own:
                raise _refused(own, f"tools[{index}].function.parameters") from own
        raise _refused(fault, "tools" if answer is None else SCHEMA_PARAM) from fault
    offered = tuple(tool.model_dump(exclude_none=True) for _, tool in tools)
    return Shape(constraint, offered, form, calls_first=answer is not None or must, named=named)


def _answer_rule(body: ChatCompletionRequest) -> str | None:
    """The rule of an answer in JSON; None for text."""
    from honekit.inference.constrain import json_rule

    if isinstance(body.response_format, TextFormat | None):
        return None
    if isinstance(body.response_format, JsonSchemaFormat):
        wanted = body.response_format.json_schema
        if wanted.schema_ is not None:
            return json_rule(wanted.schema_, strict=bool(wanted.strict))
    return json_rule({"type": "object"})


def _refused(fault: ServeError, param: str) -> ApiError:
    code = "unsupported_value" if fault.code == "serve.no_grammars" else "invalid_schema"
    return bad_request(f"'{param}': {fault.what}.", code=code, param=param)
