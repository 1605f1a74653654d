from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from honekit.evals.cross_fit import FOLDS, cross_fit, fold_of
from honekit.graders import Graded
from honekit.project import load_project

IOT = load_project(Path(__file__).parents[2] / "examples" / "iot-diagnostics")
PROJECT = IOT.model_copy(update={"task": IOT.task.model_copy(update={"primary_metric": "severity_accuracy"})})


def candidate(right: list[bool]) -> list[Graded]:
    labels = {"category": ("Power", "Power")}
    return [Graded(str(i), (), {"severity_accuracy": float(r)}, {"severity": r}, labels) for i, r in enumerate(right)]


def test_choosing_among_candidates_that_guess_looks_no_better_than_guessing() -> None:
    random = np.random.default_rng(0)
    plain, fitted = [], []
    for _ in range(60):
        candidates = [candidate((random.random(40) < 0.5).tolist()) for _ in range(8)]
        found = cross_fit(PROJECT, candidates)
        plain.append(np.mean([g.scores["severity_accuracy"] for g in candidates[found.chosen]]))
        fitted.append(np.mean([g.scores["severity_accuracy"] for g in found.graded]))
    assert np.mean(plain) > 0.58
    assert np.mean(fitted) == pytest.approx(0.5, abs=0.03)


def test_a_candidate_that_is_best_everywhere_keeps_its_own_grades() -> None:
    good, bad = candidate([True] * 20), candidate([i % 2 == 0 for i in range(20)])
    found = cross_fit(PROJECT, [bad, good])
    assert found.chosen == 1
    assert found.graded == good


def test_every_item_is_graded_once_and_in_its_order() -> None:
    found = cross_fit(PROJECT, [candidate([True, False] * 7), candidate([False, True] * 7)])
    assert [g.id for g in found.graded] == [str(i) for i in range(14)]


def test_folds_are_even_and_do_not_mind_the_order() -> None:
    ids = [f"item {i}" for i in range(23)]
    folds = dict(zip(ids, fold_of(ids), strict=True))
    sizes = [list(folds.values()).count(fold) for fold in range(FOLDS)]
    assert max(sizes) - min(sizes) <= 1
    assert dict(zip(ids[::-1], fold_of(ids[::-1]), strict=True)) == folds
