"""The classical baseline: TF-IDF of words and characters with logistic regression, one model per field.

It sees the raw input only, as the tuned model without retrieval does, is fitted on the same training
examples, and has its strength and class weights chosen by the same validation examples. A field's whole value
is its class.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from honekit.data.features import fitted_tfidf
from honekit.errors import EvalError
from honekit.evals.scores import summarise
from honekit.graders import Graded, Item, grade_values
from honekit.models.fingerprint import fingerprint_json
from honekit.project import OutputField, Project
from honekit.store.atomic import write_atomic

STRENGTHS = (0.3, 1.0, 3.0, 10.0, 30.0)
"""Values of C to try, the inverse strength of regularisation."""
CLASS_WEIGHTS = (None, "balanced")


@dataclass(frozen=True)
class ClassicalRun:
    """One dict of values and one grade a test item; per field what validation chose, with its score."""

    values: list[dict[str, Any]]
    graded: list[Graded]
    chosen: dict[str, dict[str, Any]]
    fit_s: float
    """Seconds for fitting everything, the choice included."""
    answer_s: list[float]
    """Seconds for each test item, asked one by one."""


def classical_fields(project: Project) -> list[OutputField]:
    """The fields that the baseline predicts; none means that a project has no such arm."""
    return [field for field in project.task.fields if field.classical and field.score != "none"]


def classical_metrics(project: Project) -> list[str]:
    """The metrics of the task that the baseline's answers have: those of its fields, and exact match where it predicts all."""
    fields = classical_fields(project)
    names = [field.metric_name for field in fields] + [f"{field.name}_lenient_accuracy" for field in fields if field.lenient]
    if fields and len(fields) == sum(field.score != "none" for field in project.task.fields):
        names += [name for name in project.task.metric_names() if name.startswith("field_exact_match")]
    return names


def run_classical(
    project: Project,
    train: Sequence[Item],
    validation: Sequence[Item],
    test: Sequence[Item],
    fitted: dict[Any, Any] | None = None,
) -> ClassicalRun:
    """Fit on `train`, choose on `validation`, answer `test` one by one.

    `fitted` keeps what was fitted, for further calls with the same training examples and other validation ones.
    Raises: EvalError[evals.no_items] without training examples.
    """
    if not train:
        raise EvalError(
            "evals.no_items",
            what="the classical baseline has no training examples",
            mend="check the file named as data.train in hone.toml with `hone data check`",
        )
    started = time.perf_counter()
    fields = classical_fields(project)
    fitted = {} if fitted is None else fitted
    if "features" not in fitted:
        fitted["features"] = fitted_tfidf([example.input for example in train])
    features = fitted["features"]
    models: dict[str, Any] = {}
    chosen: dict[str, dict[str, Any]] = {}
    for field in fields:
        models[field.name], chosen[field.name] = _choose(project, field, features, train, validation, fitted)
    fit_s = time.perf_counter() - started

    values, answer_s = [], []
    for example in test:
        asked = time.perf_counter()
        values.append({name: _predict(features, model, [example.input])[0] for name, model in models.items()})
        answer_s.append(time.perf_counter() - asked)
    graded = _grade(project, test, values, fields)
    return ClassicalRun(values, graded, chosen, fit_s, answer_s)


def run_classical_once(
    project: Project, train: Sequence[Item], validation: Sequence[Item], test: Sequence[Item], directory: Path
) -> ClassicalRun:
    """`run_classical`, whose values are kept under `directory`: with the same examples nothing is fitted or answered again.

    Grades are made anew. Raises: as `run_classical`; StoreError[store.disk_full | store.read_only | store.write_failed].
    """
    fields = classical_fields(project)
    asked = [[[e.id, e.input, e.answer, e.accept] for e in part] for part in (train, validation, test)]
    settings = [[field.model_dump(mode="json") for field in fields], version("scikit-learn")]
    path = directory / f"classical-{fingerprint_json([asked, settings])}.json"
    if path.exists():
        kept = json.loads(path.read_text(encoding="utf-8"))
        return ClassicalRun(graded=_grade(project, test, kept["values"], fields), **kept)
    run = run_classical(project, train, validation, test)
    kept = {"values": run.values, "chosen": run.chosen, "fit_s": run.fit_s, "answer_s": run.answer_s}
    directory.mkdir(parents=True, exist_ok=True)
    write_atomic(path, json.dumps(kept, ensure_ascii=False))
    return run


def _choose(
    project: Project,
    field: OutputField,
    features: Any,
    train: Sequence[Item],
    validation: Sequence[Item],
    fitted: dict[Any, Any],
) -> tuple[Any, dict[str, Any]]:
    """The model of the best setting on validation data; with equal scores the most regularised one."""
    labels = np.array([json.dumps(example.answer.get(field.name)) for example in train])
    names, counts = np.unique(labels, return_counts=True)
    commonest = str(names[counts.argmax()])
    if features is None or len(names) == 1:
        return commonest, {"constant": json.loads(commonest)}
    matrix = features.transform([example.input for example in train])
    settings: list[tuple[float, str | None]] = [(c, weight) for c in STRENGTHS for weight in CLASS_WEIGHTS]
    if not validation:
        settings = [(1.0, None)]
    candidates: list[tuple[float, Any, dict[str, Any]]] = []
    for strength, weight in settings:
        key = (field.name, strength, weight)
        if key not in fitted:
            fitted[key] = _fit(matrix, labels, strength, weight)
        model = fitted[key]
        score = _validated(project, field, features, model, validation) if validation else None
        setting = {"C": strength, "class_weight": weight, "validation": score}
        candidates.append((score or 0.0, model, setting))
    _, model, setting = max(candidates, key=lambda candidate: candidate[0])
    return model, setting


def _validated(project: Project, field: OutputField, features: Any, model: Any, validation: Sequence[Item]) -> float:
    inputs = [example.input for example in validation]
    values = [{field.name: value} for value in _predict(features, model, inputs)]
    return summarise(project, _grade(project, validation, values, [field]))[field.metric_name]


def _fit(matrix: Any, labels: Any, strength: float, weight: str | None) -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=strength, class_weight=weight, max_iter=2000).fit(matrix, labels)


def _predict(features: Any, model: Any, texts: Sequence[str]) -> list[Any]:
    if isinstance(model, str):
        return [json.loads(model) for _ in texts]
    return [json.loads(label) for label in model.predict(features.transform(texts))]


def _grade(
    project: Project,
    examples: Sequence[Item],
    values: Sequence[dict[str, Any]],
    fields: Sequence[OutputField],
) -> list[Graded]:
    only = [field.name for field in fields]
    return [grade_values(project, example, value, only) for example, value in zip(examples, values, strict=True)]
