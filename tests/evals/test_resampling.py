"""Bootstrap, jackknife and permutation against scipy, and against counting every case."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats

from honekit.evals import resampling
from honekit.evals.resampling import bca_interval, percentile_interval, permutation_p
from honekit.evals.stats import macro_f1_statistic, mean_statistic

VALUES = np.random.default_rng(0).beta(2, 5, 60)


def test_bca_is_scipys() -> None:
    statistic = mean_statistic(VALUES)
    ours = bca_interval(statistic.resampled(20_000, 0), statistic.observed(), statistic.without_each())
    theirs = stats.bootstrap((VALUES,), np.mean, n_resamples=20_000, method="BCa", rng=1).confidence_interval
    assert ours == pytest.approx((theirs.low, theirs.high), abs=0.002)


def test_the_percentile_interval_is_scipys() -> None:
    statistic = mean_statistic(VALUES)
    ours = percentile_interval(statistic.resampled(20_000, 0), statistic.observed())
    theirs = stats.bootstrap((VALUES,), np.mean, n_resamples=20_000, method="percentile", rng=1).confidence_interval
    assert ours == pytest.approx((theirs.low, theirs.high), abs=0.002)


def test_a_resampled_macro_f1_equals_drawing_item_by_item() -> None:
    random = np.random.default_rng(1)
    expected, answered = random.integers(0, 3, 40), random.integers(0, 4, 40)
    drawn = np.random.default_rng(5).integers(0, 40, size=(50, 40))
    slow = [macro_f1_statistic(expected[row], answered[row], 3).observed() for row in drawn]
    assert macro_f1_statistic(expected, answered, 3).resampled(50, 5) == pytest.approx(np.array(slow))


def test_the_jackknifes_error_of_a_mean_is_the_textbooks() -> None:
    assert mean_statistic(VALUES).standard_error() == pytest.approx(stats.sem(VALUES))


def test_the_jackknife_of_a_macro_f1_leaves_one_item_out_at_a_time() -> None:
    random = np.random.default_rng(2)
    expected, answered = random.integers(0, 3, 25), random.integers(0, 4, 25)
    slow = [macro_f1_statistic(np.delete(expected, i), np.delete(answered, i), 3).observed() for i in range(25)]
    assert macro_f1_statistic(expected, answered, 3).without_each() == pytest.approx(np.array(slow))


def test_few_swaps_are_counted_one_by_one() -> None:
    a, b = np.array([1.0, 1, 1, 0, 1, 0.5, 1]), np.array([0.0, 0.5, 1, 0, 0, 1, 0])
    differences = (a - b)[a != b]
    ways = [abs(sum(s * d for s, d in zip(signs, differences, strict=True))) for signs in itertools.product((1, -1), repeat=5)]
    expected = sum(way >= abs(differences.sum()) - 1e-12 for way in ways) / len(ways)
    assert permutation_p(mean_statistic(a), mean_statistic(b), 1000, 0) == pytest.approx(expected)


def test_many_swaps_are_drawn_as_scipy_draws_them() -> None:
    random = np.random.default_rng(3)
    a = random.random(50)
    b = a + random.normal(0.05, 0.2, 50)
    theirs = stats.permutation_test(
        (a, b), lambda x, y: np.mean(x) - np.mean(y), permutation_type="samples", n_resamples=20_000, rng=1
    ).pvalue
    assert permutation_p(mean_statistic(a), mean_statistic(b), 20_000, 0) == pytest.approx(theirs, abs=0.01)


def test_many_items_are_resampled_in_blocks_with_the_same_result(monkeypatch: pytest.MonkeyPatch) -> None:
    statistic = mean_statistic(VALUES)
    whole, p = statistic.resampled(300, 1), permutation_p(statistic, mean_statistic(VALUES[::-1]), 300, 1)
    monkeypatch.setattr(resampling, "DRAWS_AT_ONCE", 1000)
    assert statistic.resampled(300, 1) == pytest.approx(whole)
    assert permutation_p(statistic, mean_statistic(VALUES[::-1]), 300, 1) == p
