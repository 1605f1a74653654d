"""Comparisons say no more than the items show."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from honekit.errors import EvalError
from honekit.evals.compare_runs import Compared, compare, correction_told, left_ungraded, pair_items
from honekit.evals.comparison_report import headline
from honekit.evals.graded_pairs import graded_by_none
from honekit.evals.metrics import calibration, classification, run_metrics
from honekit.evals.set_metrics import SET_METRICS, paired_set_statistics
from honekit.store.eval_items import Item


def items(scores: list[float], **result: Any) -> list[Item]:
    made = []
    for number, score in enumerate(scores):
        one = {"name": "c", "type": "string_check", "score": score, "passed": score >= 1, **result}
        content = {"n": number, "slices": ["even" if number % 2 == 0 else "odd"]}
        made.append(Item(f"i{number}", "r", number, content, None, "pass", [one], {}, 0.0))
    return made


def words(a: list[float], b: list[float]) -> dict[str | None, str]:
    return {one.slice: one.word for one in compare(pair_items(items(a), items(b)))}


def labelled(expected: str, predicted: list[str | None]) -> list[Item]:
    made = items([float(e == p) for e, p in zip(expected, predicted, strict=True)])
    for item, e, p in zip(made, expected, predicted, strict=True):
        item.results[0].update(type="classification", expected=e, predicted=p)  # type: ignore[index]
    return made


def test_a_clear_difference_is_better_and_the_other_way_round_worse() -> None:
    good, bad = [1.0] * 36 + [0.0] * 4, [0.0] * 30 + [1.0] * 6 + [0.0] * 4
    assert words(good, bad)[None] == "better"
    assert words(bad, good)[None] == "worse"


def test_three_items_more_of_forty_show_nothing() -> None:
    more = [1.0] * 3 + [0.0] * 37
    compared = compare(pair_items(items(more), items([0.0] * 40)))[0]
    assert compared.interval is not None and compared.interval[0] < 0 < compared.interval[1]
    assert (compared.word, compared.only_a, compared.only_b, compared.mcnemar_p) == ("no difference shown", 3, 0, 0.25)


def test_equal_answers_prove_no_equality() -> None:
    compared = compare(pair_items(items([1.0] * 30), items([1.0] * 30)))[0]
    assert compared.interval is not None and compared.interval[0] < 0 < compared.interval[1]
    assert compared.p == 1.0


def test_slices_follow_their_criterion_and_too_few_items_have_no_interval() -> None:
    compared = compare(pair_items(items([1.0] * 8), items([0.0] * 8)))
    assert [one.slice for one in compared] == [None, "even", "odd"]
    assert [one.word for one in compared[1:]] == ["too few items"] * 2
    assert compared[1].interval is None


def crossed(criteria: int, parts: int, wins: int) -> list[Compared]:
    """All lines of two runs where A is right on `wins` items more of the first slice, and on no other."""
    made = [items([float(n < wins * side) for n in range(20 * parts)]) for side in (1, 0)]
    for item in (one for run in made for one in run):
        item.item["slices"] = f"part {item.position // 20}"
        results = item.results or []
        results += [{**results[0], "name": f"same {number}", "score": 1.0, "passed": True} for number in range(1, criteria)]
    return compare(pair_items(*made))


def test_slices_of_all_criteria_are_one_family_and_the_lines_of_all_items_another() -> None:
    few, many = crossed(criteria=1, parts=2, wins=8), crossed(criteria=4, parts=2, wins=8)
    plain = few[0].p  # the only line of all items: nothing to correct
    assert (few[0].word, few[1].p) == ("better", pytest.approx(2 * 2 * mcnemar_half(8)))
    assert (many[0].p, many[1].p) == (pytest.approx(4 * plain), pytest.approx(8 * few[1].p / 2))
    assert crossed(criteria=1, parts=12, wins=8)[0].p == plain  # slices take nothing from the verdict
    assert correction_told(many) == (
        "p is after Holm's correction over the 4 lines of all items, and apart from these over the 8 lines of slices"
    )
    assert correction_told(compare(pair_items(items([1.0] * 4), items([0.0] * 4)))) == ""  # too few items: no test


def mcnemar_half(wins: int) -> float:
    """Mid-p of one side where one run alone is right on so many items."""
    return float(0.5**wins / 2)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([0.0, 0.5, 1.0]), st.sampled_from([0.0, 0.5, 1.0])), min_size=1, max_size=40))
def test_better_is_never_said_where_the_interval_holds_zero(pairs: list[tuple[float, float]]) -> None:
    for one in compare(pair_items(items([a for a, _ in pairs]), items([b for _, b in pairs]))):
        if one.word in ("better", "worse"):
            assert one.interval is not None and not one.interval[0] <= 0 <= one.interval[1]
            assert one.p < 0.05


def test_without_a_difference_one_is_seldom_called() -> None:
    draw = random.Random(0)
    called = 0
    for _ in range(60):
        a, b = ([float(draw.random() < 0.8) for _ in range(60)] for _ in range(2))
        called += words(a, b)[None] != "no difference shown"
    assert called <= 6  # 5 % of 60 are 3; the exact test is below that


def faulted(of: list[Item], *places: int) -> list[Item]:
    """These items could not even be answered, so that no criterion has a result."""
    return [replace(one, status="error", results=[]) if place in places else one for place, one in enumerate(of)]


def test_a_first_item_that_faulted_takes_no_criterion_away() -> None:
    compared = compare(pair_items(faulted(items([1.0] * 12), 0), items([0.0] * 12)))
    assert (compared[0].criterion, compared[0].items, compared[0].word) == ("c", 11, "better")
    assert (compared[0].ungraded_a, compared[0].ungraded_b) == (1, 0)
    assert {one.slice: one.ungraded_a for one in compared if one.metric == "score"} == {None: 1, "even": 1, "odd": 0}


def test_a_model_that_faults_on_hard_items_is_not_simply_better() -> None:
    hard = range(18, 40)
    a, b = faulted(items([1.0] * 40), *hard), items([0.0] * 9 + [1.0] * 31)
    whole = [one for one in compare(pair_items(a, b)) if one.slice is None]
    assert [(one.metric, one.items, one.word) for one in whole] == [("score", 18, "better"), ("score_faults_as_0", 40, "worse")]
    told = headline(whole)
    assert told["title"] == "Better and worse"
    assert "“c”: 22 items that A could not grade and 0 that B could not are left out." in told["plain"]
    assert left_ungraded(whole[1]).endswith("count 0")


def test_better_on_a_part_is_said_to_be_of_a_part() -> None:
    a, b = faulted(items([1.0] * 40), *range(12, 24)), items([0.0] * 12 + [1.0] * 28)
    whole = [one for one in compare(pair_items(a, b)) if one.slice is None]
    assert [one.word for one in whole] == ["better", "no difference shown"]
    assert headline(whole)["title"] == "A is better, where both could be graded"


def test_a_run_that_graded_nothing_is_worse_than_one_that_did() -> None:
    (one,) = compare(pair_items(faulted(items([1.0] * 30), *range(30)), items([1.0] * 30)))
    assert (one.metric, one.word, one.ungraded_a) == ("score_faults_as_0", "worse", 30)


def test_faults_on_the_same_items_are_told_and_counted_for_neither() -> None:
    whole = [one for one in compare(pair_items(faulted(items([1.0] * 9), 1), faulted(items([0.0] * 9), 1))) if one.slice is None]
    assert [(one.metric, one.items, one.ungraded_a, one.ungraded_b) for one in whole] == [("score", 8, 1, 1)]


def test_items_are_paired_by_content_and_faults_are_left_out() -> None:
    a, b = items([1.0] * 6), items([0.0] * 6)[::-1]
    b[0].results[0]["error"] = "the judge was away"  # type: ignore[index]
    assert compare(pair_items(a, b))[0].items == 5
    with pytest.raises(EvalError) as caught:
        pair_items(a, [Item("x", "r", 0, {"other": 1}, None, "pass", [], {}, 0.0)])
    assert caught.value.code == "evals.not_paired"


def test_classification_is_what_scikit_learn_says_by_hand() -> None:
    found = classification([("a", "a"), ("a", "b"), ("b", "b"), ("b", None)])
    assert found["accuracy"] == 0.5 and found["no_answer"] == 1
    assert found["confusion"] == {"rows": ["a", "b"], "columns": ["a", "b", "no answer"], "matrix": [[1, 1, 0], [0, 1, 1]]}
    assert found["classes"]["a"]["precision"] == 1.0 and found["classes"]["a"]["recall"] == 0.5
    assert found["macro"]["f1"] == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert found["micro"] == {"precision": pytest.approx(2 / 3), "recall": 0.5, "f1": pytest.approx(4 / 7)}


def test_calibration_by_hand() -> None:
    found = calibration([(0.95, True), (0.95, False), (0.15, False)])
    assert found["brier"] == pytest.approx((0.05**2 + 0.95**2 + 0.15**2) / 3)
    assert found["expected_calibration_error"] == pytest.approx((0.45 * 2 + 0.15) / 3)


def test_a_judges_agreement_with_humans_is_told() -> None:
    notes = [("sample", "sample", True), ("tie", "sample", False), ("reference", None, True)]
    made = items([1.0, 0.5, 0.0])
    for item, (preferred, human, consistent) in zip(made, notes, strict=True):
        item.results[0].update(type="pairwise", preferred=preferred, consistent=consistent)  # type: ignore[index]
        if human:
            item.results[0]["human"] = human  # type: ignore[index]
    told = run_metrics(made)["c"]["judge"]
    assert (told["human_labels"], told["agreement"], told["consistent_rate"]) == (2, 0.5, pytest.approx(2 / 3))


TRUTH = "aaaaabbbbbcc" * 5


@pytest.mark.parametrize("metric", SET_METRICS)
@pytest.mark.parametrize("seed", range(3))
def test_set_metrics_are_those_of_scikit_learn(metric: str, seed: int) -> None:
    from sklearn.metrics import precision_recall_fscore_support

    draw = random.Random(seed)
    answers: list[list[str | None]] = [[draw.choice([*"abcx", None]) for _ in TRUTH] for _ in range(2)]
    both = [[(e, p) for e, p in zip(TRUTH, one, strict=True)] for one in answers]
    average, name = metric.split("_")
    for statistic, said in zip(paired_set_statistics(metric, *both), answers, strict=True):
        labels = ["a", "b", "c"] if average == "macro" else ["a", "b", "c", "x"]
        found = precision_recall_fscore_support(
            list(TRUTH), [p or "none" for p in said], labels=labels, average=average, zero_division=0
        )
        assert statistic.observed() == pytest.approx(found[["precision", "recall", "f1"].index(name)])


def test_macro_f1_is_compared_beside_the_score_overall_and_by_slice() -> None:
    worse: list[str | None] = ["a" if e == "c" else e for e in TRUTH]
    compared = compare(pair_items(labelled(TRUTH, list(TRUTH)), labelled(TRUTH, worse)))
    assert [(one.metric, one.slice) for one in compared] == [
        (metric, part) for metric in ("score", "macro_f1") for part in (None, "even", "odd")
    ]
    macro = compared[3]
    assert (macro.value_a, macro.word, macro.mcnemar_p) == (1.0, "better", None)
    assert macro.value_b == pytest.approx((2 * 25 / 60 + 1 + 0) / 3)
    assert macro.interval is not None and 0 < macro.interval[0] < macro.difference < macro.interval[1]
    assert macro.detectable is not None and macro.detectable > 0


def test_where_every_item_differs_alike_the_interval_is_no_point() -> None:
    wrong, right = labelled("ab" * 20, ["c"] * 40), labelled("ab" * 20, list("ab" * 20))
    one = next(of for of in compare(pair_items(right, wrong)) if of.metric == "macro_f1")
    assert one.word == "better" and one.interval is not None and 0.8 < one.interval[0] < 0.99


def test_a_criterion_that_graded_nothing_in_both_runs_is_named() -> None:
    faulted = [replace(item, results=[*(item.results or []), {"name": "d", "error": "x"}]) for item in items([1.0] * 6)]
    assert graded_by_none(pair_items(faulted, faulted)) == ["d"]
    assert graded_by_none(pair_items(items([1.0]), items([0.0]))) == []


def test_a_class_that_nobody_is_of_moves_the_other_runs_macro_f1_by_nothing() -> None:
    strange: list[str | None] = ["x", *TRUTH[1:]]
    (alone,) = [
        one for one in compare(pair_items(labelled(TRUTH, list(TRUTH)), labelled(TRUTH, strange)), "") if one.metric != "score"
    ]
    assert alone.value_a == 1.0 and alone.word == "no difference shown"


def test_no_macro_f1_difference_is_seldom_called_and_never_where_the_interval_holds_zero() -> None:
    called = 0
    for seed in range(40):
        draw = random.Random(seed)
        a, b = ([e if draw.random() < 0.7 else draw.choice("abc") for e in TRUTH] for _ in range(2))
        macro = compare(pair_items(labelled(TRUTH, list(a)), labelled(TRUTH, list(b))), "")[1]
        called += macro.word != "no difference shown"
        if macro.word != "no difference shown":
            assert macro.interval is not None and not macro.interval[0] <= 0 <= macro.interval[1]
    assert called <= 5
