from __future__ import annotations

import re
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

DECIDE = Path(__file__).parents[2] / "src" / "honekit" / "decide"
HALVES = ("development", "held-out")
VERDICTS = {
    "prompt", "few-shot", "rag", "fine-tune", "fine-tune+rag", "tools", "classical", "other-model", "not-yet", "nothing",
}  # fmt: skip


def load(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_text(encoding="utf-8"))


QUESTIONS = {question["id"]: question for question in load(DECIDE / "questions.toml")["question"]}
CASES = {half: load(DECIDE / "cases" / f"{half}.toml")["case"] for half in HALVES}
ALL = [case for half in HALVES for case in CASES[half]]


def is_value(question: dict[str, Any], value: Any) -> bool:
    match question["type"]:
        case "text":
            return isinstance(value, str) and bool(value.strip())
        case "choice":
            return isinstance(value, str) and value in question["values"]
        case "choices":
            return (
                isinstance(value, list)
                and bool(value)
                and len(set(value)) == len(value)
                and set(value) <= set(question["values"])
            )
        case "integer":
            return type(value) is int and value >= 0
        case kind:
            raise AssertionError(kind)


@pytest.mark.parametrize("case", ALL, ids=lambda case: case["id"])
def test_a_case_is_complete_and_its_answers_are_answers_of_the_interview(case: dict[str, Any]) -> None:
    assert set(case) == {"id", "title", "story", "verdict", "also_right", "reason", "source", "answers"}
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", case["id"])
    assert all(case[field].strip() for field in ("title", "story", "reason", "source"))
    assert case["verdict"] in VERDICTS
    assert set(case["also_right"]) <= VERDICTS - {case["verdict"]}
    assert len(set(case["also_right"])) == len(case["also_right"])
    wrong = {
        name: value for name, value in case["answers"].items() if name not in QUESTIONS or not is_value(QUESTIONS[name], value)
    }
    assert not wrong
    missing = case["answers"].get("missing", [])
    assert "nothing" not in missing or missing == ["nothing"]


def test_every_case_is_there_once() -> None:
    for field in ("id", "title", "story"):
        assert max(Counter(case[field] for case in ALL).values()) == 1


@pytest.mark.parametrize("half", HALVES)
def test_a_half_has_enough_cases_and_every_verdict_more_than_once(half: str) -> None:
    counts = Counter(case["verdict"] for case in CASES[half])
    assert counts.total() >= 24
    assert set(counts) == VERDICTS
    assert min(counts.values()) >= 2


def test_the_halves_had_the_same_kinds_when_they_were_split() -> None:
    development, held_out = (Counter(case["verdict"] for case in CASES[half][:36]) for half in HALVES)
    assert all(abs(development[verdict] - held_out[verdict]) <= 1 for verdict in VERDICTS)
