"""The project's own promotion rules, decided in the main job: beside the verdict, which stays the gate's default rules."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from honekit.evals.gate import Gate, decide_gate
from honekit.evals.gate_rules import Rule
from honekit.evals.guard import GUARDED, run_guard
from honekit.evals.results import evidence_of
from honekit.evals.run import Evaluation
from honekit.project import Project
from honekit.settings import home


def needs_guard(rules: list[Rule]) -> bool:
    """Whether a rule asks what was forgotten: the guard takes minutes, so it runs only then."""
    return any(figure.arm is None and figure.metric in GUARDED for rule in rules for figure in rule.figures())


def guarded(project: Project, adapter: Path, precision: str, progress: Callable[[str, int, int], None]) -> dict[str, Any]:
    """The guard's findings on the job's adapter, for the result document."""
    from honekit.inference.engine import Engine, load_engine

    def load(is_tuned: bool) -> Engine:
        return load_engine(project.train.base, adapter if is_tuned else None, device=project.train.device, precision=precision)

    return run_guard(load, home() / "guard", progress).as_dict()


def gate_of(project: Project, rules: list[Rule], evaluation: Evaluation, guard: dict[str, Any] | None) -> Gate | None:
    """The rules decided by this evaluation; None when there are none."""
    if not rules or evaluation.verdict is None:
        return None
    document = {"arms": evaluation.arms, "guard": guard}
    return decide_gate(rules, evidence_of(project, document, evaluation.graded, evaluation.verdict.chosen))
