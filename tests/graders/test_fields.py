from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from honekit.errors import EvalError
from honekit.graders import Graded, grade, grade_parsed, grade_values
from honekit.graders.fields import fold_phrase
from honekit.project import Project, load_project

ROOT = Path(__file__).parents[2]
IOT = load_project(ROOT / "examples" / "iot-diagnostics")
RIGHT: dict[str, Any] = {
    "device": "gw-yard-5",
    "probable_cause": "sim subscription barred",
    "category": "Sensor_Fault",
    "severity": "critical",
    "actions": ["check_link", "monitor"],
    "manual_ref": None,
}


@dataclass(frozen=True)
class Line:
    answer: dict[str, Any] = field(default_factory=lambda: dict(RIGHT))
    accept: dict[str, list[str]] = field(default_factory=lambda: {"probable_cause": ["SIM barred"]})
    id: str = "te-1"
    input: str = "a log"
    slices: tuple[str, ...] = ("seen_devices",)
    line: int = 7
    path: Path = Path("test.jsonl")


@dataclass(frozen=True)
class Answer:
    json_valid: bool
    schema_valid: bool
    values: dict[str, Any] | None


def graded(values: dict[str, Any] | None, text: str | None = None, line: Line | None = None) -> Graded:
    text = json.dumps(values) if text is None else text
    return grade_parsed(IOT, line or Line(), text, Answer(values is not None, values is not None, values))


def test_the_examples_own_answer_is_right_in_every_metric_of_the_task() -> None:
    result = graded(RIGHT)
    assert set(result.scores) | {"category_macro_f1"} == set(IOT.task.metric_names())
    assert set(result.scores.values()) == {1.0}
    assert all(result.right.values())
    assert result.labels["category"] == ("Sensor_Fault", "Sensor_Fault")


def test_a_raw_answer_is_read_strictly_and_graded() -> None:
    text = json.dumps(RIGHT)
    assert grade(IOT, Line(), text) == graded(RIGHT)
    assert grade(IOT, Line(), f"Sure! {text}").scores["json_validity"] == 0
    assert grade(IOT, Line(), f"Sure! {text}").scores["category_lenient_accuracy"] == 1
    extra = grade(IOT, Line(), json.dumps({**RIGHT, "severity": "fatal"})).scores
    assert (extra["json_validity"], extra["schema_validity"], extra["severity_accuracy"]) == (1, 0, 0)
    assert extra["cause_accuracy"] == 1


def test_an_answer_that_is_no_json_is_wrong_everywhere() -> None:
    result = graded(None, "I would check the cable.")
    assert set(result.scores.values()) == {0.0}
    assert not any(result.right.values())
    assert result.labels == {"category": ("Sensor_Fault", None), "severity": ("critical", None)}


def test_a_null_is_right_only_where_null_is_given_and_expected() -> None:
    assert graded(RIGHT).scores["manual_ref_accuracy"] == 1
    without = {name: value for name, value in RIGHT.items() if name != "manual_ref"}
    assert graded(without).scores["manual_ref_accuracy"] == 0
    assert graded({**RIGHT, "manual_ref": "null"}).scores["manual_ref_accuracy"] == 0
    assert graded({**RIGHT, "device": None}).scores["device_accuracy"] == 0
    with_section = Line(answer={**RIGHT, "manual_ref": "3.2"})
    assert graded(RIGHT, line=with_section).scores["manual_ref_accuracy"] == 0
    assert graded({**RIGHT, "manual_ref": "3.2"}, line=with_section).scores["manual_ref_accuracy"] == 1


@pytest.mark.parametrize("cause", ["SIM barred", "sim-barred.", "  Sim   Subscription barred", "sim_barred"])
def test_a_cause_is_right_when_any_accepted_phrase_reads_the_same(cause: str) -> None:
    assert graded({**RIGHT, "probable_cause": cause}).scores["cause_accuracy"] == 1


@pytest.mark.parametrize("cause", ["sim", "simbarred", "sim barred by carrier", "", "...", 7, None, ["sim barred"]])
def test_a_cause_in_other_words_or_of_another_type_is_wrong(cause: object) -> None:
    assert graded({**RIGHT, "probable_cause": cause}).scores["cause_accuracy"] == 0


