"""Runs over graders, paired statistics, cost and the verdict.

The names below load their modules on first use, since scores and statistics bring numpy, scipy and
scikit-learn.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from honekit.evals.classical import ClassicalRun, classical_fields, run_classical
    from honekit.evals.correction import benjamini_hochberg, holm
    from honekit.evals.cost import cost_report
    from honekit.evals.scores import by_slice, confusion, correct_rate, summarise
    from honekit.evals.stats import Difference, examples_needed, mcnemar_exact, metric_interval, not_worse, paired_difference
    from honekit.evals.verdict import Verdict, choose_arm, compare_arms, decide

_MODULES = {
    "ClassicalRun": "classical",
    "Difference": "stats",
    "Verdict": "verdict",
    "benjamini_hochberg": "correction",
    "by_slice": "scores",
    "choose_arm": "verdict",
    "classical_fields": "classical",
    "compare_arms": "verdict",
    "confusion": "scores",
    "correct_rate": "scores",
    "cost_report": "cost",
    "decide": "verdict",
    "examples_needed": "stats",
    "holm": "correction",
    "mcnemar_exact": "stats",
    "metric_interval": "stats",
    "not_worse": "stats",
    "paired_difference": "stats",
    "run_classical": "classical",
    "summarise": "scores",
}

__all__ = [
    "ClassicalRun",
    "Difference",
    "Verdict",
    "benjamini_hochberg",
    "by_slice",
    "choose_arm",
    "classical_fields",
    "compare_arms",
    "confusion",
    "correct_rate",
    "cost_report",
    "decide",
    "examples_needed",
    "holm",
    "mcnemar_exact",
    "metric_interval",
    "not_worse",
    "paired_difference",
    "run_classical",
    "summarise",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
