"""System prompts for a project that `hone init` writes: one to train with, and others for the untuned base.

The base's arms take the wording that does best on validation data, so that the base is not beaten by a bad prompt.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from honekit.project import Project


class Described(Protocol):
    """What a wording needs of a field: a guess of `hone init`, or a field of `hone.toml`."""

    @property
    def name(self) -> str: ...
    @property
    def type(self) -> Literal["string", "enum", "list"]: ...
    @property
    def values(self) -> tuple[str, ...]: ...
    @property
    def nullable(self) -> bool: ...
    @property
    def min_items(self) -> int: ...
    @property
    def max_items(self) -> int: ...


def instructions(fields: Sequence[Described], label: str) -> str:
    """The system prompt of the tuned model: every field with its values, in the order of the answer."""
    if _is_text(fields):
        return (
            f"You read one {label} and answer with exactly one of these values of {fields[0].name} and nothing else:\n"
            + "\n".join(fields[0].values)
        )
    lines = [f"You read one {label}. Answer with one JSON object and nothing else, with these keys in this order:"]
    return "\n".join([*lines, *(f"{field.name}: {_kind(field)}" for field in fields)])


def alternatives(fields: Sequence[Described], label: str, schema: dict[str, Any]) -> dict[str, str]:
    """File name -> further wordings, each complete in itself."""
    if _is_text(fields):
        name, values = fields[0].name, fields[0].values
        listed = ", ".join(values)
        return {
            "brief.txt": f"What is the {name} of this {label}? Answer with one of: {listed}.",
            "steps.txt": f"Read the {label}. Compare it with each of these values: {listed}. Pick the one that fits best "
            f"as its {name}. Write only that value, spelt as above.",
            "list.txt": f"Task: classification by {name}.\nAllowed answers:\n"
            + "\n".join(f"- {value}" for value in values)
            + "\nReply with one allowed answer and no other word.",
            "expert.txt": f"You have sorted thousands of these by {name}. For the {label} below give the one right "
            f"{name}. It is one of {listed}. No explanation, no punctuation.",
        }
    keys = ", ".join(field.name for field in fields)
    described = "; ".join(f"{field.name} ({_kind(field)})" for field in fields)
    shape = json.dumps({field.name: _placeholder(field) for field in fields}, ensure_ascii=False)
    return {
        "brief.txt": f"Reply to the {label} with one JSON object: {described}.",
        "steps.txt": f"Read the {label} and fill in, one after the other:\n"
        + "\n".join(f"{n}. {field.name}: {_kind(field)}" for n, field in enumerate(fields, 1))
        + f"\nThen write one JSON object with the keys {keys}, and no other text.",
        "schema.txt": f"Answer with one JSON object that is valid under this JSON schema, and with nothing else:\n"
        f"{json.dumps(schema, ensure_ascii=False)}\nThe user sends one {label}.",
        "shape.txt": f"You extract data. From the {label} make an object of this shape: {shape}\n"
        + "\n".join(f"{field.name} is {_kind(field)}." for field in fields)
        + "\nNo text before it, none after it.",
    }


def from_schema(project: Project) -> dict[str, str]:
    """Name -> at least five system prompts made from the task's fields, for a comparison that is fair to prompting.

    The last one is the project's own prompt with the form of the answer said once more at its end, where a model reads it last.
    """
    from honekit.data.prompts import answer_schema

    fields, label = project.task.fields, project.task.input_label.lower()
    own = project.system_prompt
    if project.task.format == "text" and not _is_text(fields):
        # Nothing but the project's own words says what a free text is to be.
        name = fields[0].name
        return {
            "made/only": f"{own}\nWrite the {name} and nothing else.",
            "made/first": f"Write only the {name}, without any introduction.\n{own}",
            "made/brief": f"{own}\nBe as brief as you can.",
            "made/steps": f"{own}\nRead the {label} twice before you answer. Then write only the {name}.",
            "made/expert": f"You have done this thousands of times.\n{own}",
        }
    made = {"instructions": instructions(fields, label), **alternatives(fields, label, answer_schema(project))}
    form = (
        f"Answer with one of: {', '.join(fields[0].values)}. No other word."
        if _is_text(fields)
        else f"Answer with one JSON object like {json.dumps({f.name: _placeholder(f) for f in fields})} and nothing else."
    )
    return {f"made/{name.removesuffix('.txt')}": text for name, text in made.items()} | {"made/reminder": f"{own}\n{form}"}


def _is_text(fields: Sequence[Described]) -> bool:
    return len(fields) == 1 and fields[0].type == "enum" and not fields[0].nullable


def _kind(field: Described) -> str:
    null = ", or null" if field.nullable else ""
    if field.type == "enum":
        return f"one of {', '.join(field.values)}{null}"
    if field.type == "list":
        size = str(field.max_items) if field.min_items == field.max_items else f"{field.min_items} to {field.max_items}"
        return f"a list of {size} of {', '.join(field.values)}{null}"
    return f"a short text{null}"


def _placeholder(field: Described) -> Any:
    return ["..."] if field.type == "list" else "..."
