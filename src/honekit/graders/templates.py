"""`{{item.answer}}`, `{{sample.output_text}}`, `{{ sample.output_json.parts[0].name }}`: paths into item and sample, and
nothing else. There is no logic, and what was filled in is not read again, so data cannot become a template.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from honekit.graders.faults import GradingFault
from honekit.graders.values import no_constant

MAX_TEMPLATE_CHARS = 100_000
MAX_RENDERED_CHARS = 1_000_000
MAX_PATH_CHARS = 500

_PATH = re.compile(r"(item|sample)((?:\.[\w-]+|\[[0-9]{1,7}\])*)")
_STEP = re.compile(r"\.([\w-]+)|\[([0-9]+)\]")


@dataclass(frozen=True)
class Sample:
    """What is graded. `more` adds names to the `sample` namespace beside `output_text` and `output_json`."""

    output_text: str
    more: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def output_json(self) -> Any:
        """The text read as JSON. Raises: GradingFault[sample_parse_error]."""
        try:
            return json.loads(self.output_text, parse_constant=no_constant)
        except (ValueError, RecursionError) as fault:
            raise GradingFault("sample_parse_error", f"the sample is not JSON: {str(fault)[:200]}") from fault

    def namespace(self) -> dict[str, Any]:
        """All that a Python grader gets as `sample`; `output_json` is left out when the text is not JSON."""
        names = {**self.more, "output_text": self.output_text}
        with suppress(GradingFault):
            names["output_json"] = self.output_json
        return names


@dataclass(frozen=True)
class Variable:
    """A path: the namespace, then keys (str) and indices (int)."""

    root: str
    steps: tuple[str | int, ...]
    text: str


def parse_template(template: str) -> list[str | Variable]:
    """Literal texts and variables in their order. Raises: ValueError that says where the template is malformed."""
    if len(template) > MAX_TEMPLATE_CHARS:
        raise ValueError(f"a template may have {MAX_TEMPLATE_CHARS} characters")
    parts: list[str | Variable] = []
    position = 0
    while (start := template.find("{{", position)) >= 0:
        end = template.find("}}", start)
        if end < 0:
            raise ValueError(f"'{{{{' at character {start} is never closed")
        parts.append(template[position:start])
        parts.append(_variable(template[start + 2 : end].strip()))
        position = end + 2
    parts.append(template[position:])
    return parts


def render(template: str, item: Mapping[str, Any], sample: Sample) -> str:
    """Fill the variables in: strings as they are, everything else as JSON.

    Raises: GradingFault[invalid_variable_error | sample_parse_error | truncated_observation_error].
    """
    try:
        parts = parse_template(template)
    except ValueError as fault:
        raise GradingFault("invalid_variable_error", str(fault)) from fault
    texts: list[str] = []
    length = 0
    for part in parts:
        text = part if isinstance(part, str) else _shown(_look_up(part, item, sample), part)
        length += len(text)
        if length > MAX_RENDERED_CHARS:
            raise GradingFault("truncated_observation_error", f"the text is longer than {MAX_RENDERED_CHARS} characters")
        texts.append(text)
    return "".join(texts)


def _variable(text: str) -> Variable:
    found = _PATH.fullmatch(text) if len(text) <= MAX_PATH_CHARS else None
    if found is None:
        raise ValueError(f"'{{{{{text[:60]}}}}}' is no path such as item.key, item.list[0] or sample.output_text")
    steps = tuple(int(index) if index else key for key, index in _STEP.findall(found[2]))
    return Variable(found[1], steps, text)


def _look_up(variable: Variable, item: Mapping[str, Any], sample: Sample) -> Any:
    steps = variable.steps
    if variable.root == "item":
        value: Any = item
    elif steps[:1] == ("output_json",):
        value, steps = sample.output_json, steps[1:]
    else:
        value = sample.namespace() if not steps else {**sample.more, "output_text": sample.output_text}
    for step in steps:
        held = step in value if isinstance(value, Mapping) else isinstance(value, list) and step in range(len(value))
        if not held:
            what = f"there is no {variable.text}: {json.dumps(step)} is missing in {_kind(value)}"
            raise GradingFault("invalid_variable_error", what)
        value = value[step]
    return value


def _shown(value: Any, variable: Variable) -> str:
    if isinstance(value, str):
        return value
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, default=dict)
    except (TypeError, ValueError, RecursionError) as fault:
        raise GradingFault("invalid_variable_error", f"{variable.text} cannot be shown as JSON") from fault


def _kind(value: Any) -> str:
    if isinstance(value, Mapping):
        keys = ", ".join(sorted(str(key)[:40] for key in list(value)[:8]))
        return f"an object with {keys}" if keys else "an empty object"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    return {str: "a text", bool: "a truth value", type(None): "null"}.get(type(value), "a number")
