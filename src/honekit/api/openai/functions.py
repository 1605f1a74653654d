"""The deprecated `functions` and `function_call` of a chat completion: asked for as tools, answered as they were asked for."""

from __future__ import annotations

from typing import Any

from honekit.api.errors import ApiError, bad_request
from honekit.api.openai.chat_schema import AnswerMessage, ChatCompletionRequest, Choice, NamedFunction, NamedToolChoice, Tool
from honekit.chat.functions import tools_of


def asked_by_functions(body: ChatCompletionRequest) -> bool:
    """Whether the request offers functions, so that its answer must speak of them. Raises ApiError 400 beside tools."""
    used = "functions" if body.functions else "function_call" if isinstance(body.function_call, NamedFunction) else None
    if used and (body.tools or body.tool_choice):
        message = f"'{used}' is the deprecated way to offer tools and cannot stand beside 'tools' and 'tool_choice'; use these."
        raise bad_request(message, code="invalid_value", param=used)
    return used is not None


def with_tools(body: ChatCompletionRequest) -> ChatCompletionRequest:
    """The same request with tools, of which one may be called. Raises ApiError 400 for the choice of an unknown function."""
    functions, choice = body.functions or [], body.function_call
    tools = [Tool.model_validate(tool) for tool in tools_of(one.model_dump(exclude_none=True) for one in functions)]
    if isinstance(choice, NamedFunction):
        if choice.name not in [one.name for one in functions]:
            message = f"'function_call' names '{choice.name}', which is not among the functions."
            raise bad_request(message, code="invalid_value", param="function_call")
        choice = NamedToolChoice(type="function", function=choice)  # type: ignore[assignment]
    changed = {"tools": tools, "tool_choice": choice, "functions": None, "function_call": None, "parallel_tool_calls": False}
    return body.model_copy(update=changed)


def renamed(fault: ApiError) -> ApiError:
    """A fault of the request with tools, in the words of the one with functions."""
    param = fault.param or ""
    if param.startswith("tools["):
        place = param.replace("tools", "functions", 1).replace(".function", "", 1)
        fault.message, fault.param = fault.message.replace(param, place).replace("tools", "functions"), place
    return fault


def choice_back(choice: Choice) -> Choice:
    """A choice that calls a tool, as one that calls a function."""
    calls = choice.message.tool_calls
    if not calls:
        return choice
    message = AnswerMessage(content=choice.message.content, function_call=calls[0].function)
    reason = "function_call" if choice.finish_reason == "tool_calls" else choice.finish_reason
    return choice.model_copy(update={"message": message, "finish_reason": reason})


def delta_back(delta: dict[str, Any]) -> dict[str, Any]:
    """The same of a chunk's delta."""
    if "tool_calls" not in delta:
        return delta
    (call,) = delta["tool_calls"]
    return {"function_call": call["function"]}
