from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from honekit.errors import EvalError
from honekit.evals import classical
from honekit.evals.classical import classical_fields, run_classical, run_classical_once
from honekit.evals.scores import summarise
from honekit.project import Project, load_project

IOT = load_project(Path(__file__).parents[2] / "examples" / "iot-diagnostics")


@dataclass(frozen=True)
class Line:
    id: str
    input: str
    answer: dict[str, Any]
    accept: dict[str, list[str]] = field(default_factory=dict)
    slices: tuple[str, ...] = ()
    line: int = 1
    path: Path = Path("x.jsonl")


def lines(*pairs: tuple[str, str, str]) -> list[Line]:
    return [Line(str(n), text, {"category": c, "severity": s}) for n, (text, c, s) in enumerate(pairs)]


TRAIN = lines(
    *[(f"battery low on unit {n}", "Power", "warning") for n in range(6)],
    *[(f"wifi link lost at site {n}", "Connectivity", "critical") for n in range(6)],
    *[(f"forced door opened {n}", "Security", "critical") for n in range(6)],
)
VALIDATION = lines(("battery nearly low", "Power", "warning"), ("link lost again", "Connectivity", "critical"))
TEST = lines(
    ("low battery", "Power", "warning"),
    ("lost wifi", "Connectivity", "critical"),
    ("door forced", "Security", "critical"),
)


def test_words_that_give_the_class_away_are_learnt_and_graded_like_any_answer() -> None:
    run = run_classical(IOT, TRAIN, VALIDATION, TEST)
    assert [values["category"] for values in run.values] == ["Power", "Connectivity", "Security"]
    assert summarise(IOT, run.graded) == {
        "category_macro_f1": pytest.approx(3 / 5),
        "category_lenient_accuracy": 1.0,
        "severity_accuracy": 1.0,
    }
    assert len(run.answer_s) == 3
    assert run.chosen["category"]["validation"] == pytest.approx(2 / 5)


def test_the_same_examples_are_fitted_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = run_classical_once(IOT, TRAIN, VALIDATION, TEST, tmp_path / "answers")
    with monkeypatch.context() as patch:
        patch.setattr(classical, "_fit", lambda *_: pytest.fail("fitted again"))
        assert run_classical_once(IOT, TRAIN, VALIDATION, TEST, tmp_path / "answers") == first
    relabelled = [*TRAIN[:-1], Line("17", TRAIN[-1].input, {"category": "Power", "severity": "critical"})]
    assert run_classical_once(IOT, relabelled, VALIDATION, TEST, tmp_path / "answers") != first


def test_the_choice_is_made_by_validation_data() -> None:
    noisy = lines(*[(f"alpha beta {n}", "Power", "info") for n in range(9)], ("alpha gamma", "Security", "info"))
    plain = run_classical(IOT, noisy, lines(("alpha", "Power", "info")), noisy).chosen["category"]
    rare = run_classical(IOT, noisy, lines(("gamma", "Security", "info")), noisy).chosen["category"]
    assert plain["validation"] == rare["validation"] == pytest.approx(1 / 5)
    assert (plain["C"], plain["class_weight"]) != (rare["C"], rare["class_weight"])


def test_one_class_one_example_and_texts_without_words_are_handled() -> None:
    same = lines(("a b", "Power", "info"), ("c d", "Power", "info"))
    assert run_classical(IOT, same, [], TEST).values == [{"category": "Power", "severity": "info"}] * 3
    assert run_classical(IOT, same[:1], VALIDATION, TEST).chosen["category"] == {"constant": "Power"}
    blank = lines(("", "Power", "info"), (" ", "Security", "info"), ("\n", "Security", "warning"))
    assert run_classical(IOT, blank, blank, blank).values[0] == {"category": "Security", "severity": "info"}
    signs = lines(("#", "Power", "info"), ("??", "Security", "info"))
    assert [v["category"] for v in run_classical(IOT, signs, [], signs).values] == ["Power", "Security"]


def test_without_training_examples_it_says_so() -> None:
    with pytest.raises(EvalError) as caught:
        run_classical(IOT, [], VALIDATION, TEST)
    assert caught.value.code == "evals.no_items"


def test_null_and_lists_are_classes_like_any_other() -> None:
    task = {
        "instructions": "s.txt",
        "fields": [
            {"name": "tags", "type": "list", "values": ["x", "y"], "score": "set_f1", "classical": True},
            {"name": "who", "type": "string", "nullable": True, "classical": True},
        ],
        "primary_metric": "tags_set_f1",
    }
    data = {"train": "a", "validation": "b", "test": "c"}
    project = Project.model_validate({"root": Path("."), "project": {"name": "m"}, "task": task, "data": data})
    examples = [
        Line("0", "red red", {"tags": ["x"], "who": None}),
        Line("1", "blue sky", {"tags": ["x", "y"], "who": "b"}),
    ]
    run = run_classical(project, examples, examples, examples)
    assert run.values == [example.answer for example in examples]
    assert summarise(project, run.graded)["field_exact_match"] == 1


def test_the_fields_are_those_that_hone_toml_names() -> None:
    assert [field.name for field in classical_fields(IOT)] == ["category", "severity"]
