from __future__ import annotations

import json
from typing import Any

import pytest
from tests.data.checks.conversations import conversation

from honekit.data.checks import short_texts
from honekit.data.checks.short_texts import labels_of, of_turn
from honekit.data.checks.turn import Turn


def answered(value: Any) -> Turn:
    return conversation(1, "Which?", json.dumps(value))


def test_an_answer_is_walked_once_for_its_labels_and_its_short_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    lists: list[list[Any]] = []
    words_only = short_texts.words_only

    def seen(values: list[Any]) -> list[str] | None:
        lists.append(values)
        return words_only(values)

    monkeypatch.setattr(short_texts, "words_only", seen)
    turn = answered({"kind": "a", "steps": ["b", "c"], "mixed": ["d e", 1, {"in": " f "}], "good": True})
    for _ in range(2):
        assert labels_of(turn) == [
            ("kind", ["a"]), ("steps[]", ["b", "c"]), ("mixed[]", ["d e"]), ("mixed[].in", [" f "]), ("good", ["true"]),
        ]  # fmt: skip
        assert of_turn(turn) == {"mixed[].in": ["f"], "mixed[]": ["d e"], "steps[]": ["c", "b"], "kind": ["a"]}
    assert len(lists) == 2


def test_an_empty_text_is_a_label_of_its_field_and_no_short_text() -> None:
    turn = answered({"kind": "", "kinds": ["", "a"], "long": "b" * 61, "lines": "c\nd"})
    assert labels_of(turn) == [("kind", [""]), ("kinds[]", ["a"])]
    assert of_turn(turn) == {"kinds[]": ["a"]}


def test_lists_in_lists_and_deep_objects_have_no_labels() -> None:
    turn = answered({"rows": [["a"]], "one": {"two": {"three": {"kind": "b", "kinds": ["c"], "four": {"kind": "d"}}}}})
    assert labels_of(turn) == [("one.two.three.kind", ["b"])]
    assert set(of_turn(turn)) == {"rows[][]", "one.two.three.kind", "one.two.three.kinds[]", "one.two.three.four.kind"}


@pytest.mark.parametrize(("begin", "end"), [('{"a":', "}"), ('{"a":[', "]}")])
def test_however_deep_an_answer_is_it_is_read(begin: str, end: str) -> None:
    turn = conversation(1, "Which?", f'{begin * 200}"b"{end * 200}')
    assert turn.value and not labels_of(turn) and not of_turn(turn)


def test_of_very_many_texts_the_last_ones_are_looked_at() -> None:
    found = of_turn(answered({f"field {number}": "a" for number in range(100)}))
    assert list(found) == [f"field {number}" for number in range(99, 59, -1)]
