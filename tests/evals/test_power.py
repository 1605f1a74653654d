"""Sample sizes against statsmodels and by simulation."""

from __future__ import annotations

import numpy as np
import pytest
from statsmodels.stats.power import NormalIndPower

from honekit.evals.power import detectable_difference, items_for_difference, items_for_not_worse, power_of


@pytest.mark.parametrize(("difference", "deviation"), [(0.05, 0.5), (0.02, 0.3), (-0.1, 0.6)])
def test_the_items_for_a_difference_are_those_of_statsmodels(difference: float, deviation: float) -> None:
    theirs = NormalIndPower(ddof=0).solve_power(effect_size=abs(difference) / deviation, alpha=0.05, power=0.8, ratio=0)
    assert items_for_difference(difference, deviation) == pytest.approx(theirs, abs=1.5)
    assert power_of(round(theirs), difference, deviation) == pytest.approx(0.8, abs=0.005)
    assert detectable_difference(round(theirs), deviation) == pytest.approx(abs(difference), rel=0.01)


def test_so_many_items_show_an_equal_arm_to_be_not_worse_four_times_in_five() -> None:
    needed = items_for_not_worse(0.0, 0.4, 0.05)
    assert needed is not None
    means = np.random.default_rng(0).normal(0, 0.4, size=(4000, needed)).mean(axis=1)
    assert (means - 1.645 * 0.4 / np.sqrt(needed) > -0.05).mean() == pytest.approx(0.8, abs=0.03)


def test_no_number_of_items_shows_what_is_not_so() -> None:
    assert items_for_difference(0.0, 0.4) is None
    assert items_for_not_worse(-0.06, 0.4, 0.05) is None
