"""From an example to the messages that a model reads, and from a model's text back to values.

Training, evaluation and serving build their prompts here, so that a tuned model is asked exactly as it was taught.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from honekit.data.examples import is_nullable
from honekit.data.lines import decode_json
from honekit.retrieval.passages import Passage

if TYPE_CHECKING:
    from honekit.project import OutputField, Project, TaskSection

ANSWER_SEPARATORS = (",", ":")
"""Compact JSON: every blank would be tokens to learn and to generate."""


class Asked(Protocol):
    """What a prompt needs of an example."""

    @property
    def input(self) -> str: ...
    @property
    def answer(self) -> Mapping[str, Any]: ...


@dataclass(frozen=True)
class ParsedAnswer:
    """A model's answer, read strictly. In a text task `json_valid` just means that there is an answer."""

    json_valid: bool
    schema_valid: bool
    values: dict[str, Any] | None
    """The object as it was written, also when it misses the schema; None when there is no object."""
    problems: tuple[str, ...] = ()


def build_messages(
    project: Project,
    example: Asked,
    *,
    system: str | None = None,
    passages: Sequence[Passage] | None = None,
    demonstrations: Sequence[tuple[Asked, Sequence[Passage] | None]] = (),
    with_answer: bool = False,
) -> list[dict[str, str]]:
    """System, demonstrations as earlier turns, the question; with the answer too when it is to be learnt.

    An answer names a passage only where that passage is in its own prompt; elsewhere the field is null.
    """
    messages = [{"role": "system", "content": project.system_prompt if system is None else system}]
    for demonstration, shown_with_it in demonstrations:
        messages.append({"role": "user", "content": user_message(project, demonstration.input, shown_with_it)})
        messages.append({"role": "assistant", "content": _answer_given(project, demonstration, shown_with_it)})
    messages.append({"role": "user", "content": user_message(project, example.input, passages)})
    if with_answer:
        messages.append({"role": "assistant", "content": _answer_given(project, example, passages)})
    return messages


def user_message(project: Project, text: str, passages: Sequence[Passage] | None = None) -> str:
    """The input under its label and above the task's question, after the passages under theirs."""
    question = f"{project.task.input_label}:\n{text}"
    if project.task.question:
        question += f"\n{project.task.question}"
    if not passages:
        return question
    label = project.retrieval.label if project.retrieval else "Passages"
    listed = "\n".join(f"[{passage.ref}] {passage.text}" for passage in passages)
    return f"{label}:\n{listed}\n\n{question}"


def _answer_given(project: Project, example: Asked, passages: Sequence[Passage] | None) -> str:
    shown = {passage.ref for passage in passages or ()}
    return serialise_answer(project, example.answer, reference(project, example.answer) in shown)


def reference(project: Project, answer: Mapping[str, Any]) -> str | None:
    """The passage that the answer names, if it names one."""
    named = (answer.get(field.name) for field in project.task.fields if field.from_retrieval)
    return next((value for value in named if value is not None), None)


def serialise_answer(project: Project, answer: Mapping[str, Any], with_reference: bool) -> str:
    """The answer as the model is to write it: compact JSON with the fields in the order of `hone.toml`.

    Without `with_reference` (the passage was not given) fields with `from_retrieval` become null. A text task
    gives the bare value.
    """
    values = {
        field.name: answer.get(field.name) if with_reference or not field.from_retrieval else None
        for field in project.task.fields
    }
    if project.task.format == "text":
        return str(values[project.task.fields[0].name] or "")
    return json.dumps(values, ensure_ascii=False, separators=ANSWER_SEPARATORS)


def parse_answer(project: Project, text: str) -> ParsedAnswer:
    """Read an answer as a program would that does not forgive: the whole text is the answer or it is wrong.

    JSON tasks: one object with no key twice and nothing around it, then the schema. Text tasks: one of the values.
    """
    stripped = text.strip()
    if project.task.format == "text":
        return _parse_text(project.task.fields[0], stripped)
    try:
        values = decode_json(stripped)
    except ValueError as fault:
        return ParsedAnswer(False, False, None, (f"not JSON: {fault}",))
    if not isinstance(values, dict):
        return ParsedAnswer(False, False, None, ("JSON, but not an object",))
    problems = tuple(
        f"{'.'.join(map(str, error.absolute_path)) or 'answer'}: {error.message}"
        for error in _validator(project.task).iter_errors(values)
    )
    return ParsedAnswer(True, not problems, values, problems)


def _parse_text(field: OutputField, text: str) -> ParsedAnswer:
    if not text:
        return ParsedAnswer(False, False, None, ("the answer is empty",))
    fits = text in field.values if field.type == "enum" else True
    problems = () if fits else (f"not one of {', '.join(field.values)}",)
    return ParsedAnswer(True, fits, {field.name: text}, problems)


def answer_schema(project: Project) -> dict[str, Any]:
    """The JSON schema (draft 2020-12) of the task's answer; of a text task: of its only value."""
    if project.task.format == "text":
        return _field_schema(project.task.fields[0])
    return object_schema(project.task.fields)


def object_schema(fields: Sequence[OutputField]) -> dict[str, Any]:
    """The JSON schema of an object with exactly these fields."""
    return {
        "type": "object",
        "properties": {field.name: _field_schema(field) for field in fields},
        "required": [field.name for field in fields],
        "additionalProperties": False,
    }


def _field_schema(field: OutputField) -> dict[str, Any]:
    nullable = is_nullable(field)
    if field.type == "enum":
        return {"enum": [*field.values, None] if nullable else list(field.values)}
    if field.type == "string":
        return {"type": ["string", "null"] if nullable else "string", "minLength": 1}
    return {
        "type": ["array", "null"] if nullable else "array",
        "items": {"enum": list(field.values)},
        "minItems": field.min_items,
        "maxItems": field.max_items,
        "uniqueItems": True,
    }


@functools.lru_cache(maxsize=8)
def _validator(task: TaskSection) -> Any:
    import jsonschema

    return jsonschema.Draft202012Validator(object_schema(task.fields))
