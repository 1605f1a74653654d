"""Means, macro-F1, confusion matrices and slices of graded items."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from honekit.errors import EvalError
from honekit.graders import NO_ANSWER, Graded, classes
from honekit.project import OutputField, Project


def summarise(project: Project, graded: Sequence[Graded], only: Collection[str] | None = None) -> dict[str, float]:
    """Each metric of the task (of those in `only`) over these items, in the order of `metric_names()`, if all items have it.

    Macro-F1 is the mean over all classes of the field, also those that do not occur here (they count 0, as in
    scikit-learn with `zero_division=0`). An answer that names no class is a miss of its class and an error of
    none.
    """
    _require_items(graded)
    summary: dict[str, float] = {}
    for metric in project.task.metric_names():
        if only is not None and metric not in only:
            continue
        field = macro_field(project, metric)
        if field is not None:
            if all(field.name in item.labels for item in graded):
                summary[metric] = _macro_f1(field, graded)
        elif all(metric in item.scores for item in graded):
            summary[metric] = float(np.mean([item.scores[metric] for item in graded]))
    return summary


def by_slice(project: Project, graded: Sequence[Graded]) -> dict[str, dict[str, float]]:
    """`summarise` for each slice that has items: those of `hone.toml` in order, then any further ones."""
    return {name: summarise(project, in_slice(graded, name)) for name in slice_names(project, graded)}


def slice_names(project: Project, graded: Sequence[Graded]) -> list[str]:
    found = {name for item in graded for name in item.slices}
    known = [name for name in project.data.slices if name in found]
    return known + sorted(found - set(known))


def in_slice(graded: Sequence[Graded], name: str) -> list[Graded]:
    return [item for item in graded if name in item.slices]


def confusion(project: Project, graded: Sequence[Graded], field: str) -> dict[str, Any]:
    """The confusion matrix of an enum field with precision, recall, F1 and number of items for each class.

    `matrix[i][j]` counts items of class `classes[i]` that were answered `columns[j]`; the last column is "no
    answer".
    """
    _require_items(graded)
    from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

    names = classes(project.task.field(field))
    expected, predicted = label_codes(project.task.field(field), graded)
    matrix = confusion_matrix(expected, predicted, labels=range(len(names) + 1))[: len(names)]
    precision, recall, f1, support = precision_recall_fscore_support(
        expected, predicted, labels=range(len(names)), zero_division=0
    )
    return {
        "field": field,
        "classes": list(names),
        "columns": [*names, NO_ANSWER],
        "matrix": matrix.tolist(),
        "precision": dict(zip(names, precision.tolist(), strict=True)),
        "recall": dict(zip(names, recall.tolist(), strict=True)),
        "f1": dict(zip(names, f1.tolist(), strict=True)),
        "items": dict(zip(names, support.tolist(), strict=True)),
    }


def correct_rate(project: Project, graded: Sequence[Graded]) -> float:
    """The share of right answers that stands behind the primary metric, for the cost of a right answer."""
    _require_items(graded)
    return float(np.mean(right_values(project, graded)))


def right_values(project: Project, graded: Sequence[Graded]) -> list[float]:
    """How right each item is by the primary metric: for a macro-F1 or a set-F1 whether its field is wholly right, for other
    metrics their score."""
    metric = project.task.primary_metric
    for field in project.task.fields:
        if field.score != "none" and field.metric_name == metric:
            return [float(item.right.get(field.name, False)) for item in graded]
    return [item.scores.get(metric, 0.0) for item in graded]


def macro_field(project: Project, metric: str) -> OutputField | None:
    """The field whose macro-F1 this metric is, or None for metrics that are means over items."""
    for field in project.task.fields:
        if field.score == "macro_f1" and field.metric_name == metric:
            return field
    return None


def label_codes(field: OutputField, graded: Sequence[Graded]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(items,) class numbers of examples and answers; no answer has the number after the last class."""
    codes: dict[str | None, int] = {name: code for code, name in enumerate(classes(field))}
    codes[None] = len(codes)
    try:
        pairs = [item.labels[field.name] for item in graded]
        expected = np.array([codes[pair[0]] for pair in pairs], dtype=np.int64)
        predicted = np.array([codes[pair[1]] for pair in pairs], dtype=np.int64)
    except KeyError as fault:
        raise EvalError(
            "evals.labels_differ",
            what=f"stored grades of {field.name!r} do not fit its classes in hone.toml ({fault} is missing)",
            mend="hone.toml changed after the evaluation: run `hone run` again",
        ) from fault
    return expected, predicted


def _macro_f1(field: OutputField, graded: Sequence[Graded]) -> float:
    from sklearn.metrics import f1_score

    expected, predicted = label_codes(field, graded)
    labels = range(len(classes(field)))
    return float(f1_score(expected, predicted, labels=labels, average="macro", zero_division=0))


def _require_items(graded: Sequence[Graded]) -> None:
    if not graded:
        raise EvalError(
            "evals.no_items",
            what="there are no graded items to score",
            mend="check that the test file of hone.toml holds examples, then run `hone run` again",
        )
