"""What must hold of each grader for any text. The cases worked out by hand stand beside this file."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from honekit.errors import GraderError
from honekit.graders import functions, sandbox
from honekit.graders.criteria import Result, grade_by, parse_criteria
from honekit.graders.judges import Answer, Ask, TokenUsage
from honekit.graders.run import Means, Outcome, run_grader
from honekit.graders.schema import Grader
from honekit.graders.templates import Sample

ADAPTER: TypeAdapter[Any] = TypeAdapter(Grader)
TEXTS = st.text(max_size=12)
JSON = st.recursive(st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=4), lambda v: st.lists(v, max_size=3))
OUTPUT, REFERENCE = "{{sample.output_text}}", "{{item.r}}"


def outcome(kind: str, text: str, r: object = "", means: Means | None = None, **options: Any) -> Outcome:
    return run_grader(ADAPTER.validate_python({"type": kind, "name": "g", **options}), {"r": r}, Sample(text), means)


def compared(operation: str, text: str, reference: str) -> float:
    return outcome("string_check", text, reference, input=OUTPUT, reference=REFERENCE, operation=operation).reward


def graded(kind: str, text: str, r: object = "", ask: Ask | None = None, embed: Any = None, **options: Any) -> Result:
    criterion = parse_criteria([{"type": kind, "name": "g", **options}])[0]
    return grade_by(criterion, {"r": r}, Sample(text), Means(ask=ask), embed)


def item(*keys: str) -> str:
    """A template for a value of the item."""
    return "{{item." + ".".join(keys) + "}}"


def judge(says: Callable[[str], str]) -> Ask:
    """No model: what it answers to its order."""
    return lambda _model, messages, _sampling, _labels: Answer(says(messages[-1]["content"]), TokenUsage(1, 1))


@given(TEXTS, TEXTS, TEXTS)
def test_a_string_is_equal_or_not_and_is_found_wherever_it_stands(before: str, text: str, after: str) -> None:
    assert compared("eq", text, before) + compared("ne", text, before) == 1
    assert compared("eq", text, text) == 1
    assert compared("like", before + text + after, text) == 1
    assert compared("ilike", text, before) >= compared("like", text, before)


@given(JSON, JSON)
def test_json_fits_the_schema_of_one_value_if_it_is_that_value(value: Any, other: Any) -> None:
    assert graded("json_schema", json.dumps(value), schema={"const": value}).score == 1
    # To JSON 1 and true are two values, to Python one.
    assume(json.dumps(value) != json.dumps(other))
    assert graded("json_schema", json.dumps(value), schema={"const": other}).score == 0


@given(st.lists(st.text("abc XY", min_size=1, max_size=6), min_size=2, max_size=5, unique=True), st.data())
def test_a_class_is_told_from_the_others_and_from_words_around_it(labels: list[str], data: st.DataObject) -> None:
    assume(len({label.strip() for label in labels}) == len(labels) and all(label == label.strip() for label in labels))
    expected, said = data.draw(st.sampled_from(labels)), data.draw(st.sampled_from(labels))
    result = graded("classification", said, expected, reference=REFERENCE, labels=labels)
    assert (result.score, result.notes) == (float(said == expected), {"expected": expected, "predicted": said})
    assert graded("classification", f"{said} 9", expected, reference=REFERENCE, labels=labels).notes["predicted"] is None


@given(st.lists(st.text("abc ", max_size=5), max_size=4), st.text("abc ", max_size=5))
def test_an_accepted_phrase_is_right_in_any_case_and_company(others: list[str], said: str) -> None:
    is_said = bool(said.strip())
    assert graded("phrase", f" {said.upper()}. ", [*others, said], accepted=REFERENCE).score == is_said
    assert graded("phrase", f"{said} 9", [*others, said], accepted=REFERENCE).score == 0


@given(st.text("ab.", max_size=6), st.text("abAB.", max_size=6))
def test_a_pattern_is_found_or_absent(pattern: str, text: str) -> None:
    assume(pattern)
    found, absent = (graded("regex", text, pattern=pattern, absent=absent).score for absent in (False, True))
    assert found + absent == 1
    assert graded("regex", text, pattern=pattern, ignore_case=True).score >= found


def vectors(given: list[list[float]]) -> Any:
    return lambda _model, texts: given[: len(texts)]


@pytest.mark.parametrize(
    ("left", "right", "score"),
    [
        ([3.0, 4.0], [4.0, 3.0], 0.96),
        ([1.0, 0.0], [0.0, 2.0], 0.0),
        ([1.0, 1.0], [-1.0, -1.0], 0.0),
        ([0.0, 0.0], [1.0, 0.0], 0.0),
    ],
)
def test_semantic_similarity_is_the_cosine_and_at_least_0(left: list[float], right: list[float], score: float) -> None:
    options = {"model": "e", "reference": REFERENCE, "pass_threshold": 0.9}
    result = graded("semantic_similarity", "a", "b", embed=vectors([left, right]), **options)
    assert (result.score, result.passed) == (pytest.approx(score), score >= 0.9)


@given(st.lists(st.tuples(*[st.floats(-1e6, 1e6)] * 2), min_size=1, max_size=5), st.floats(1e-3, 1e3))
def test_semantic_similarity_knows_directions_alone(pairs: Sequence[tuple[float, float]], scale: float) -> None:
    left, right = ([pair[side] for pair in pairs] for side in (0, 1))
    assume(math.hypot(*left) > 1e-3 and math.hypot(*right) > 1e-3)
    options = {"model": "e", "reference": REFERENCE, "pass_threshold": 0.9}
    one, scaled, turned, same = (
        graded("semantic_similarity", "a", "b", embed=vectors(both), **options).score
        for both in ([left, right], [[scale * x for x in left], right], [right, left], [left, left])
    )
    assert 0 <= one <= 1
    assert one == pytest.approx(scaled, abs=1e-6) == pytest.approx(turned, abs=1e-6)
    assert same == pytest.approx(1)


@given(st.integers(-50, 50), st.integers(-20, 20), st.integers(0, 30))
def test_a_judges_number_is_clipped_to_the_range(number: int, low: int, width: int) -> None:
    means = Means(ask=judge(lambda _: str(number)))
    found = outcome(
        "score_model", "x", model="m", input=[{"role": "user", "content": "?"}], range=[low, low + width + 1], means=means
    )
    assert found.reward == min(max(number, low), low + width + 1)


@given(st.lists(st.sampled_from(["good", "fair", "bad", "none"]), min_size=2, unique=True), st.data())
def test_a_judges_label_passes_if_it_is_among_those_that_do(labels: list[str], data: st.DataObject) -> None:
    passing = data.draw(st.lists(st.sampled_from(labels), min_size=1, unique=True))
    said = data.draw(st.sampled_from(labels))
    options = {"model": "m", "input": [{"role": "user", "content": "?"}], "labels": labels, "passing_labels": passing}
    assert outcome("label_model", "x", means=Means(ask=judge(lambda _: said)), **options).reward == (said in passing)


@given(st.integers(0, 40), st.integers(0, 40))
def test_a_pair_is_judged_alike_from_both_sides(mine: int, other: int) -> None:
    def longer(order: str) -> str:
        first, second = order.split("Answer A:\n")[1].split("\n\nAnswer B:\n")
        sizes = first.count("x"), second.split("\n\nAnswer with")[0].count("x")
        return "tie" if sizes[0] == sizes[1] else "A" if sizes[0] > sizes[1] else "B"

    one, turned = (
        graded("pairwise", f"-{'x' * a}", f"-{'x' * b}", ask=judge(longer), model="m", question="q", reference=REFERENCE)
        for a, b in ((mine, other), (other, mine))
    )
    assert one.score + turned.score == 1
    assert one.score == (0.5 if mine == other else float(mine > other))


@given(st.lists(st.tuples(st.booleans(), st.floats(0.01, 1000)), min_size=1, max_size=6))
def test_a_rubric_is_the_weighted_share_of_what_is_met(points: list[tuple[bool, float]]) -> None:
    rubric = [
        {"name": f"p{n}", "description": "met" if met else "missed", "weight": weight} for n, (met, weight) in enumerate(points)
    ]
    judged = judge(lambda order: "no" if "missed" in order else "yes")
    result = graded("rubric", "x", ask=judged, model="m", question="q", rubric=rubric)
    assert result.score == pytest.approx(sum(weight for met, weight in points if met) / sum(weight for _, weight in points))


@given(st.dictionaries(st.sampled_from("abcd"), st.tuples(TEXTS, TEXTS), min_size=1, max_size=4))
def test_a_sum_of_graders_is_the_sum_of_their_scores(pairs: dict[str, tuple[str, str]]) -> None:
    parts = {
        name: {"type": "string_check", "name": name, "input": item("r", name), "reference": item("s", name), "operation": "eq"}
        for name in pairs
    }
    grader = ADAPTER.validate_python({"type": "multi", "name": "m", "graders": parts, "calculate_output": " + ".join(parts)})
    values = {"r": {name: one for name, (one, _) in pairs.items()}, "s": {name: other for name, (_, other) in pairs.items()}}
    assert run_grader(grader, values, Sample("")).reward == sum(one == other for one, other in pairs.values())


@given(st.floats() | st.booleans() | st.text(max_size=3))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_function_gives_a_number_from_0_to_1_or_a_fault(monkeypatch: pytest.MonkeyPatch, given_: Any) -> None:
    monkeypatch.setattr(functions, "_load", lambda _name: lambda _sample, _item: given_)
    result = graded("function", "x", function="own")
    is_grade = isinstance(given_, bool | float) and -functions.ROUNDING <= given_ <= 1 + functions.ROUNDING
    assert (result.fault is None) == is_grade
    assert result.score == (min(max(float(given_), 0), 1) if is_grade else 0)


@given(st.floats(allow_nan=False, allow_infinity=False))
@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_python_grader_gives_the_number_that_its_source_returns(monkeypatch: pytest.MonkeyPatch, number: float) -> None:
    monkeypatch.setenv("HONE_PYTHON_GRADERS", "1")
    try:
        sandbox.probe()
    except GraderError as fault:
        pytest.skip(fault.what)
    source = "def grade(sample, item):\n    return item['r']\n"
    assert outcome("python", "x", number, source=source).reward == number
