"""Raw examples of a project: one JSON object per line, checked against the fields of `hone.toml`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from honekit.data.lines import (
    MIN_TRAINING_EXAMPLES,
    AddFinding,
    Finding,
    decode_json,
    nearest,
    raise_findings,
    read_lines,
    shown,
    syntax_finding,
)

if TYPE_CHECKING:
    from honekit.project import OutputField, Project

_OWN_NOTES = "meta"
"""A key of the raw example that Hone never reads, for the user's own remarks."""


@dataclass(frozen=True)
class Example:
    """One raw example. In a text task the answer has the one field too: {field: value}."""

    id: str
    input: str
    answer: dict[str, Any]
    accept: dict[str, tuple[str, ...]]
    """Further right phrases by field, for score `phrase`."""
    slices: tuple[str, ...]
    passages: bool | None
    """Whether training shows retrieved passages with it; None: not said."""
    group: str
    """Value of the key `data.group`: it must not cross a split."""
    line: int
    path: Path
    weight: int = 1
    """0 keeps the example in the file, and out of the loss."""


def read_examples(project: Project, file: str) -> list[Example]:
    """All examples of one file of the project, or one DataError that lists what is wrong with them.

    Raises: DataError with the code of the first fault: data.json_syntax, data.not_utf8, data.line_too_long,
    data.record, data.key_missing, data.key_unknown, data.id_duplicate, data.input_empty, data.answer,
    data.field_missing, data.field_unknown, data.value_type, data.value_unknown, data.list_size, data.accept,
    data.slice_unknown, data.weight, data.too_few.
    """
    path = project.path(file)
    findings: list[Finding] = []
    examples: list[Example] = []
    first_line: dict[str, int] = {}
    for line in read_lines(path):
        if line.text is None:
            if line.fault:
                findings.append(line.fault)
            continue
        if line.is_blank:
            continue
        try:
            record = decode_json(line.text)
        except ValueError:
            findings.append(syntax_finding(line.number, line.text))
            continue
        found, example = _example(project, path, line.number, record)
        if example and example.id in first_line:
            message = f"the id {shown(example.id)} is already on line {first_line[example.id]}"
            found.append(_error("data.id_duplicate", line.number, "id", message, "give every example its own id"))
        elif example:
            first_line[example.id] = line.number
            examples.append(example)
        findings += found
    least = MIN_TRAINING_EXAMPLES if file == project.data.train else 1
    if not findings and len(examples) < least:
        what = f"{len(examples)} {'example' if len(examples) == 1 else 'examples'}, and at least {_needed(least)}"
        findings.append(_error("data.too_few", 0, "", what, "add examples, one JSON object per line"))
    raise_findings(path, findings)
    return examples


def _needed(least: int) -> str:
    return "1 is needed" if least == 1 else f"{least} are needed"


def _error(code: str, line: int, field: str, message: str, fix: str) -> Finding:
    return Finding(code, "error", line, field, message, fix)


def _example(project: Project, path: Path, line: int, record: Any) -> tuple[list[Finding], Example | None]:
    findings: list[Finding] = []

    def add(code: str, field: str, message: str, fix: str) -> None:
        findings.append(_error(code, line, field, message, fix))

    if not isinstance(record, dict):
        add("data.record", "", f"the line holds {shown(record)}, not an object", 'write {"id": ..., "answer": ...}')
        return findings, None
    _check_keys(project, record, add)
    answer = _answer(project, record.get("answer"), add) if "answer" in record else {}
    accept = _accept(project, record.get("accept"), add)
    slices = _slices(project, record.get("slices"), add)
    for key, allowed in (("passages", (True, False, None)), ("weight", (0, 1, None))):
        value = record.get(key)
        if not any(value is option or (value == option and type(value) is type(option)) for option in allowed):
            options = "true or false" if key == "passages" else "0 or 1"
            add(f"data.{key}", key, f"`{key}` is {shown(value)}", f"write {options}, or leave the key out")
    if findings:
        return findings, None
    weight = record.get("weight")
    return findings, Example(
        id=str(record["id"]),
        input=record[project.task.input],
        answer=answer,
        accept=accept,
        slices=slices,
        passages=record.get("passages"),
        group=str(record[project.data.group]),
        line=line,
        path=path,
        weight=1 if weight is None else weight,
    )