@pytest.mark.parametrize(
    ("actions", "f1", "right"),
    [
        (["monitor", "check_link"], 1.0, True),
        (["check_link"], 2 / 3, False),
        (["check_link", "check_link", "monitor"], 1.0, True),
        (["check_link", "monitor", {"id": 1}], 4 / 5, False),
        (["no_action"], 0.0, False),
        ([], 0.0, False),
        ("check_link", 0.0, False),
        (None, 0.0, False),
    ],
)
def test_actions_are_compared_as_sets(actions: object, f1: float, right: bool) -> None:
    result = graded({**RIGHT, "actions": actions})
    assert result.scores["action_f1"] == pytest.approx(f1)
    assert result.right["actions"] is right


def test_a_class_in_another_spelling_is_no_class_strictly_but_is_leniently() -> None:
    result = graded({**RIGHT, "category": "sensor fault"})
    assert result.labels["category"] == ("Sensor_Fault", None)
    assert result.scores["category_lenient_accuracy"] == 1


def test_a_class_that_the_answer_gives_stands_even_when_the_right_one_is_named_elsewhere() -> None:
    text = json.dumps({**RIGHT, "category": "Power", "probable_cause": "sensor fault"})
    assert graded(json.loads(text), text).scores["category_lenient_accuracy"] == 0
    text = json.dumps({**RIGHT, "probable_cause": "power cable cut"})
    assert graded(json.loads(text), text).scores["category_lenient_accuracy"] == 1


def test_leniently_the_class_named_first_counts_in_prose() -> None:
    assert graded(None, "A sensor-fault, maybe Power.").scores["category_lenient_accuracy"] == 1
    assert graded(None, "Power, maybe a sensor fault.").scores["category_lenient_accuracy"] == 0


def test_exact_match_is_the_share_of_right_fields_with_and_without_the_retrieved_one() -> None:
    result = graded({**RIGHT, "manual_ref": "1.1", "severity": "info"})
    assert result.scores["field_exact_match"] == pytest.approx(4 / 6)
    assert result.scores["field_exact_match_without_manual_ref"] == pytest.approx(4 / 5)


def test_values_of_an_arm_without_text_are_graded_on_its_own_fields_only() -> None:
    result = grade_values(IOT, Line(), {"category": "Sensor_Fault", "severity": "info"}, ["category", "severity"])
    assert result.scores == {"category_lenient_accuracy": 1.0, "severity_accuracy": 0.0}
    assert result.labels["severity"] == ("critical", "info")
    assert grade_values(IOT, Line(), RIGHT).scores["field_exact_match"] == 1


def test_an_example_with_an_unknown_class_is_refused_with_its_line() -> None:
    with pytest.raises(EvalError) as caught:
        graded(RIGHT, line=Line(answer={**RIGHT, "severity": "fatal"}))
    assert caught.value.code == "evals.label_unknown"
    assert caught.value.where == "test.jsonl:7"


def test_a_task_with_one_bare_text_field_has_no_json_metric() -> None:
    task = {
        "instructions": "s.txt",
        "format": "text",
        "fields": [{"name": "mood", "type": "enum", "values": ["good", "bad"], "nullable": True, "lenient": True}],
        "primary_metric": "mood_accuracy",
    }
    data = {"train": "a", "validation": "b", "test": "c"}
    project = Project.model_validate({"root": ROOT, "project": {"name": "m"}, "task": task, "data": data})
    line = Line(answer={"mood": None}, accept={})
    result = grade_parsed(project, line, "neither", Answer(False, False, None))
    assert set(result.scores) == set(project.task.metric_names())
    assert result.scores["mood_lenient_accuracy"] == 0
    assert result.labels["mood"] == ("null", None)
    assert grade_values(project, line, {"mood": None}).labels["mood"] == ("null", "null")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from(["Power", "check_link"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=5,
)


@settings(max_examples=100, deadline=None)
@given(
    st.none() | st.fixed_dictionaries({}, optional=dict.fromkeys(RIGHT, json_values)),
    st.text(max_size=60),
)
def test_any_answer_gets_grades_between_0_and_1_that_survive_json(values: dict[str, Any] | None, text: str) -> None:
    result = graded(values, text)
    assert all(0 <= score <= 1 for score in result.scores.values())
    assert result.scores["category_lenient_accuracy"] >= float(result.right["category"])
    assert Graded.from_dict(json.loads(json.dumps(result.as_dict()))) == result


def test_folding_keeps_signs_that_carry_meaning_and_letters_of_other_scripts() -> None:
    assert fold_phrase("Voltage < 5") != fold_phrase("voltage > 5")
    assert fold_phrase("मीटर बंद") == "मीटर बंद"
    assert fold_phrase("Ｐｏｗｅｒ—cut!") == "power cut"
