"""Rates against scipy and statsmodels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.proportion import proportion_confint

from honekit.evals.rates import mcnemar_p, not_worse_p, paired_rate_interval, rate_interval, score_z

tables = st.tuples(st.integers(0, 40), st.integers(0, 40), st.integers(0, 60)).filter(lambda t: sum(t) > 0)


@pytest.mark.parametrize(("right", "items"), [(50, 100), (12, 30), (250, 300)])
def test_a_rate_in_the_middle_has_wilsons_interval(right: int, items: int) -> None:
    assert rate_interval(right, items) == pytest.approx(proportion_confint(right, items, method="wilson"))


@pytest.mark.parametrize(("right", "items"), [(30, 30), (0, 12), (97, 100), (2, 40)])
def test_a_rate_near_the_edge_has_the_exact_interval(right: int, items: int) -> None:
    assert rate_interval(right, items) == pytest.approx(proportion_confint(right, items, method="beta"))


@given(tables)
def test_mcnemars_exact_p_is_that_of_statsmodels(table: tuple[int, int, int]) -> None:
    only_a, only_b, same = table
    expected = mcnemar([[same, only_a], [only_b, 0]], exact=True).pvalue if only_a != only_b else 1.0
    assert mcnemar_p(only_a, only_b, exact=True) == pytest.approx(expected)
    assert mcnemar_p(only_a, only_b) <= mcnemar_p(only_a, only_b, exact=True)


def test_the_mid_p_counts_the_observed_table_half() -> None:
    inside = sum(stats.binom.pmf(range(2), 10, 0.5))
    assert mcnemar_p(8, 2) == pytest.approx(2 * (inside + stats.binom.pmf(2, 10, 0.5) / 2))
    assert mcnemar_p(0, 0) == 1


def test_tangos_interval_has_the_published_values() -> None:
    """The airway example of Fagerland, Lydersen & Laake, Statistics in Medicine 33 (2014) 2850-2875: 1 and 7 of 21 pairs."""
    assert paired_rate_interval(1, 7, 21) == pytest.approx((-0.517, -0.026), abs=1e-3)


def test_arms_that_never_disagree_have_the_closed_form() -> None:
    reach = 1.959964**2 / (30 + 1.959964**2)
    assert paired_rate_interval(0, 0, 30) == pytest.approx((-reach, reach), abs=1e-6)


@given(tables)
def test_tangos_interval_is_the_set_of_differences_that_its_score_does_not_rule_out(table: tuple[int, int, int]) -> None:
    only_a, only_b, same = table
    items = only_a + only_b + same
    lo, hi = paired_rate_interval(only_a, only_b, items)
    assert -1 <= lo <= (only_a - only_b) / items <= hi <= 1
    back = paired_rate_interval(only_b, only_a, items)
    assert back == pytest.approx((-hi, -lo), abs=1e-6)
    for end in (lo, hi):
        if abs(end) < 1 - 1e-6:
            assert abs(score_z(only_a, only_b, items, end)) == pytest.approx(1.959964, abs=1e-4)


def test_tangos_score_at_no_difference_is_mcnemars() -> None:
    assert score_z(14, 6, 100, 0.0) ** 2 == pytest.approx(mcnemar([[80, 14], [6, 0]], exact=False, correction=False).statistic)


@given(st.integers(0, 20), st.integers(0, 20), st.integers(21, 200))
def test_the_score_uses_the_likeliest_table_with_that_difference(only_a: int, only_b: int, items: int) -> None:
    """Against a search: the share of "only b" that makes the table likeliest where the difference is -0.1."""
    same, difference = items - only_a - only_b, -0.1
    if same < 0:
        return
    shares = np.linspace(0.1 + 1e-6, 0.55 - 1e-6, 40_001)  # of "only b"; "only a" is 0.1 less
    with np.errstate(divide="ignore", invalid="ignore"):
        likelihood = stats.binom.logpmf(0, 0, 0.5) + np.where(only_a, only_a * np.log(shares + difference), 0)
        likelihood = likelihood + only_b * np.log(shares) + same * np.log(1 - 2 * shares - difference)
    best = shares[np.argmax(likelihood)]
    expected = (only_a - only_b - items * difference) / np.sqrt(items * (2 * best + difference - difference**2))
    assert score_z(only_a, only_b, items, difference) == pytest.approx(expected, abs=0.02)


def test_a_wider_margin_is_easier_to_keep() -> None:
    assert not_worse_p(2, 4, 100, 0.1) < not_worse_p(2, 4, 100, 0.05) < not_worse_p(2, 4, 100, 0.01)
