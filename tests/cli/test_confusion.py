"""A confusion matrix in the terminal: a table of few classes, the worst pairs of many."""

from __future__ import annotations

from itertools import pairwise

import pytest

from honekit.cli.confusion import MAX_PAIRS, confusion_lines
from honekit.cli.eval_runs import print_run
from honekit.evals.metrics import classification
from honekit.store import eval_items
from honekit.store.eval_items import Item
from honekit.store.evals import Run


def lines(pairs: list[tuple[str, str | None]]) -> list[str]:
    return confusion_lines(classification(pairs)["confusion"])


def test_a_few_classes_make_a_table_with_the_answers_that_name_none() -> None:
    found = lines([("fan", "fan")] * 12 + [("fan", "power")] * 3 + [("power", None)])
    assert found == [
        "rows are expected, columns answered, ?: none of these classes",
        "           1    2    ?",
        "1 fan     12    3    .",
        "2 power    .    .    1",
    ]
    assert lines([("fan", "fan")])[1:] == ["         1", "1 fan    1"]


def test_of_many_classes_the_pairs_that_are_confused_most_are_told() -> None:
    names = [f"class {number:02}" for number in range(20)]
    right = [(name, name) for name in names]
    found = lines([*right, *[("class 03", "class 04")] * 5, *pairwise(names), ("class 00", None)])
    assert found[0] == "most confused of 20 classes:" and len(found) == MAX_PAIRS + 2
    assert found[1].split() == ["class", "03", "answered", "class", "04", "6"]
    assert found[-1] == "and 10 items in 10 other pairs (--json has the matrix)"
    assert lines([*right, ("class 00", None)])[1].split()[-3:] == ["no", "class", "1"]
    assert lines(right) == ["none of 20 classes is taken for another"]


def test_a_shown_run_has_it(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    result = {"name": "part", "type": "classification", "score": 0.0, "passed": False, "expected": "fan", "predicted": "power"}
    items = [Item("i", "r", 0, {}, None, "fail", [result], {}, 0.0)]
    monkeypatch.setattr(eval_items, "list_items", lambda _: items)
    run = Run("r", "e", "owner", "name", "model", {}, None, {}, "completed", {}, None, 0.0)
    print_run(run)
    assert "    1 fan      .    1\n" in capsys.readouterr().out
