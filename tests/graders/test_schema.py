from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from honekit.graders.sandbox import MAX_SOURCE_BYTES
from honekit.graders.schema import Grader, MultiGrader, all_graders

ADAPTER: TypeAdapter[Any] = TypeAdapter(Grader)
CHECK = {"type": "string_check", "name": "exact", "input": "{{sample.output_text}}", "reference": "x", "operation": "eq"}
SCORE = {"type": "score_model", "name": "s", "model": "m", "input": [{"role": "user", "content": "{{item.a}}"}]}
LABEL = {**SCORE, "type": "label_model", "labels": ["good", "bad"], "passing_labels": ["good"]}
MULTI = {"type": "multi", "name": "both", "graders": {"a": CHECK, "b": CHECK}, "calculate_output": "a * b"}
PYTHON = {"type": "python", "name": "p", "source": "def grade(s, i): return 1"}


def fault_at(raw: dict[str, Any]) -> tuple[str, str]:
    with pytest.raises(ValidationError) as caught:
        ADAPTER.validate_python(raw)
    error = caught.value.errors()[0]
    return ".".join(str(part) for part in error["loc"]), error["msg"]


@pytest.mark.parametrize("raw", [CHECK, SCORE, LABEL, MULTI, PYTHON, {**MULTI, "graders": CHECK, "calculate_output": "exact"}])
def test_what_was_given_is_what_comes_back(raw: dict[str, Any]) -> None:
    assert ADAPTER.validate_python(raw).model_dump(exclude_unset=True) == raw


def test_a_multi_grader_takes_one_grader_or_an_object_of_them() -> None:
    one = ADAPTER.validate_python({**MULTI, "graders": CHECK, "calculate_output": "1 - exact"})
    assert isinstance(one, MultiGrader)
    assert list(one.named) == ["exact"]
    assert [grader.name for grader in all_graders(ADAPTER.validate_python(MULTI))] == ["exact", "exact"]


@pytest.mark.parametrize(
    ("raw", "place"),
    [
        ({**CHECK, "operation": "regex"}, "operation"),
        ({**CHECK, "extra": 1}, "extra"),
        ({**CHECK, "input": "{{item.a"}, "input"),
        ({**CHECK, "input": "x" * 100_001}, "input"),
        ({**CHECK, "name": "\ud800"}, "name"),
        ({**SCORE, "range": [1, 0]}, "range"),
        ({**SCORE, "range": [0, 1, 2]}, "range"),
        ({**SCORE, "range": [0, float("inf")]}, "range"),
        ({**SCORE, "input": []}, "input"),
        ({**SCORE, "input": [{"role": "user", "content": "{{nothing}}"}]}, "content"),
        ({**SCORE, "input": [{"role": "user", "content": {"type": "input_image", "image_url": "x"}}]}, "content"),
        ({**SCORE, "sampling_params": {"reasoning_effort": "high"}}, "reasoning_effort"),
        ({**LABEL, "passing_labels": ["best"]}, "passing_labels"),
        ({**MULTI, "calculate_output": "a * c"}, "calculate_output"),
        ({**MULTI, "calculate_output": "a +"}, "calculate_output"),
        ({**MULTI, "graders": {}}, "graders"),
        ({**MULTI, "graders": {"min": CHECK}, "calculate_output": "1"}, "min"),
        ({**MULTI, "graders": {"if": CHECK}, "calculate_output": "1"}, "if"),
        ({**MULTI, "graders": {"a b": CHECK}, "calculate_output": "1"}, "a b"),
        ({**MULTI, "graders": {f"g{n}": CHECK for n in range(21)}, "calculate_output": "1"}, "graders"),
        ({**MULTI, "graders": {"a": MULTI}, "calculate_output": "a"}, "graders.named.a"),
        ({**PYTHON, "image_tag": 2025}, "image_tag"),
        ({**PYTHON, "source": "ä" * (MAX_SOURCE_BYTES // 2 + 1)}, "source"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(raw: dict[str, Any], place: str) -> None:
    assert place in fault_at(raw)[0]
