from __future__ import annotations

from pathlib import Path

import pytest

from honekit.errors import EvalError
from honekit.evals.scores import by_slice, confusion, correct_rate, in_slice, summarise
from honekit.graders import Graded
from honekit.project import load_project

PROJECT = load_project(Path(__file__).parents[2] / "examples" / "iot-diagnostics")
CLASSES = ["Connectivity", "Power", "Sensor_Fault", "Security", "Unknown"]


def item(number: int, expected: str, predicted: str | None, *slices: str, f1: float = 0.5) -> Graded:
    right = {"category": expected == predicted, "actions": f1 == 1}
    return Graded(str(number), slices, {"action_f1": f1}, right, {"category": (expected, predicted)})


ITEMS = [
    item(0, "Power", "Power", "seen_devices", f1=1.0),
    item(1, "Power", "Security", "seen_devices", "multi_fault"),
    item(2, "Security", None, "multi_fault"),
    item(3, "Unknown", "Unknown", "zz_further"),
]


def test_macro_f1_counts_all_classes_of_the_task_and_no_answer_as_a_miss() -> None:
    summary = summarise(PROJECT, ITEMS)
    # Power: precision 1, recall 1/2 -> 2/3; Unknown: 1; Security, Connectivity and Sensor_Fault: 0.
    assert summary == {"category_macro_f1": pytest.approx((2 / 3 + 1) / 5), "action_f1": pytest.approx(0.625)}


def test_the_confusion_matrix_has_a_column_for_no_answer() -> None:
    table = confusion(PROJECT, ITEMS, "category")
    assert table["classes"] == CLASSES
    assert table["columns"] == [*CLASSES, "no answer"]
    assert table["matrix"] == [
        [0, 0, 0, 0, 0, 0],
        [0, 1, 0, 1, 0, 0],
        [0, 0, 0, 0, 0, 0],
        [0, 0, 0, 0, 0, 1],
        [0, 0, 0, 0, 1, 0],
    ]
    assert table["precision"] == {
        "Connectivity": 0,
        "Power": 1,
        "Sensor_Fault": 0,
        "Security": 0,
        "Unknown": 1,
    }
    assert table["recall"]["Power"] == 0.5
    assert table["f1"]["Power"] == pytest.approx(2 / 3)
    assert table["items"] == {"Connectivity": 0, "Power": 2, "Sensor_Fault": 0, "Security": 1, "Unknown": 1}


def test_slices_come_in_the_projects_order_and_empty_ones_are_left_out() -> None:
    summaries = by_slice(PROJECT, ITEMS)
    assert list(summaries) == ["seen_devices", "multi_fault", "zz_further"]
    assert summaries["multi_fault"] == summarise(PROJECT, ITEMS[1:3])
    assert in_slice(ITEMS, "multi_fault") == ITEMS[1:3]


def test_the_rate_of_right_answers_behind_a_macro_f1_is_the_accuracy() -> None:
    assert correct_rate(PROJECT, ITEMS) == 0.5
    task = PROJECT.task.model_copy(update={"primary_metric": "action_f1"})
    assert correct_rate(PROJECT.model_copy(update={"task": task}), ITEMS) == 0.25


def test_no_items_and_classes_that_hone_toml_no_longer_has_are_told() -> None:
    with pytest.raises(EvalError) as caught:
        summarise(PROJECT, [])
    assert caught.value.code == "evals.no_items"
    with pytest.raises(EvalError) as caught:
        summarise(PROJECT, [item(0, "Radio", "Power")])
    assert caught.value.code == "evals.labels_differ"
