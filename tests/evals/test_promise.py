"""The benchmark of intervals and tests in a reduced form: fewer comparisons, so wider bounds."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    file = Path(__file__).parents[2] / "benchmarks" / "intervals_and_tests.py"
    spec = importlib.util.spec_from_file_location("intervals_and_tests", file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("kind", ["rate", "score", "macro-F1"])
@pytest.mark.parametrize(("items", "rate"), [(30, 0.98), (100, 0.5), (100, 0.9)])
def test_equal_arms_are_seldom_called_different_and_intervals_hold_the_truth(
    benchmark: ModuleType, kind: str, items: int, rate: float
) -> None:
    row = benchmark.simulate((kind, items, rate), 400, 200, before=False)
    noise = 0.03  # of 400 comparisons
    assert row.called_different <= 0.06 + noise
    assert row.wrongly_not_worse <= 0.06 + noise
    assert row.difference_covered >= 0.935 - noise
    assert row.single_covered >= 0.935 - noise


@pytest.mark.parametrize("kind", ["macro_precision", "macro_recall", "micro_f1", "macro_f1 uneven"])
@pytest.mark.parametrize(("items", "rate"), [(30, 0.9), (100, 0.5)])
def test_equal_runs_are_seldom_called_different_by_a_metric_of_the_set(
    benchmark: ModuleType, kind: str, items: int, rate: float
) -> None:
    row = benchmark.simulate((kind, items, rate), 300, 200, before=False)
    noise = 0.035  # of 300 comparisons
    assert row.called_different <= 0.06 + noise and row.difference_covered >= 0.935 - noise
    assert row.single_covered is None and row.wrongly_not_worse is None
    assert ("BROKEN" in row.remark) == (not row.kept)


def test_few_comparisons_break_no_promise_by_chance_and_still_show_a_broken_one(benchmark: ModuleType) -> None:
    def remark(comparisons: int, different: float, covered: float) -> str:
        row = benchmark.Row("rate", 100, 0.9, different, 0.05, covered, 0.95, {}, comparisons)
        assert row.kept == (row.remark != "BROKEN")
        return str(row.remark)

    assert remark(10_000, 0.061, 0.95) == "BROKEN" and remark(10_000, 0.05, 0.932) == "BROKEN"
    assert remark(10_000, 0.06, 0.934) == "kept"
    assert remark(20, 0.1, 0.9) == "open: too few comparisons to tell"  # two of twenty: nobody can tell
    assert remark(300, 0.08, 0.92) == "open: too few comparisons to tell" and remark(300, 0.05, 0.95) == "kept"
    assert remark(20, 0.0, 1.0) == "kept" and remark(3000, 0.02, 0.99) == "conservative: difference"
    assert remark(20, 0.5, 0.5) == remark(300, 0.15, 0.95) == remark(300, 0.05, 0.85) == "BROKEN"
    draws = np.random.default_rng(0).binomial(100, 0.06, 20_000) / 100
    assert (draws > 0.06 + benchmark.by_chance(0.06, 100)).mean() <= 2 * benchmark.FALSE_ALARM
