"""The examples of docs/graders.md are graders, and the flags and metrics it lists are those that there are."""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args

from pydantic import TypeAdapter

from honekit.graders.criteria import own_types, parse_criteria
from honekit.graders.faults import Errors
from honekit.graders.formula import FUNCTIONS
from honekit.graders.run import run_grader
from honekit.graders.schema import Grader, Metric

PAGE = (Path(__file__).parents[2] / "docs" / "graders.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)


def test_every_example_is_a_grader() -> None:
    adapter: TypeAdapter[Any] = TypeAdapter(Grader)
    kinds = [adapter.validate_python(json.loads(example)).type for example in EXAMPLES]
    assert kinds == ["text_similarity", "score_model", "label_model", "multi", "python"]


def test_every_type_of_hones_own_is_on_the_page_and_the_examples_are_criteria() -> None:
    assert [kind for kind in own_types() if f"| `{kind}` |" not in PAGE] == []
    toml = next(example for example in re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL) if "[[criteria]]" in example)
    kinds = [criterion.type for criterion in parse_criteria(tomllib.loads(toml)["criteria"])]
    assert kinds == ["classification", "tool_call", "pairwise"]


def test_the_combined_example_grades_as_its_formula_says() -> None:
    example = next(example for example in EXAMPLES if '"multi"' in example)
    grader: Any = TypeAdapter(Grader).validate_python(json.loads(example))
    outcome = run_grader(grader, {"a": "fan"}, "fan")
    assert abs(outcome.reward - (0.7 + 0.3 * 0.9**2)) < 1e-9


def test_every_flag_metric_and_function_is_on_the_page() -> None:
    flags = [field.name for field in fields(Errors) if field.type == "bool"]
    assert len(flags) == 11
    assert [flag for flag in flags if f"`{flag}`" not in PAGE] == []
    rouge = {f"rouge_{n}" for n in (2, 3, 4)}  # written as a row from the first to the last
    assert [metric for metric in get_args(Metric) if f"`{metric}`" not in PAGE and metric not in rouge] == []
    assert [name for name in FUNCTIONS if not re.search(rf"\b{name}\b", PAGE)] == []
