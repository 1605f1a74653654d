"""Figures of a whole run: means with intervals, classification, calibration, and how far a judge is to be trusted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from honekit.store.eval_items import Item

BINS = 10
"""Of the expected calibration error (Guo et al. 2017)."""


def run_metrics(items: Sequence[Item]) -> dict[str, dict[str, Any]]:
    """By the criterion's name. Items on which a criterion faulted count in `faults` alone."""
    found: dict[str, list[dict[str, Any]]] = {}
    for item in items:
        for result in item.results or []:
            found.setdefault(result["name"], []).append(result)
    return {name: _of_one(results) for name, results in found.items()}


def _of_one(results: Sequence[dict[str, Any]]) -> dict[str, Any]:
    from honekit.evals.rates import rate_interval

    graded = [one for one in results if "error" not in one]
    made: dict[str, Any] = {"type": results[0]["type"], "items": len(graded), "faults": len(results) - len(graded)}
    if not graded:
        return made
    passed = sum(one["passed"] for one in graded)
    made["mean_score"] = sum(one["score"] for one in graded) / len(graded)
    made["pass_rate"] = passed / len(graded)
    made["pass_rate_interval"] = list(rate_interval(passed, len(graded)))
    if graded[0]["type"] == "classification":
        made["classification"] = classification([(one["expected"], one["predicted"]) for one in graded])
        sure = [(one["confidence"], bool(one["score"])) for one in graded if one.get("confidence") is not None]
        if sure:
            made["calibration"] = calibration(sure)
    if graded[0]["type"] == "pairwise":
        made["judge"] = _judge(graded)
    return made


def classification(pairs: Sequence[tuple[str, str | None]]) -> dict[str, Any]:
    """Of (expected, predicted or None): accuracy, macro and micro precision, recall, F1, and the confusion matrix.

    Classes are those that occur as expected or predicted; no answer is a miss of its class, and a column of the matrix. The
    macro figures are means over the classes that some item is expected to be of (`set_metrics`).
    """
    from sklearn.metrics import accuracy_score, confusion_matrix, precision_recall_fscore_support

    none = "\0none"
    expected = [pair[0] for pair in pairs]
    predicted = [none if pair[1] is None else pair[1] for pair in pairs]
    labels = sorted({*expected, *predicted} - {none})
    each = precision_recall_fscore_support(expected, predicted, labels=labels, zero_division=0)
    made: dict[str, Any] = {"accuracy": float(accuracy_score(expected, predicted)), "no_answer": predicted.count(none)}
    for average, among in (("macro", sorted(set(expected))), ("micro", labels)):
        precision, recall, f1, _ = precision_recall_fscore_support(
            expected, predicted, labels=among, average=average, zero_division=0
        )
        made[average] = {"precision": float(precision), "recall": float(recall), "f1": float(f1)}
    made["classes"] = {
        label: {"precision": float(p), "recall": float(r), "f1": float(f), "items": int(n)}
        for label, p, r, f, n in zip(labels, *each, strict=True)
    }
    matrix = confusion_matrix(expected, predicted, labels=[*labels, none])[: len(labels)]
    made["confusion"] = {"rows": labels, "columns": [*labels, "no answer"], "matrix": matrix.tolist()}
    return made


def calibration(sure: Sequence[tuple[float, bool]]) -> dict[str, Any]:
    """Of (confidence, right): Brier score and expected calibration error over ten bins of equal width."""
    from sklearn.metrics import brier_score_loss

    bins: list[list[tuple[float, bool]]] = [[] for _ in range(BINS)]
    for confidence, right in sure:
        bins[min(int(confidence * BINS), BINS - 1)].append((confidence, right))
    error = 0.0
    for members in filter(None, bins):
        mean = sum(confidence for confidence, _ in members) / len(members)
        error += abs(mean - sum(right for _, right in members) / len(members)) * len(members) / len(sure)
    rights, confidences = [int(right) for _, right in sure], [confidence for confidence, _ in sure]
    return {
        "items": len(sure),
        "brier": float(brier_score_loss(rights, confidences, pos_label=1)),
        "expected_calibration_error": error,
    }


def _judge(graded: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """How often the judge gave the same verdict with the places swapped, ties, and its agreement with humans."""
    labelled = [(one["human"], one["preferred"]) for one in graded if one.get("human")]
    made: dict[str, Any] = {
        "preferred": {kind: sum(one["preferred"] == kind for one in graded) for kind in ("sample", "reference", "tie")},
        "consistent_rate": sum(one["consistent"] for one in graded) / len(graded),
        "human_labels": len(labelled),
    }
    if labelled:
        from sklearn.metrics import cohen_kappa_score

        humans, judged = [human for human, _ in labelled], [preferred for _, preferred in labelled]
        made["agreement"] = sum(a == b for a, b in labelled) / len(labelled)
        kappa = float(cohen_kappa_score(humans, judged)) if len({*humans, *judged}) > 1 else None
        made["cohen_kappa"] = kappa
    return made
