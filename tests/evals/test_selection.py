"""The choice rule on constructed grades."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from honekit.evals.selection import Candidate, select
from honekit.graders import Graded
from honekit.project import load_project

IOT = load_project(Path(__file__).parents[2] / "examples" / "iot-diagnostics")
RATES = IOT.model_copy(update={"task": IOT.task.model_copy(update={"primary_metric": "severity_accuracy"})})


def grades(right: list[bool]) -> list[Graded]:
    return [
        Graded(str(i), (), {"severity_accuracy": float(r)}, {"severity": r}, {"category": ("Power", "Power" if r else None)})
        for i, r in enumerate(right)
    ]


def arm(name: str, cost: float, items: int, wrong: range, *, complete: bool = True) -> Candidate:
    return Candidate(name, cost, grades([i not in wrong for i in range(items)]), complete)


def test_a_cheaper_equal_arm_wins() -> None:
    found = select(RATES, [arm("dear", 10, 400, range(40)), arm("cheap", 1, 400, range(2, 42))], 0.05)
    assert found.arm == "cheap"
    assert found.settled
    assert found.best == "cheap"
    assert "cheapest arm shown not to be worse" in found.reasons[0]


def test_a_cheaper_arm_that_is_clearly_worse_loses() -> None:
    found = select(RATES, [arm("dear", 10, 400, range(20)), arm("cheap", 1, 400, range(120))], 0.05)
    assert found.arm == "dear"
    assert found.settled
    assert {s.arm: s.status for s in found.standings} == {"dear": "not worse", "cheap": "worse"}


def test_an_arm_within_the_margin_but_uncertain_does_not_win_and_is_named_with_the_examples_it_needs() -> None:
    dear, cheap = arm("dear", 10, 300, range(30)), arm("cheap", 1, 300, range(15, 54))
    found = select(RATES, [dear, cheap], 0.05)
    assert found.arm == "dear"
    assert not found.settled
    standing = next(s for s in found.standings if s.arm == "cheap")
    assert standing.status == "open"
    assert standing.to_best is not None and standing.to_best.mean == pytest.approx(-0.03)
    assert standing.examples_needed is not None and standing.examples_needed > 300
    assert any("cheap is cheaper, but not shown" in reason and "would show it" in reason for reason in found.reasons)


def test_too_small_a_sample_chooses_nothing_and_says_how_many_it_would_take() -> None:
    found = select(RATES, [arm("dear", 10, 12, range(2)), arm("cheap", 1, 12, range(2))], 0.05)
    assert found.arm is None
    assert not found.settled
    assert found.reasons[0].startswith("Not enough evidence")
    needed = [s.examples_needed for s in found.standings]
    assert all(n is not None and n > 12 for n in needed)


def test_the_number_of_examples_that_it_names_is_about_enough() -> None:
    small = select(RATES, [arm("dear", 10, 100, range(10)), arm("cheap", 1, 100, range(5, 15))], 0.05)
    needed = next(s.examples_needed for s in small.standings if s.arm == "cheap")
    assert needed is not None
    random = np.random.default_rng(0)
    won = 0
    for _ in range(60):
        kind = random.random(needed)
        dear = grades((kind >= 0.10).tolist())
        cheap = grades(((kind < 0.05) | (kind >= 0.15)).tolist())
        won += select(RATES, [Candidate("dear", 10, dear), Candidate("cheap", 1, cheap)], 0.05).arm == "cheap"
    assert 0.6 <= won / 60 <= 0.98


def test_an_arm_that_leaves_fields_out_is_never_chosen() -> None:
    found = select(RATES, [arm("part", 1, 400, range(20), complete=False), arm("whole", 10, 400, range(20))], 0.05)
    assert found.arm == "whole"
    assert found.settled
    assert any("comparison only" in reason for reason in found.reasons)


def test_more_arms_make_it_harder_to_be_shown_not_worse() -> None:
    two = [arm("dear", 10, 130, range(13)), arm("cheap", 1, 130, range(1, 14))]
    more = [*two, *(arm(f"other {i}", 20 + i, 130, range(60)) for i in range(6))]
    p_two = next(s.p for s in select(RATES, two, 0.05).standings if s.arm == "cheap")
    p_more = next(s.p for s in select(RATES, more, 0.05).standings if s.arm == "cheap")
    assert p_more > p_two


def test_the_rule_works_on_a_macro_f1_too() -> None:
    classes = IOT.task.field("category").values

    def labelled(name: str, cost: float, wrong: range) -> Candidate:
        items = []
        for i in range(600):
            true = classes[i % len(classes)]
            answer = None if i in wrong else true
            items.append(Graded(str(i), (), {}, {"category": answer == true}, {"category": (true, answer)}))
        return Candidate(name, cost, items)

    found = select(
        IOT, [labelled("dear", 9, range(60)), labelled("cheap", 1, range(5, 65)), labelled("bad", 0, range(300))], 0.05
    )
    assert found.arm == "cheap"
    assert {s.arm: s.status for s in found.standings}["bad"] == "worse"
    assert found.as_dict()["standings"][0]["interval"]


def test_equal_arms_of_equal_quality_are_seldom_replaced_by_one_that_is_truly_worse() -> None:
    random = np.random.default_rng(1)
    wrongly = 0
    for _ in range(150):
        luck, other = random.random(200), random.random(200)
        dear = grades((luck < 0.9).tolist())
        cheap = grades((np.where(random.random(200) < 0.5, luck, other) < 0.84).tolist())  # worse by 0.06
        wrongly += select(RATES, [Candidate("dear", 10, dear), Candidate("cheap", 1, cheap)], 0.05).arm == "cheap"
    assert wrongly / 150 <= 0.08
