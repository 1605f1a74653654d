from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from honekit.evals.learning_curve import forecast
from honekit.graders import Graded
from honekit.project import load_project

PROJECT = load_project(Path(__file__).parents[2] / "examples" / "iot-diagnostics")
METRIC = "severity_accuracy"


def points(accuracies: dict[int, float], items: int, seed: int = 0) -> dict[int, list[Graded]]:
    """Models on the same items: what a smaller one has right the larger one has too."""
    luck = np.random.default_rng(seed).random(items)
    return {
        size: [Graded(str(i), (), {METRIC: float(luck[i] < accuracy)}, {}, {}) for i in range(items)]
        for size, accuracy in accuracies.items()
    }


def test_a_curve_that_rises_is_forecast_to_rise_by_less_and_less() -> None:
    curve = forecast(PROJECT, METRIC, points({50: 0.6, 100: 0.7, 200: 0.76}, 2000), (100, 300), 1000, 0)
    first, second = curve.gains
    assert 0 < first.gain < 0.06
    assert first.gain < second.gain < 3 * first.gain
    assert first.lo <= first.gain <= first.hi
    assert second.sentence.startswith("300 more examples: +0.0")
    assert "±" in second.sentence


def test_the_range_holds_what_a_power_law_really_gives() -> None:
    def truth(size: float) -> float:
        return 0.95 - 1.5 * size**-0.4

    held = 0
    for seed in range(40):
        sizes = {n: truth(n) for n in (50, 100, 200)}
        (gain,) = forecast(PROJECT, METRIC, points(sizes, 300, seed), (300,), 500, seed).gains
        held += gain.lo <= truth(500) - truth(200) <= gain.hi
    assert held >= 36


def test_a_small_validation_set_makes_the_range_wide_enough_to_hold_zero() -> None:
    (small,) = forecast(PROJECT, METRIC, points({15: 0.62, 30: 0.66, 60: 0.64}, 30), (300,), 1000, 0).gains
    (large,) = forecast(PROJECT, METRIC, points({15: 0.62, 30: 0.66, 60: 0.68}, 3000), (300,), 1000, 0).gains
    assert small.lo < 0 < small.hi
    assert small.hi - small.lo > 1.5 * (large.hi - large.lo)


def test_no_forecast_goes_beyond_a_perfect_score() -> None:
    (gain,) = forecast(PROJECT, METRIC, points({50: 0.7, 100: 0.85, 200: 0.98}, 500), (5000,), 500, 0).gains
    assert gain.hi <= 0.06


def test_one_size_shows_no_curve() -> None:
    curve = forecast(PROJECT, METRIC, points({100: 0.7}, 100), (100,), 500, 0)
    assert curve.gains == ()
    assert "shares" in curve.note
    assert curve.points[0].score == pytest.approx(0.7, abs=0.1)


def test_models_that_have_nothing_right_show_no_curve() -> None:
    curve = forecast(PROJECT, METRIC, points({50: 0.0, 100: 0.0}, 40), (100,), 500, 0)
    assert curve.gains == ()
    assert "show no curve" in curve.note
