from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from honekit.errors import EvalError
from honekit.evals.stats import Difference
from honekit.evals.verdict import Verdict, choose_arm, compare_arms, decide
from honekit.graders import Graded
from honekit.project import GateSection, Project, load_project

IOT = load_project(Path(__file__).parents[2] / "examples" / "iot-diagnostics")
REQUIRED = IOT.gate.require_better_than
RANK = {"don't ship": 0, "not enough evidence": 1, "ship": 2}


def difference(mean: float, half: float = 0.05, p: float | None = None) -> Difference:
    lo, hi = mean - half, mean + half
    return Difference(mean, lo, hi, (0.001 if lo > 0 or hi < 0 else 0.4) if p is None else p, half / 1.96, 240)


WIN, DRAW, LOSS = difference(0.3), difference(0.02), difference(-0.3)


def verdict(project: Project = IOT, schema: float = 0.99, classical: Any = None, **arms: Difference) -> Verdict:
    summaries = {
        "tuned": {"schema_validity": schema, "category_macro_f1": 0.8},
        "base": {"category_macro_f1": 0.5},
    }
    return decide(project, summaries, arms, chosen="tuned", classical=classical)


def all_of(one: Difference) -> dict[str, Difference]:
    return dict.fromkeys(REQUIRED, one)


def test_clear_wins_over_every_required_arm_ship() -> None:
    result = verdict(**all_of(WIN))
    assert result.verdict == "ship"
    assert [check["outcome"] for check in result.checks] == ["passed", "better", "better", "better"]
    assert any("0.800 against 0.500" in reason and "+0.250 to +0.350" in reason for reason in result.reasons)
    assert json.loads(json.dumps(result.as_dict()))["chosen"] == "tuned"


def test_a_significant_loss_against_one_arm_is_enough_not_to_ship_and_stands_first() -> None:
    result = verdict(**{**all_of(WIN), "base_few_shot": LOSS})
    assert result.verdict == "don't ship"
    assert "loses to base_few_shot" in result.reasons[0]


def test_a_draw_is_not_enough_evidence_with_the_number_of_examples_needed() -> None:
    result = verdict(**{**all_of(WIN), "base": DRAW})
    assert result.verdict == "not enough evidence"
    needed = next(check["examples_needed"] for check in result.checks if check["arm"] == "base")
    assert needed > 240
    assert f"{needed:,}" in result.reasons[0]


def test_an_arm_that_writes_too_few_valid_answers_does_not_ship() -> None:
    assert verdict(schema=0.95, **all_of(WIN)).verdict == "ship"
    result = verdict(schema=0.949, **all_of(WIN))
    assert result.verdict == "don't ship"
    assert "94.9%" in result.reasons[0]


def test_p_values_are_corrected_for_the_number_of_arms() -> None:
    assert verdict(**all_of(difference(0.3, p=0.016))).verdict == "ship"
    assert verdict(**all_of(difference(0.3, p=0.017))).verdict == "not enough evidence"
    # 0.03 * 2 for the second smallest: no longer below 0.05.
    arms = {
        "base": difference(0.3, p=0.001),
        "base_few_shot": difference(0.3, p=0.03),
        "base_few_shot_rag": DRAW,
    }
    result = verdict(**arms)
    assert [check["outcome"] for check in result.checks[1:]] == ["better", "undecided", "undecided"]


def test_an_interval_that_touches_zero_does_not_ship_whatever_p_says() -> None:
    touching = Difference(0.05, 0.0, 0.1, 0.001, 0.025, 240)
    assert verdict(**all_of(touching)).verdict == "not enough evidence"


def test_a_required_arm_that_was_not_evaluated_never_ships() -> None:
    result = verdict(base=WIN, base_few_shot=WIN)
    assert result.verdict == "not enough evidence"
    assert "base_few_shot_rag was not evaluated" in result.reasons[0]


def test_a_project_without_documents_is_not_asked_for_arms_with_retrieval() -> None:
    project = IOT.model_copy(update={"retrieval": None})
    assert verdict(project, base=WIN, base_few_shot=WIN).verdict == "ship"
    only_rag = project.model_copy(update={"gate": GateSection(require_better_than=("base_few_shot_rag",))})
    assert verdict(only_rag, base=WIN).verdict == "not enough evidence"
    asks_nothing = project.model_copy(update={"gate": GateSection(require_better_than=())})
    assert verdict(asks_nothing).verdict == "ship"