def _check_keys(project: Project, record: dict[str, Any], add: AddFinding) -> None:
    needed = dict.fromkeys(("id", project.task.input, project.data.group, "answer"))
    known = [*needed, "passages", "accept", "slices", "weight", "group", _OWN_NOTES]
    unknown = [key for key in record if key not in known]
    for key in needed:
        if key not in record:
            left = f"; there is {', '.join(map(shown, unknown))}" if unknown else ""
            setting = {project.task.input: "task.input", project.data.group: "data.group"}.get(key) if key != "id" else None
            fix = f"add `{key}` to the object" + (f", or name another key as {setting} in hone.toml" if setting else "")
            add("data.key_missing", key, f"the key `{key}` is missing{left}", fix)
    for key in unknown:
        fix = f"{nearest(key, known)}; keep remarks of your own under `{_OWN_NOTES}`"
        add("data.key_unknown", key, f"the key {shown(key)} means nothing here", fix)
    for key in dict.fromkeys(("id", project.data.group)):
        if key in record and (not isinstance(record[key], str | int) or not str(record[key]).strip()):
            add("data.value_type", key, f"`{key}` is {shown(record[key])}", "write a text that is not empty")
    text = record.get(project.task.input, "-")
    if not isinstance(text, str):
        add("data.value_type", project.task.input, "the input is not a text", "write it as a JSON string")
    elif not text.strip():
        add("data.input_empty", project.task.input, "the input is empty", "fill it in, or delete the line")


def _answer(project: Project, answer: Any, add: AddFinding) -> dict[str, Any]:
    fields = project.task.fields
    names = [field.name for field in fields]
    if project.task.format == "text":
        field = fields[0]
        if isinstance(answer, dict):
            add("data.answer", "answer", "the answer is an object", 'this task has format "text": write the bare value')
        else:
            check_value(field, answer, "answer", add)
        return {field.name: answer}
    if not isinstance(answer, dict):
        fix = f"write an object with {', '.join(names)}"
        add("data.answer", "answer", f"the answer is {shown(answer)}, not an object", fix)
        return {}
    for field in fields:
        if field.name not in answer:
            fix = "write null where it is not known" if is_nullable(field) else "add it"
            add("data.field_missing", f"answer.{field.name}", f"the field `{field.name}` is missing", fix)
        else:
            check_value(field, answer[field.name], f"answer.{field.name}", add)
    for key in answer:
        if key not in names:
            add("data.field_unknown", f"answer.{key}", f"the answer has no field {shown(key)}", nearest(key, names))
    return answer


def is_nullable(field: OutputField) -> bool:
    """Whether null is an answer: said so, or the field depends on a passage that may be missing."""
    return field.nullable or field.from_retrieval


def check_value(field: OutputField, value: Any, where: str, add: AddFinding) -> None:
    """Report what keeps `value` from being an answer of this field."""
    if value is None:
        if not is_nullable(field):
            add("data.value_type", where, "null is no answer of this field", "fill it in, or set `nullable = true`")
    elif field.type == "list":
        _check_list(field, value, where, add)
    elif not isinstance(value, str):
        add("data.value_type", where, f"{shown(value)} is not a text", "write a JSON string")
    elif not value.strip():
        add("data.value_type", where, "the value is empty", "fill it in")
    elif field.type == "enum" and value not in field.values:
        add("data.value_unknown", where, f"{shown(value)} is not a value of this field", nearest(value, field.values))


def _check_list(field: OutputField, value: Any, where: str, add: AddFinding) -> None:
    if not isinstance(value, list):
        add("data.value_type", where, f"{shown(value)} is not a list", "write a JSON array")
        return
    for item in value:
        if item not in field.values:
            add("data.value_unknown", where, f"{shown(item)} is not a member of this list", nearest(item, field.values))
    if not field.min_items <= len(value) <= field.max_items:
        size = f"{field.min_items} to {field.max_items}"
        add("data.list_size", where, f"the list has {len(value)} members", f"write {size} members")
    if any(value.count(item) > 1 for item in value):
        add("data.list_size", where, "the list names a member twice", "name each member once")


def _accept(project: Project, accept: Any, add: AddFinding) -> dict[str, tuple[str, ...]]:
    if accept is None:
        return {}
    fix = 'write {"field": ["phrase", ...]}'
    if not isinstance(accept, dict):
        add("data.accept", "accept", f"`accept` is {shown(accept)}, not an object", fix)
        return {}
    names = [field.name for field in project.task.fields]
    for key, phrases in accept.items():
        if key not in names:
            add("data.accept", f"accept.{key}", f"the answer has no field {shown(key)}", nearest(key, names))
        elif not _are_texts(phrases):
            add("data.accept", f"accept.{key}", "the accepted phrases are not a list of texts", fix)
    return {key: tuple(phrases) for key, phrases in accept.items() if _are_texts(phrases)}


def _slices(project: Project, slices: Any, add: AddFinding) -> tuple[str, ...]:
    if slices is None:
        return ()
    if not _are_texts(slices):
        add("data.slice_unknown", "slices", "`slices` is not a list of names", 'write ["name", ...]')
        return ()
    for name in slices:
        if name not in project.data.slices:
            known = nearest(name, project.data.slices) if project.data.slices else "name it in `data.slices`"
            add("data.slice_unknown", "slices", f"hone.toml has no slice {shown(name)}", known)
    return tuple(dict.fromkeys(slices))


def _are_texts(value: Any) -> bool:
    return (
        isinstance(value, Sequence)
        and not isinstance(value, str)
        and all(isinstance(item, str) and item.strip() for item in value)
    )
