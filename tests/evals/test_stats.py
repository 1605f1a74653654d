from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats
from sklearn.metrics import f1_score

from honekit.errors import EvalError
from honekit.evals.correction import benjamini_hochberg, holm
from honekit.evals.scores import summarise
from honekit.evals.stats import (
    Difference,
    difference_of,
    examples_needed,
    macro_f1_statistic,
    mcnemar_exact,
    mean_statistic,
    metric_interval,
    not_worse,
    paired_difference,
)
from honekit.graders import Graded
from honekit.project import load_project

PROJECT = load_project(Path(__file__).parents[2] / "examples" / "iot-diagnostics")
CLASSES = PROJECT.task.field("category").values
MACRO, RATE, MEAN = "category_macro_f1", "severity_accuracy", "action_f1"


def arm(accuracy: float, items: int = 120, seed: int = 0, slices: int = 1) -> list[Graded]:
    """Random answers that are right at about this rate, on the same items for every call."""
    expected = np.random.default_rng(99).integers(0, len(CLASSES), items)
    random = np.random.default_rng(seed)
    wrong = random.integers(0, len(CLASSES) + 1, items)
    hit = random.random(items) < accuracy
    made = []
    for number in range(items):
        answer = expected[number] if hit[number] else wrong[number]
        label = None if answer == len(CLASSES) else CLASSES[answer]
        true = CLASSES[expected[number]]
        scores = {RATE: float(hit[number]), MEAN: float(random.random())}
        made.append(
            Graded(
                str(number),
                (f"s{number % slices}",),
                scores,
                {"category": label == true},
                {"category": (true, label)},
            )
        )
    return made


codes = st.integers(2, 6).flatmap(
    lambda k: st.tuples(st.just(k), st.lists(st.tuples(st.integers(0, k - 1), st.integers(0, k)), min_size=1, max_size=60))
)


@settings(max_examples=200, deadline=None)
@given(codes)
def test_the_vectorised_macro_f1_equals_scikit_learns(drawn: tuple[int, list[tuple[int, int]]]) -> None:
    number, pairs = drawn
    true, answered = (np.array(codes) for codes in zip(*pairs, strict=True))
    expected = f1_score(true, answered, labels=range(number), average="macro", zero_division=0)
    assert macro_f1_statistic(true, answered, number).observed() == pytest.approx(expected, abs=1e-12)


def test_a_rate_at_the_edge_has_an_interval_that_is_not_a_point() -> None:
    items = arm(1.0, items=50)
    lo, hi = metric_interval(PROJECT, RATE, items)
    assert (lo, hi) == pytest.approx((0.025 ** (1 / 50), 1.0))
    lo, hi = metric_interval(PROJECT, MACRO, items)
    assert 0.9 < lo < 0.95
    assert hi == 1
    nothing = [Graded(i.id, (), {}, {"category": False}, {"category": (i.labels["category"][0], None)}) for i in items]
    lo, hi = metric_interval(PROJECT, MACRO, nothing)
    assert lo == 0
    assert 0.05 < hi < 0.1


def test_the_interval_covers_the_true_value_about_as_often_as_it_says() -> None:
    random = np.random.default_rng(3)
    covered = 0
    for _ in range(200):
        values = random.beta(2, 3, 60)
        items = [Graded(str(n), (), {MEAN: float(value)}, {}, {}) for n, value in enumerate(values)]
        lo, hi = metric_interval(PROJECT, MEAN, items)
        covered += lo <= 0.4 <= hi
    assert 0.89 <= covered / 200 <= 0.99


@pytest.mark.parametrize("metric", [MACRO, RATE, MEAN])
def test_equal_answers_differ_by_nothing_and_prove_no_exact_equality(metric: str) -> None:
    result = paired_difference(PROJECT, metric, arm(0.5), arm(0.5), 300, 0)
    assert (result.mean, result.p) == (0, 1)
    assert -0.05 < result.lo < 0 < result.hi < 0.05
    assert examples_needed(result) is None


def test_a_difference_is_antisymmetric_and_does_not_mind_the_order_of_items() -> None:
    a, b = arm(0.8, seed=1), arm(0.5, seed=2)
    forth = paired_difference(PROJECT, MACRO, a, b, 500, 4)
    back = paired_difference(PROJECT, MACRO, b, a, 500, 4)
    assert forth.mean == pytest.approx(summarise(PROJECT, a)[MACRO] - summarise(PROJECT, b)[MACRO])
    assert (back.mean, back.lo, back.hi, back.p) == pytest.approx((-forth.mean, -forth.hi, -forth.lo, forth.p))
    assert paired_difference(PROJECT, MACRO, a, b[::-1], 500, 4) == forth
    assert forth.lo > 0
    assert forth.p == pytest.approx(1 / 501)


def test_a_difference_of_metrics_up_to_1_has_an_interval_up_to_1() -> None:
    good, bad = ([Graded(str(n), (), {MEAN: value}, {}, {}) for n in range(6)] for value in (0.95, 0.0))
    found, back = (paired_difference(PROJECT, MEAN, a, b, 200, 0) for a, b in ((good, bad), (bad, good)))
    assert (found.hi, back.lo) == (1.0, -1.0) and 0 < found.lo < found.mean
    values = (mean_statistic(np.array([one.scores[MEAN] for one in arm])) for arm in (good, bad))
    assert difference_of(*values, 200, 0).hi > 1.0  # scores without bounds


