"""The form in which an answer is filled in: from a project's task, a JSON schema, or the answers that a file has."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from honekit.data.blocks import open_data
from honekit.data.infer import MAX_ENUM_VALUES, MIN_ROWS_PER_VALUE
from honekit.data.lines import decode_json, shown
from honekit.data.prompts import ANSWER_SEPARATORS, answer_schema
from honekit.errors import DataError
from honekit.project import Project

FieldKind = Literal["enum", "text", "number", "integer", "boolean", "list"]
ANSWER = "answer"
"""Name of the only field of an answer that is no object."""
JSON_SHARE = 0.8
"""From this share of answers that are objects on, a file's answers are taken for objects."""
_KINDS: dict[str, FieldKind] = {"number": "number", "integer": "integer", "boolean": "boolean", "array": "list"}


@dataclass(frozen=True)
class FormField:
    """One input of the form. `values` are the choices of an enum, or of a list's members; empty for free text."""

    name: str
    kind: FieldKind
    values: tuple[str, ...] = ()
    nullable: bool = False


@dataclass(frozen=True)
class Form:
    """How answers are filled in, checked, and written as the text that a model learns."""

    format: Literal["json", "text"]
    fields: tuple[FormField, ...]
    schema: dict[str, Any]
    separators: tuple[str, str] = field(default=ANSWER_SEPARATORS)

    def as_dict(self) -> dict[str, Any]:
        return {"format": self.format, "fields": [asdict(one) for one in self.fields]}

    def values(self, answer: str) -> dict[str, Any] | None:
        """The fields' values in an answer; None when it is no object."""
        if self.format == "text":
            return {self.fields[0].name: answer.strip()}
        try:
            values = decode_json(answer)
        except ValueError:
            return None
        return values if isinstance(values, dict) else None

    def write(self, values: dict[str, Any]) -> str:
        """The answer's text: fields in the order of the form, then any others as they came."""
        if self.format == "text":
            return str(values.get(self.fields[0].name) or "")
        ordered = {one.name: values[one.name] for one in self.fields if one.name in values}
        return json.dumps({**ordered, **values}, ensure_ascii=False, separators=self.separators)

    def problems(self, answer: str) -> list[str]:
        """What keeps the answer from being one of this form, in words; empty when it is."""
        import jsonschema

        if not answer.strip():
            return ["the answer is empty"]
        value: Any = answer.strip()
        if self.format == "json":
            try:
                value = decode_json(answer)
            except ValueError as fault:
                return [f"the answer is not JSON: {fault}"]
        faults = jsonschema.Draft202012Validator(self.schema).iter_errors(value)
        return [f"{'.'.join(map(str, fault.absolute_path)) or ANSWER}: {fault.message}" for fault in faults]


def form_of_project(project: Project) -> Form:
    """The fields of `hone.toml`."""
    schema = answer_schema(project)
    if project.task.format == "json":
        return form_of_schema(schema)
    name = project.task.fields[0].name
    return Form("text", (_field(name, schema),), schema)


def form_of_schema(schema: dict[str, Any]) -> Form:
    """The properties of an object, or one field for a schema of anything else."""
    if schema.get("type") == "object" or "properties" in schema:
        fields = tuple(_field(name, part) for name, part in schema.get("properties", {}).items())
        return Form("json", fields, schema)
    return Form("text", (_field(ANSWER, schema),), schema)


def read_schema(path: Path) -> dict[str, Any]:
    """A JSON schema (draft 2020-12) from a file.

    Raises: DataError[data.file_missing | data.file_unreadable | data.schema].
    """
    import jsonschema

    with open_data(path) as file:
        content = file.read()
    try:
        schema = decode_json(content.decode("utf-8"))
        if not isinstance(schema, dict):
            raise ValueError(f"it holds {shown(schema)}, not an object")
        jsonschema.Draft202012Validator.check_schema(schema)
    except (ValueError, jsonschema.SchemaError) as fault:
        reason = fault.message if isinstance(fault, jsonschema.SchemaError) else str(fault)
        raise DataError(
            "data.schema",
            what=f"this is no JSON schema: {reason}",
            where=str(path),
            mend='write one such as {"type": "object", "properties": {"topic": {"enum": ["bug", "bill"]}}}',
        ) from fault
    return schema


def form_of_answers(answers: Sequence[str], *, is_strict: bool = False) -> Form:
    """The form that a file's answers suggest: fields of an object, one choice of labels, or free text.

    What is inferred only offers choices, and nothing is refused for being another one; unless it `is_strict`: then the
    choices are all there are, and a field that no answer lacks may not be missing.
    """
    choices = "enum" if is_strict else "examples"
    objects = [value for value in map(_object, answers) if value is not None]
    if answers and len(objects) >= JSON_SHARE * len(answers):
        names = dict.fromkeys(name for value in objects for name in value)
        properties = {name: _inferred([value[name] for value in objects if name in value], choices) for name in names}
        required = [name for name in names if all(name in value for value in objects)] if is_strict else []
        compact = sum('": ' not in answer for answer in answers) > len(answers) / 2
        form = form_of_schema(
            {"type": "object", "properties": properties, "required": required, "additionalProperties": not is_strict}
        )
        return Form("json", form.fields, form.schema, ANSWER_SEPARATORS if compact else (", ", ": "))
    labels = [answer.strip() for answer in answers if answer.strip()]
    return form_of_schema({"type": "string", "minLength": 1, **_choices(labels, choices)})


def _object(answer: str) -> dict[str, Any] | None:
    if not answer.lstrip().startswith("{"):
        return None
    try:
        value = decode_json(answer)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _inferred(values: Sequence[Any], choices: str) -> dict[str, Any]:
    present = [value for value in values if value is not None]
    null = ["null"] if len(present) < len(values) else []
    if present and all(isinstance(value, bool) for value in present):
        return {"type": ["boolean", *null]}
    if present and all(isinstance(value, int | float) and not isinstance(value, bool) for value in present):
        return {"type": ["integer" if all(isinstance(value, int) for value in present) else "number", *null]}
    if present and all(isinstance(value, list) and all(isinstance(part, str) for part in value) for value in present):
        members = [part for value in present for part in value]
        return {"type": ["array", *null], "items": {"type": "string", **_choices(members, choices)}}
    if present and all(isinstance(value, str) for value in present):
        found = _choices(present, choices)
        if null and "enum" in found:
            found["enum"].append(None)
        return {"type": ["string", *null], **found}
    return {}


def _choices(texts: Sequence[str], keyword: str) -> dict[str, list[Any]]:
    """The distinct texts, most frequent first, under the keyword when they recur like labels; nothing otherwise."""
    counts = Counter(texts)
    if not counts or len(counts) > MAX_ENUM_VALUES or len(texts) < MIN_ROWS_PER_VALUE * len(counts):
        return {}
    return {keyword: [text for text, _ in counts.most_common()]}


def _field(name: str, schema: dict[str, Any]) -> FormField:
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else list(kinds)
    choices = schema.get("enum") or schema.get("examples") or []
    nullable = "null" in kinds or None in choices
    kind = next((_KINDS[one] for one in kinds if one in _KINDS), None)
    if kind == "list":
        items = schema.get("items") if isinstance(schema.get("items"), dict) else {}
        choices = (items or {}).get("enum") or (items or {}).get("examples") or []
    values = tuple(value for value in choices if isinstance(value, str))
    return FormField(name, kind or ("enum" if values else "text"), values if kind in (None, "list") else (), nullable)