def test_arms_that_the_gate_does_not_name_decide_nothing() -> None:
    assert verdict(**all_of(WIN), tuned_rag=LOSS) == verdict(**all_of(WIN))


def test_a_loss_or_draw_against_the_classical_baseline_stands_in_the_reasons_and_does_not_block() -> None:
    result = verdict(**all_of(WIN), classical={"category_macro_f1": DRAW, "severity_accuracy": LOSS})
    assert result.verdict == "ship"
    assert any("cannot be told apart from classical on category_macro_f1" in reason for reason in result.reasons)
    assert any("loses to classical on severity_accuracy" in reason for reason in result.reasons)


differences = st.builds(
    lambda mean, half, p: difference(mean, half, p),
    st.floats(-0.6, 0.6),
    st.floats(0, 0.3),
    st.floats(0.0005, 1),
)
three = st.tuples(differences, differences, differences)


@settings(deadline=None)
@given(three, st.integers(0, 2), st.floats(0, 0.3), st.floats(0.0005, 1))
def test_a_tie_never_ships(drawn: tuple[Difference, ...], place: int, half: float, p: float) -> None:
    arms = dict(zip(REQUIRED, drawn, strict=True))
    arms[REQUIRED[place]] = difference(0.0, half, p)
    assert verdict(**arms).verdict != "ship"


@settings(deadline=None)
@given(three, st.integers(0, 2), st.floats(0, 0.5), st.floats(0.9, 1.0))
def test_a_higher_difference_or_schema_validity_never_worsens_the_verdict(
    drawn: tuple[Difference, ...], place: int, more: float, schema: float
) -> None:
    arms = dict(zip(REQUIRED, drawn, strict=True))
    before = verdict(schema=schema, **arms)
    old = arms[REQUIRED[place]]
    better = Difference(old.mean + more, old.lo + more, old.hi + more, old.p, old.standard_error, old.items)
    after = verdict(schema=1.0, **{**arms, REQUIRED[place]: better})
    assert RANK[after.verdict] >= RANK[before.verdict]


@settings(deadline=None)
@given(three, st.floats(0, 1))
def test_to_ship_every_required_interval_lies_above_zero(drawn: tuple[Difference, ...], schema: float) -> None:
    result = verdict(schema=schema, **dict(zip(REQUIRED, drawn, strict=True)))
    if result.verdict == "ship":
        assert schema >= 0.95
        assert all(one.lo > 0 and one.p < 0.05 for one in drawn)
    assert result.reasons


def test_validation_chooses_the_tuned_arm_and_equal_scores_the_one_without_retrieval() -> None:
    def scores(tuned: float, rag: float) -> dict[str, dict[str, float]]:
        return {name: {"category_macro_f1": f1} for name, f1 in {"base": 0.99, "tuned_rag": rag, "tuned": tuned}.items()}

    assert choose_arm(IOT, scores(0.7, 0.8)) == "tuned_rag"
    assert choose_arm(IOT, scores(0.7, 0.7)) == "tuned"
    with pytest.raises(EvalError) as caught:
        choose_arm(IOT, {"base": {"category_macro_f1": 1.0}})
    assert caught.value.code == "evals.arm_missing"


def test_the_chosen_arm_is_compared_with_each_other_arm_and_by_field_with_the_classical_one() -> None:
    values = IOT.task.field("category").values

    def arm(right: int) -> list[Graded]:
        return [
            Graded(
                str(n),
                (),
                {"severity_accuracy": float(n < right)},
                {"category": n < right},
                {"category": (values[n % 5], values[n % 5] if n < right else None)},
            )
            for n in range(50)
        ]

    project = IOT.model_copy(update={"evaluate": IOT.evaluate.model_copy(update={"bootstrap_resamples": 300})})
    graded = {"tuned": arm(45), "base": arm(10), "tuned_rag": arm(45), "classical": arm(30)}
    arms, classical = compare_arms(project, "tuned", graded)
    assert set(arms) == {"base", "tuned_rag"}
    assert set(classical) == {"category_macro_f1", "severity_accuracy"}
    assert arms["base"].lo > 0
    assert arms["tuned_rag"].mean == 0
    assert classical["severity_accuracy"].mean == pytest.approx(0.3)
