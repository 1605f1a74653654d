"""The grammar of answers that may or must call functions, as llguidance's Lark."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from honekit.chat.tools import CallForm
from honekit.errors import ServeError
from honekit.inference.constrain import json_rule

MAX_GRAMMAR_BYTES = 256 * 1024
"""All functions of a request together."""


@dataclass(frozen=True)
class Function:
    """A function that may be called: its name (letters, digits, `_`, `-`) and the schema of its arguments, an object."""

    name: str
    parameters: Mapping[str, Any]
    strict: bool = False


def parameters_rule(function: Function) -> str:
    """The rule of a function's arguments. Raises ServeError as `json_rule`."""
    return json_rule({**function.parameters, "type": "object"}, strict=function.strict)


def tool_grammar(
    form: CallForm,
    functions: Sequence[Function],
    *,
    must: bool,
    several: bool,
    answer: str | None = None,
) -> str:
    """What an answer may be: calls only when it `must` call; else text with calls in it.

    `several`: more than one call may be made. `answer`: a rule (`json_rule`) that an answer without calls is held to.
    Raises ServeError `serve.bad_grammar`.
    """
    free = not must and answer is None
    # In free text the opener is what ends the text, so it is part of a token that the text runs into.
    begin = "trigger" if free else json.dumps(form.opener)
    lines = ["%llguidance {}"]
    if free:
        lines += ["start: call* TEXT" if several else "start: TEXT | call"]
        lines += ["TEXT: /(.|\\n)*/", f"trigger[lazy]: TEXT {json.dumps(form.opener)}"]
    else:
        calls = 'call ("\\n" call)*' if several else "call"
        lines += [f"start: {calls}" if answer is None else f"start: answer | {calls}"]
        lines += [] if answer is None else [f"answer: {answer}"]
    lines.append("call: " + " | ".join(f"call_{i}" for i in range(len(functions))))
    for index, function in enumerate(functions):
        head, tail = json.dumps(form.head(function.name)), json.dumps(form.tail)
        lines.append(f"call_{index}: {begin} {head} arguments_{index} {tail}")
        lines.append(f"arguments_{index}: {parameters_rule(function)}")
    grammar = "\n".join(lines) + "\n"
    if len(grammar) > MAX_GRAMMAR_BYTES:
        what = f"the schemas of all functions together are longer than {MAX_GRAMMAR_BYTES} bytes"
        raise ServeError("serve.bad_grammar", what=what, mend="offer fewer functions at once")
    return grammar
