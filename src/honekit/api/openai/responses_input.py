"""From the items of a response's input to those that are kept, and from kept ones to the conversation that they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from honekit.api.errors import bad_request
from honekit.api.openai.chat_schema import ChatCompletionRequest
from honekit.api.openai.responses_schema import (
    AllowedFunctions,
    AssistantInput,
    CallInput,
    CallOutput,
    FunctionTool,
    InputItem,
    JsonSchemaFormat,
    NamedFunction,
    ResponseRequest,
)
from honekit.store.tables import new_id


def to_keep(given: str | Sequence[InputItem]) -> list[dict[str, Any]]:
    """The input as items with ids, a text being one message of the user."""
    if isinstance(given, str):
        return [_message("user", [{"type": "input_text", "text": given}])]
    return [_item(one) for one in given]


def _item(item: InputItem) -> dict[str, Any]:
    if isinstance(item, CallInput):
        call = {"call_id": item.call_id, "name": item.name, "arguments": item.arguments}
        return {"id": new_id("fc_"), "type": "function_call", "status": "completed", **call}
    if isinstance(item, CallOutput):
        output = item.output if isinstance(item.output, str) else [_part("input_text", part.text) for part in item.output]
        kept = {"call_id": item.call_id, "output": output}
        return {"id": new_id("fco_"), "type": "function_call_output", "status": "completed", **kept}
    kind = "output_text" if isinstance(item, AssistantInput) else "input_text"
    texts = [item.content] if isinstance(item.content, str) else [part.text for part in item.content]
    return _message(item.role, [_part(kind, text) for text in texts])


def _message(role: str, content: list[dict[str, Any]]) -> dict[str, Any]:
    return {"id": new_id("msg_"), "type": "message", "status": "completed", "role": role, "content": content}


def _part(kind: str, text: str) -> dict[str, Any]:
    return {"type": kind, "text": text, **({"annotations": [], "logprobs": []} if kind == "output_text" else {})}


def chat_request(
    body: ResponseRequest, earlier: Sequence[dict[str, Any]], items: Sequence[dict[str, Any]]
) -> ChatCompletionRequest:
    """The same request as a chat completion: after the instructions the `earlier` items, then its own.

    Raises ApiError 400 for the output of a call that nobody made.
    """
    told = [{"role": "system", "content": body.instructions}] if body.instructions is not None else []
    asked: dict[str, Any] = {
        "model": body.model,
        "messages": told + _messages(earlier, items),
        "parallel_tool_calls": body.parallel_tool_calls,
        "response_format": _format(body),
        "max_completion_tokens": body.max_output_tokens,
        "temperature": body.temperature,
        "top_p": body.top_p,
        "logprobs": bool(body.include),
        "top_logprobs": body.top_logprobs,
        "tools": [_tool(tool) for tool in body.tools or []],
        "tool_choice": _tool_choice(body),
    }
    return ChatCompletionRequest(**asked)


def _tool_choice(body: ResponseRequest) -> Any:
    match body.tool_choice:
        case NamedFunction() as choice:
            return _named(choice)
        case AllowedFunctions() as choice:
            allowed = {"mode": choice.mode, "tools": [_named(one) for one in choice.tools]}
            return {"type": "allowed_tools", "allowed_tools": allowed}
    return body.tool_choice


def _named(function: NamedFunction) -> dict[str, Any]:
    return {"type": "function", "function": {"name": function.name}}


def _tool(tool: FunctionTool) -> dict[str, Any]:
    fields = {"name", "description", "parameters", "strict"}
    return {"type": "function", "function": tool.model_dump(include=fields)}


def _format(body: ResponseRequest) -> Any:
    wanted = body.text.format if body.text else None
    if not isinstance(wanted, JsonSchemaFormat):
        return wanted
    schema = {"name": wanted.name, "description": wanted.description, "schema": wanted.schema_, "strict": wanted.strict}
    return {"type": "json_schema", "json_schema": schema}


def _messages(earlier: Sequence[dict[str, Any]], own: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Chat messages; what the assistant said and called in one go is one message."""
    messages: list[dict[str, Any]] = []
    called: set[str] = set()
    for index, item in enumerate([*earlier, *own], start=-len(earlier)):
        if item["type"] == "function_call":
            called.add(item["call_id"])
            if not messages or messages[-1]["role"] != "assistant":
                messages.append({"role": "assistant", "content": None, "tool_calls": []})
            function = {"name": item["name"], "arguments": item["arguments"]}
            messages[-1].setdefault("tool_calls", []).append({"id": item["call_id"], "type": "function", "function": function})
        elif item["type"] == "function_call_output":
            if item["call_id"] not in called:
                message = f"There is no function call with the call_id '{item['call_id']}' before its output."
                raise bad_request(message, code="invalid_value", param=f"input[{index}].call_id")
            messages.append({"role": "tool", "content": _text(item["output"]), "tool_call_id": item["call_id"]})
        elif item["role"] == "assistant" and messages and messages[-1].get("tool_calls"):
            messages[-1]["content"] = (messages[-1]["content"] or "") + _text(item["content"])
        else:
            messages.append({"role": item["role"], "content": _text(item["content"])})
    return messages


def _text(content: str | list[dict[str, Any]]) -> str:
    return content if isinstance(content, str) else "".join(part["text"] for part in content)
