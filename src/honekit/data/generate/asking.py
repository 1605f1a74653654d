"""The request for new examples, and reading what comes back."""

from __future__ import annotations

import json
from typing import Any

from honekit.chat.messages import Message
from honekit.data.chat import ChatExample
from honekit.data.generate.spec import Draw, Spec
from honekit.data.label.form import Form
from honekit.data.lines import decode_json

_INSTRUCTIONS = """You write training examples for a language model. Each example is an input, as a user would send it, and the \
answer that the model is to give.

Write examples that are new: other situations, other words, other lengths than the ones shown, as varied as real inputs are. \
Copy no sentence. The answers must be right for their inputs and have exactly the form of the shown answers.

Answer with one JSON object and nothing else: {"examples": [{"input": "...", "answer": ...}, ...]}"""


def is_usable(seed: ChatExample) -> bool:
    """Whether an example has the one shape that is generated: instructions if any, one input, one answer in words."""
    roles = [message.role for message in seed.messages]
    if roles and roles[0] in ("system", "developer"):
        roles = roles[1:]
    return roles == ["user", "assistant"] and not seed.tools and bool(seed.messages[-1].text.strip())


def request(spec: Spec, draw: Draw, form: Form, count: int) -> list[dict[str, str]]:
    """The messages that ask for `count` examples."""
    shown = [{"input": seed.messages[-2].text, "answer": _answer(seed.messages[-1].text, form)} for seed in draw.seeds]
    parts = [f"The task:\n{spec.description}"]
    if system := system_of(draw):
        parts.append(f"The instructions that the model will have:\n{system.text}")
    parts.append("Examples of the form:\n" + json.dumps({"examples": shown}, ensure_ascii=False, indent=1))
    if form.format == "json" or form.fields[0].values:
        parts.append("An answer must fit this JSON schema:\n" + json.dumps(form.schema, ensure_ascii=False))
    if draw.attributes:
        wanted = "\n".join(f"- {name}: {value}" for name, value in draw.attributes.items())
        parts.append(f"This time the examples are to have:\n{wanted}")
    parts.append(f"Write {count} new example{'s' if count > 1 else ''}.")
    return [{"role": "system", "content": _INSTRUCTIONS}, {"role": "user", "content": "\n\n".join(parts)}]


def response_format(form: Form, count: int) -> dict[str, Any]:
    """The schema of the reply, for endpoints that hold a model to one."""
    answer = (
        form.schema if form.format == "json" else {"type": "string", **{k: form.schema[k] for k in ("enum",) if k in form.schema}}
    )
    example = {
        "type": "object",
        "properties": {"input": {"type": "string"}, "answer": answer},
        "required": ["input", "answer"],
        "additionalProperties": False,
    }
    reply = {
        "type": "object",
        "properties": {"examples": {"type": "array", "items": example, "minItems": 1, "maxItems": count}},
        "required": ["examples"],
        "additionalProperties": False,
    }
    return {"type": "json_schema", "json_schema": {"name": "examples", "schema": reply}}


def read_reply(text: str, form: Form) -> list[tuple[str, str]] | None:
    """Input and answer of each example in a reply; None when there is no such object in it.

    Models put fences and words around their JSON, so it is taken from the first brace to the last.
    """
    try:
        reply = decode_json(text[text.find("{") : text.rfind("}") + 1])
    except ValueError:
        return None
    examples = reply.get("examples") if isinstance(reply, dict) else None
    if not isinstance(examples, list):
        return None
    pairs = []
    for example in examples:
        given = example.get("input") if isinstance(example, dict) else None
        answer = example.get("answer") if isinstance(example, dict) else None
        if isinstance(answer, dict) and form.format == "json":
            answer = form.write(answer)
        pairs.append((given if isinstance(given, str) else "", answer if isinstance(answer, str) else ""))
    return pairs


def record_of(draw: Draw, given: str, answer: str) -> dict[str, Any]:
    """The conversation, with the instructions of the first seed that was shown."""
    system = system_of(draw)
    leading = [{"role": system.role, "content": system.text}] if system else []
    return {"messages": [*leading, {"role": "user", "content": given}, {"role": "assistant", "content": answer}]}


def system_of(draw: Draw) -> Message | None:
    first = draw.seeds[0].messages[0]
    return first if first.role in ("system", "developer") else None


def _answer(text: str, form: Form) -> Any:
    values = form.values(text) if form.format == "json" else None
    return text if values is None else values
