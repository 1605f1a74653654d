"""Grade one answer against one example, by nothing but the project's fields.

Metrics carry the names of `Project.task.metric_names()`. A macro-F1 is no number of a single item: the item
keeps its pair of class labels, and `honekit.evals.scores` makes the F1 of them.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

from honekit.errors import EvalError
from honekit.graders.labels import NULL_LABEL, classes, named_label, strict_label
from honekit.project import OutputField, Project


class Item(Protocol):
    """What grading needs of an example."""

    @property
    def id(self) -> str: ...
    @property
    def input(self) -> str: ...
    @property
    def answer(self) -> Mapping[str, Any]: ...
    @property
    def accept(self) -> Mapping[str, Sequence[str]]: ...
    @property
    def slices(self) -> tuple[str, ...]: ...
    @property
    def line(self) -> int: ...
    @property
    def path(self) -> Path: ...


class Parsed(Protocol):
    """What grading needs of a parsed answer; `values` is None when the text could not be read at all."""

    @property
    def json_valid(self) -> bool: ...
    @property
    def schema_valid(self) -> bool: ...
    @property
    def values(self) -> dict[str, Any] | None: ...


@dataclass(frozen=True)
class Graded:
    """The grades of one answer, ready for JSON.

    scores: metric -> number in [0, 1]; a metric that does not apply (the classical baseline's cause) is
    absent.
    right: scored field -> wholly right (a list: the same set).
    labels: enum field -> (class of the example, class of the answer, or None when it names none).
    """

    id: str
    slices: tuple[str, ...]
    scores: dict[str, float]
    right: dict[str, bool]
    labels: dict[str, tuple[str, str | None]]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Graded:
        """The inverse of `as_dict`, also after a way through JSON."""
        return cls(
            id=raw["id"],
            slices=tuple(raw["slices"]),
            scores=dict(raw["scores"]),
            right=dict(raw["right"]),
            labels={field: (pair[0], pair[1]) for field, pair in raw["labels"].items()},
        )


def grade(project: Project, example: Item, text: str) -> Graded:
    """Read a model's raw answer and grade it on every metric of the task.

    Raises: EvalError[evals.label_unknown] when the example itself holds a class that the field does not have.
    """
    from honekit.data.prompts import parse_answer

    return grade_parsed(project, example, text, parse_answer(project, text))


def grade_parsed(project: Project, example: Item, text: str, parsed: Parsed) -> Graded:
    """`grade` for an answer that is parsed already; `text` is used for the lenient metrics only."""
    graded = _grade_fields(project, example, parsed.values, _scored(project))
    scores = {"schema_validity": float(parsed.schema_valid), **graded.scores}
    if project.task.format == "json":
        scores = {"json_validity": float(parsed.json_valid), **scores}
    for field in _scored(project):
        if field.lenient:
            scores[_lenient_name(field)] = float(graded.right[field.name] or _named(field, example, parsed, text))
    scores |= _exact_match(project, graded.right)
    return Graded(graded.id, graded.slices, scores, graded.right, graded.labels)


def grade_values(project: Project, example: Item, values: dict[str, Any], only: Collection[str] | None = None) -> Graded:
    """Grade ready values on the fields in `only` (default: all scored ones), for arms that write no text.

    Such an arm has no format to get wrong: no validity, and a lenient accuracy equals the strict one. The
    exact match over all fields exists only when all of them are graded.
    """
    fields = [field for field in _scored(project) if only is None or field.name in only]
    graded = _grade_fields(project, example, values, fields)
    scores = dict(graded.scores)
    for field in fields:
        if field.lenient:
            scores[_lenient_name(field)] = float(graded.right[field.name])
    if len(fields) == len(_scored(project)):
        scores |= _exact_match(project, graded.right)
    return Graded(graded.id, graded.slices, scores, graded.right, graded.labels)


def _scored(project: Project) -> list[OutputField]:
    return [field for field in project.task.fields if field.score != "none"]


def _lenient_name(field: OutputField) -> str:
    return f"{field.name}_lenient_accuracy"


def _grade_fields(project: Project, example: Item, values: dict[str, Any] | None, fields: Sequence[OutputField]) -> Graded:
    scores: dict[str, float] = {}
    right: dict[str, bool] = {}
    labels: dict[str, tuple[str, str | None]] = {}
    for field in fields:
        right[field.name] = _is_right(field, example, values)
        if field.type == "enum":
            labels[field.name] = (_expected_label(field, example), strict_label(field, values))
        if field.score == "set_f1":
            given = (values or {}).get(field.name)
            scores[field.metric_name] = 1.0 if right[field.name] else _set_f1(example.answer.get(field.name), given)
        elif field.score != "macro_f1":
            scores[field.metric_name] = float(right[field.name])
    return Graded(example.id, tuple(example.slices), scores, right, labels)


def _expected_label(field: OutputField, example: Item) -> str:
    expected = example.answer.get(field.name)
    label = NULL_LABEL if expected is None else expected
    if label not in classes(field):
        raise EvalError(
            "evals.label_unknown",
            what=f"the example's {field.name} is {expected!r}, which is none of {', '.join(classes(field))}",
            where=f"{example.path}:{example.line}",
            mend=f"mend that answer, or add the value to the field {field.name!r} in hone.toml",
        )
    return str(label)


def _is_right(field: OutputField, example: Item, values: dict[str, Any] | None) -> bool:
    if values is None or field.name not in values:
        return False
    expected, given = example.answer.get(field.name), values[field.name]
    if expected is None or given is None:
        return expected is None and given is None
    if field.type == "list":
        return isinstance(given, list) and _members(given) == _members(expected)
    if not isinstance(given, str):
        return False
    if field.score == "phrase":
        return fold_phrase(given) in _accepted(field, example)
    return bool(given == expected)


def _accepted(field: OutputField, example: Item) -> set[str]:
    phrases = [*example.accept.get(field.name, ()), example.answer.get(field.name)]
    return {fold_phrase(phrase) for phrase in phrases if isinstance(phrase, str)} - {""}


def fold_phrase(phrase: str) -> str:
    """Lower case, each run of punctuation and blanks as one blank; `<`, `+` and the like are kept."""
    folded = unicodedata.normalize("NFKC", phrase).casefold()
    return " ".join("".join(" " if unicodedata.category(sign)[0] in "PZ" else sign for sign in folded).split())


def _members(values: Sequence[Any]) -> set[str]:
    # A member that is no string can equal no expected one, but it still counts against the precision.
    return {value if isinstance(value, str) else json.dumps(value, sort_keys=True) for value in values}


def _set_f1(expected: Any, given: Any) -> float:
    if not isinstance(given, list) or not isinstance(expected, list):
        return 0.0
    wanted, got = _members(expected), _members(given)
    return 2 * len(wanted & got) / (len(wanted) + len(got))


def _named(field: OutputField, example: Item, parsed: Parsed, text: str) -> bool:
    """The lenient rule for an answer that is not strictly right.

    Enum: a class that the parsed answer gives stands, so that naming another one as well wins nothing; only
    without one the class that the raw text names first counts (`named_label`). Phrase: an accepted phrase
    stands in the raw text as whole words. Lists have no lenient reading.
    """
    if field.type == "enum":
        named = named_label(field, text) if strict_label(field, parsed.values) is None else None
        return named is not None and named == example.answer.get(field.name)
    if field.type == "string":
        folded = f" {fold_phrase(text)} "
        return any(f" {phrase} " in folded for phrase in _accepted(field, example))
    return False


def _exact_match(project: Project, right: Mapping[str, bool]) -> dict[str, float]:
    scores = {"field_exact_match": _share(list(right.values()))}
    for field in project.task.fields:
        if field.from_retrieval:
            others = [value for name, value in right.items() if name != field.name]
            scores[f"field_exact_match_without_{field.name}"] = _share(others)
    return {name: share for name, share in scores.items() if share is not None}


def _share(values: Sequence[bool]) -> float | None:
    return sum(values) / len(values) if values else None
