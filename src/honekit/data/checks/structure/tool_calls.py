"""Tool calls of one conversation: each has its result, its name is declared, its arguments are what the tool takes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from honekit.chat.messages import Message, ToolCall, is_encoded_twice
from honekit.data.chat import ChatExample
from honekit.data.lines import Finding, Severity, decode_json, nearest, shown

_MAX_CHECKED_CHARS = 1 << 16
"""Longer arguments and schemas are not held against each other: nothing bounds the time that this could take."""
_MAX_REFERENCES = 20
_NAME = re.compile(r"[\w.:/-]{1,64}")


def tool_findings(example: ChatExample) -> Iterator[Finding]:
    """All faults of a conversation's tools and calls; nothing for one without either."""
    tools = yield from _declared(example)
    calls_seen = 0
    for index, message in enumerate(example.messages):
        for number, call in enumerate(message.tool_calls or ()):
            calls_seen += 1
            at = f"messages[{index}].tool_calls[{number}]"
            yield from _call_findings(call, tools, example.tools is not None, at, example.line)
    if calls_seen and not example.tools:
        fix = "add `tools` with their definitions, as the model will be told of them later"
        text = "tools are called, but the record declares none"
        yield Finding("data.tool.none_declared", "warning", example.line, "tools", text, fix)
    yield from _pairing(example.messages, example.line)


def _declared(example: ChatExample) -> Any:
    """Yields what is wrong with the definitions; returns the parameters of each tool by name."""
    tools: dict[str, Any] = {}
    for index, tool in enumerate(example.tools or ()):
        at = f"tools[{index}].function"
        function = tool.get("function")
        name = function.get("name") if isinstance(function, dict) else None
        if not isinstance(function, dict) or not isinstance(name, str) or not name:
            fix = 'write {"type": "function", "function": {"name": ..., "description": ..., "parameters": {...}}}'
            yield Finding("data.tool.definition", "error", example.line, at, "the tool has no `function.name`", fix)
            continue
        if not _NAME.fullmatch(name):
            text = f"the tool's name {shown(name)} has signs that APIs refuse"
            fix = "write it with letters, digits, `_`, `-` and `.` only, at most 64"
            yield Finding("data.tool.definition", "warning", example.line, f"{at}.name", text, fix)
        if name in tools:
            message = f"the tool {shown(name)} is declared twice"
            yield Finding("data.tool.repeated", "error", example.line, f"{at}.name", message, "keep one definition")
        parameters = function.get("parameters")
        fault = _schema_fault(json.dumps(parameters)) if parameters is not None else ""
        if fault:
            fix = 'write a JSON schema: {"type": "object", "properties": {...}, "required": [...]}'
            message = f"the parameters of {shown(name)} are no JSON schema: {fault}"
            yield Finding("data.tool.definition", "error", example.line, f"{at}.parameters", message, fix)
        tools[name] = None if fault else parameters
    return tools


def _call_findings(call: ToolCall, tools: dict[str, Any], is_declared: bool, at: str, line: int) -> Iterator[Finding]:
    def one(code: str, field: str, message: str, fix: str, severity: Severity = "error") -> Finding:
        return Finding(code, severity, line, f"{at}.function.{field}", message, fix)

    name = call.function.name
    if is_declared and name not in tools:
        message = f"{shown(name)} is called, but not declared in `tools`"
        yield one("data.tool.undeclared", "name", message, nearest(name, tools) if tools else "declare it")
    try:
        arguments = decode_json(call.function.arguments)
        if is_encoded_twice(call.function.arguments):  # which is told with the conversation
            arguments = decode_json(arguments)
    except ValueError as fault:
        message = f"the arguments of {shown(name)} are not JSON: {fault}"
        yield one(
            "data.tool.arguments_json", "arguments", message, 'write one JSON object as text, e.g. "{\\"city\\": \\"Oslo\\"}"'
        )
        return
    if not isinstance(arguments, dict):
        message = f"the arguments of {shown(name)} are {shown(arguments)}, not an object"
        yield one("data.tool.arguments_json", "arguments", message, 'write a JSON object as text; "{}" when there is none')
        return
    parameters = tools.get(name)
    if not isinstance(parameters, dict) or len(call.function.arguments) > _MAX_CHECKED_CHARS:
        return
    fault_text = _argument_fault(arguments, json.dumps(parameters, sort_keys=True))
    if fault_text:
        message = f"the arguments of {shown(name)} do not fit its schema: {fault_text}"
        yield one("data.tool.arguments_schema", "arguments", message, "write what the schema asks for, or mend the schema")
        return
    properties = parameters.get("properties")
    if isinstance(properties, dict) and properties and "additionalProperties" not in parameters:
        for unknown in [key for key in arguments if key not in properties][:3]:
            message = f"{shown(name)} declares no parameter {shown(unknown)}"
            yield one("data.tool.argument_unknown", "arguments", message, nearest(unknown, properties), "warning")


