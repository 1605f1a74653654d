"""The spread between seeds, beside a difference."""

from __future__ import annotations

from pathlib import Path

import pytest

from honekit.evals.seeds import seed_spread
from honekit.graders import Graded
from honekit.project import load_project

IOT = load_project(Path(__file__).parents[2] / "examples" / "iot-diagnostics")
PROJECT = IOT.model_copy(update={"task": IOT.task.model_copy(update={"primary_metric": "severity_accuracy"})})


def right(count: int, items: int = 100) -> list[Graded]:
    return [Graded(str(n), (), {"severity_accuracy": float(n < count)}, {}, {}) for n in range(items)]


def test_seeds_are_told_by_their_scores_and_their_standard_deviation() -> None:
    found = seed_spread(PROJECT, {0: right(60), 1: right(64), 2: right(68)}, {"few_shot": right(50), "rag": right(64)})
    assert found.scores == (0.6, 0.64, 0.68)
    assert found.mean == pytest.approx(0.64) and found.deviation == pytest.approx(0.04)
    few_shot, rag = found.beside
    assert list(few_shot.differences) == pytest.approx([0.10, 0.14, 0.18]) and few_shot.every_seed_agrees
    assert few_shot.interval[0] < 0.10 < few_shot.interval[1]
    assert not rag.every_seed_agrees and "another seed can turn it" in rag.sentence
    assert found.as_dict()["sentence"].startswith("3 trainings of one recipe (seeds 0, 1, 2): 0.600, 0.640, 0.680")


def test_an_arm_that_lacks_the_metric_is_left_out() -> None:
    classical = [Graded(str(n), (), {}, {}, {}) for n in range(100)]
    assert seed_spread(PROJECT, {0: right(60), 1: right(61)}, {"classical": classical}).beside == ()