def test_pairing_makes_the_difference_of_close_arms_sharper_than_two_intervals() -> None:
    a = arm(0.5, items=200)
    b = [*arm(0.5, items=200)]
    for index in [i for i, item in enumerate(a) if item.scores[RATE] == 1][:10]:
        b[index] = Graded(b[index].id, (), {RATE: 0.0}, {}, {})
    result = paired_difference(PROJECT, RATE, a, b, 2000, 0)
    assert result.mean == pytest.approx(0.05)
    assert result.lo > 0
    assert metric_interval(PROJECT, RATE, a)[0] < metric_interval(PROJECT, RATE, b)[1]


def test_under_no_difference_p_is_seldom_small() -> None:
    small = 0
    for seed in range(200):
        a, b = arm(0.5, items=60, seed=2 * seed + 1), arm(0.5, items=60, seed=2 * seed + 2)
        small += paired_difference(PROJECT, MEAN, a, b, 300, seed).p < 0.05
    assert small / 200 <= 0.11


@pytest.mark.parametrize("other", [arm(0.5)[:-1], arm(0.5)[:-1] + arm(0.5)[:1], []])
def test_arms_on_different_items_are_not_compared(other: list[Graded]) -> None:
    with pytest.raises(EvalError) as caught:
        paired_difference(PROJECT, RATE, arm(0.5), other, 200, 0)
    assert caught.value.code == "evals.not_paired"


def test_a_metric_that_an_arm_lacks_is_named() -> None:
    with pytest.raises(EvalError) as caught:
        metric_interval(PROJECT, "cause_accuracy", arm(0.5))
    assert caught.value.code == "evals.metric_missing"


def test_mcnemar_counts_only_items_on_which_the_arms_disagree() -> None:
    a = [True] * 8 + [False] * 2 + [True] * 50
    b = [False] * 8 + [True] * 2 + [True] * 50
    assert mcnemar_exact(a, b) == pytest.approx(2 * sum(scipy_stats.binom.pmf(range(3), 10, 0.5)))
    assert mcnemar_exact(a, b) == mcnemar_exact(b, a)
    assert mcnemar_exact([True, False], [True, False]) == 1


def test_holms_correction_by_the_book() -> None:
    assert holm({"a": 0.04, "b": 0.01, "c": 0.03}) == pytest.approx({"a": 0.06, "b": 0.03, "c": 0.06})
    assert holm({}) == {}


@given(st.dictionaries(st.text(max_size=3), st.floats(0, 1), max_size=6))
def test_holm_never_lowers_a_p_value_and_keeps_their_order(p_values: dict[str, float]) -> None:
    adjusted = holm(p_values)
    assert list(adjusted) == list(p_values)
    assert all(p_values[name] <= adjusted[name] <= 1 for name in p_values)
    for one in p_values:
        for two in p_values:
            if p_values[one] < p_values[two]:
                assert adjusted[one] <= adjusted[two]


@pytest.mark.parametrize("differing", [3, 30])
def test_the_effect_size_is_the_mean_difference_in_its_standard_deviations(differing: int) -> None:
    a, b = np.zeros(60), np.zeros(60)
    a[:differing] = np.linspace(0.2, 0.9, differing)
    for one in (a, (a > 0).astype(np.float64)):
        found = difference_of(mean_statistic(one), mean_statistic(b), 200, 0)
        assert found.effect_size == pytest.approx((one - b).mean() / (one - b).std(ddof=1))


def test_the_number_of_examples_needed_gives_the_stated_power() -> None:
    pilot = Difference(mean=0.05, lo=-0.03, hi=0.13, p=0.2, standard_error=0.5 / np.sqrt(100), items=100)
    needed = examples_needed(pilot)
    assert needed is not None
    random = np.random.default_rng(0)
    means = random.normal(0.05, 0.5, size=(1000, needed)).mean(axis=1)
    power = (means - 1.96 * 0.5 / np.sqrt(needed) > 0).mean()
    assert 0.76 < power < 0.84


def test_an_arm_that_loses_nothing_is_not_worse_once_there_are_enough_items() -> None:
    assert not_worse(PROJECT, RATE, arm(0.5, items=30), arm(0.5, items=30), 0.05) > 0.05
    assert not_worse(PROJECT, RATE, arm(0.5, items=120), arm(0.5, items=120), 0.05) < 0.05
    assert not_worse(PROJECT, MACRO, arm(0.5, items=30), arm(0.5, items=30), 0.05) > 0.05
    assert not_worse(PROJECT, MACRO, arm(0.5, items=300), arm(0.5, items=300), 0.05) < 0.05
    assert not_worse(PROJECT, MACRO, arm(0.5, items=300, seed=1), arm(0.9, items=300, seed=2), 0.05) > 0.99


@pytest.mark.parametrize("number", [1, 2, 5, 12])
def test_the_corrections_are_those_of_statsmodels(number: int) -> None:
    from statsmodels.stats.multitest import multipletests

    raw = (np.random.default_rng(number).random(number) ** 3).round(2).tolist()
    p_values = {str(index): p for index, p in enumerate(raw)}
    assert list(holm(p_values).values()) == pytest.approx(multipletests(raw, method="holm")[1].tolist())
    assert list(benjamini_hochberg(p_values).values()) == pytest.approx(multipletests(raw, method="fdr_bh")[1].tolist())