def _pairing(messages: list[Message], line: int) -> Iterator[Finding]:
    """Every call is answered before the next turn, every result answers a call. A last turn may call without a result."""
    open_calls: dict[str, str] = {}
    used: set[str] = set()
    nameless = 0
    for index, message in enumerate(messages):
        at = f"messages[{index}]"
        before = messages[index - 1] if index else message
        if message.role == "tool":
            answered = message.tool_call_id
            if before.role != "tool" and not before.tool_calls:
                continue  # a fault of the order of roles, told there
            if not answered and (open_calls or nameless):
                text = "the result does not say which call it answers"
                yield Finding("data.tool.id_missing", "warning", line, f"{at}.tool_call_id", text, "add the call's id")
                if nameless:
                    nameless -= 1
                else:
                    open_calls.pop(next(iter(open_calls)))
            elif answered in open_calls:
                del open_calls[answered]
            elif answered and nameless:
                nameless -= 1
            elif answered:
                text = f"the result answers {shown(answered)}, which no open call before it has as id"
                fix = nearest(answered, open_calls) if open_calls else "take it out, or add the call that it answers"
                yield Finding("data.tool.call_missing", "error", line, f"{at}.tool_call_id", text, fix)
            continue
        yield from _unanswered(open_calls, nameless, line)
        open_calls, nameless = {}, 0
        for number, call in enumerate(message.tool_calls or ()):
            field = f"{at}.tool_calls[{number}]"
            nameless += not call.id
            if call.id and call.id in used:
                text = f"the id {shown(call.id)} was used before"
                yield Finding("data.tool.id_repeated", "error", line, f"{field}.id", text, "give every call an id of its own")
            used.add(call.id)
            if call.id:
                open_calls[call.id] = field
    if messages and messages[-1].role == "tool":
        yield from _unanswered(open_calls, nameless, line)


def _unanswered(open_calls: dict[str, str], nameless: int, line: int) -> Iterator[Finding]:
    fix = "add a tool message with the call's id right after it, or take the call out"
    for at in open_calls.values():
        yield Finding("data.tool.result_missing", "error", line, at, "the call has no result before the next turn", fix)
    if nameless:
        yield Finding("data.tool.result_missing", "error", line, "messages", "a call has no result before the next turn", fix)


@lru_cache(maxsize=256)
def _schema_fault(schema_text: str) -> str:
    from jsonschema import Draft202012Validator, SchemaError

    if len(schema_text) > _MAX_CHECKED_CHARS:
        return ""
    schema = json.loads(schema_text)
    if not isinstance(schema, dict):
        return f"{shown(schema)} is not an object"
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as fault:
        return fault.message[:120]
    except RecursionError:
        return "it is nested too deeply"
    return ""


def _argument_fault(arguments: dict[str, Any], schema_text: str) -> str:
    """Why these arguments are not what the schema takes, or an empty text."""
    from referencing.exceptions import Unresolvable

    validator = _validator(schema_text)
    if validator is None:
        return ""
    try:
        fault = next(iter(validator.iter_errors(arguments)), None)
    except (RecursionError, Unresolvable):
        return ""
    if fault is None:
        return ""
    at = ".".join(str(part) for part in fault.absolute_path)
    return f"{at}: {fault.message}"[:160] if at else fault.message[:160]


@lru_cache(maxsize=256)
def _validator(schema_text: str) -> Any:
    """None for a schema whose check could run without bound: it is given by whoever wrote the file."""
    from jsonschema import Draft202012Validator
    from jsonschema.validators import extend
    from referencing import Registry

    is_too_much = len(schema_text) > _MAX_CHECKED_CHARS or schema_text.count('"$ref"') > _MAX_REFERENCES
    if is_too_much or '"patternProperties"' in schema_text:
        return None
    bounded: Any = extend(Draft202012Validator, {"pattern": _pattern, "uniqueItems": None})  # type: ignore[no-untyped-call]
    registry: Registry[Any] = Registry()  # an empty one: nothing is fetched, whatever a schema refers to
    return bounded(json.loads(schema_text), registry=registry)


def _pattern(_validator: Any, pattern: Any, instance: Any, _schema: Any) -> Iterator[Any]:
    """JSON schema's `pattern` in linear time (RE2); patterns that RE2 does not know pass."""
    import re2  # type: ignore[import-untyped]
    from jsonschema import ValidationError

    if not isinstance(instance, str) or not isinstance(pattern, str):
        return
    try:
        found = re2.search(pattern, instance)
    except re2.error:
        return
    if not found:
        yield ValidationError(f"{shown(instance)} does not match {shown(pattern)}")
