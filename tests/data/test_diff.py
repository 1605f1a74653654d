"""`hone data diff`: records matched whatever their order, and what changed in them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests import tiny

from honekit.cli.main import main
from honekit.data.diff import FieldChange, FileDiff, diff_files, word_diff
from honekit.errors import DataError


def record(text: str, answer: str, **more: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": text}, {"role": "assistant", "content": answer}], **more}


A = [
    record("the pump stopped after the night shift", "power"),
    record("the fan runs without a break since noon", "sensor"),
    record("a valve is stuck in the open position", "mechanics"),
    record("no packets from the gateway in the yard", "network"),
]


def compare(tmp_path: Path, a: list[dict[str, Any]], b: list[dict[str, Any]], key: str | None = None) -> FileDiff:
    return diff_files(tiny.write_jsonl(tmp_path / "a.jsonl", a), tiny.write_jsonl(tmp_path / "b.jsonl", b), key)


def test_the_same_records_in_another_order_are_equal(tmp_path: Path) -> None:
    found = compare(tmp_path, A, A[::-1])
    assert found.is_equal
    assert found.same == 4


def test_a_record_that_stands_twice_now_was_added_once(tmp_path: Path) -> None:
    found = compare(tmp_path, A, [*A, A[0]])
    assert (found.same, len(found.added), len(found.removed), len(found.changed)) == (4, 1, 0, 0)


def test_keys_that_differ_beside_the_conversation_are_named(tmp_path: Path) -> None:
    found = compare(tmp_path, [{**one, "site": "A"} for one in A], A)
    assert [(change.changed, change.others) for change in found.changed] == [(["other"], ["site"])] * 4


def test_added_and_removed_records_have_their_lines(tmp_path: Path) -> None:
    found = compare(tmp_path, A, [*A[1:], record("quite another matter was raised here", "other")])
    assert [row.line for row in found.removed] == [1]
    assert [row.line for row in found.added] == [4]
    assert found.changed == []


def test_another_answer_to_the_same_question_is_a_change_and_a_move(tmp_path: Path) -> None:
    found = compare(tmp_path, A, [record("the pump stopped after the night shift", "sensor"), *A[1:]])
    (change,) = found.changed
    assert (change.line_a, change.line_b, change.matched_by, change.changed) == (1, 1, "question", ["answer"])
    assert found.moves == [(FieldChange("answer", "power", "sensor"), 1)]


def test_a_reworded_question_is_matched_to_the_nearest(tmp_path: Path) -> None:
    found = compare(tmp_path, A, [*A[:3], record("no packets from the gateway in the yard today", "network")])
    (change,) = found.changed
    assert (change.line_a, change.line_b, change.matched_by, change.changed) == (4, 4, "near question", ["question"])


def test_an_id_matches_what_no_longer_looks_alike(tmp_path: Path) -> None:
    a = [record("first wording of it", "x", metadata={"id": 7, "ref": "r1"})]
    b = [record("told in quite another way", "y", metadata={"id": 7, "ref": "r1"})]
    for key in (None, "metadata.ref"):
        (change,) = compare(tmp_path, a, b, key).changed
        assert change.matched_by == "id"
        assert change.changed == ["question", "answer"]


def test_fields_of_json_answers_move_one_by_one(tmp_path: Path) -> None:
    before, after = {"kind": "a", "level": 1, "note": "n"}, {"kind": "b", "level": 1, "more": True}
    found = compare(tmp_path, [record("same", json.dumps(before))], [record("same", json.dumps(after))])
    assert set(found.changed[0].fields) == {
        FieldChange("kind", "a", "b"),
        FieldChange("note", "n", None),
        FieldChange("more", None, "true"),
    }


def test_weights_and_further_keys_count_as_other_and_spelling_of_json_not_at_all(tmp_path: Path) -> None:
    assert compare(tmp_path, A, [{**A[0], "metadata": {}}, *A[1:]]).changed[0].changed == ["other"]
    spelt = tmp_path / "spelt.jsonl"
    spelt.write_text("".join(json.dumps(row, indent=None, separators=(" , ", " : ")) + "\n" for row in A))
    assert diff_files(tmp_path / "a.jsonl", spelt).is_equal


@given(st.text(max_size=60), st.text(max_size=60))
def test_a_word_diff_holds_both_texts(before: str, after: str) -> None:
    pieces = word_diff(before, after)
    assert "".join(piece.text for piece in pieces if piece.kind != "added") == before
    assert "".join(piece.text for piece in pieces if piece.kind != "removed") == after


def test_a_word_diff_shows_the_word_that_changed() -> None:
    pieces = [(piece.kind, piece.text) for piece in word_diff("the pump is off", "the pump is on")]
    assert pieces == [("same", "the pump is "), ("removed", "off"), ("added", "on")]


def test_a_file_with_broken_lines_is_refused(tmp_path: Path) -> None:
    file = tiny.write_jsonl(tmp_path / "a.jsonl", A)
    (tmp_path / "b.jsonl").write_text("[]\n")
    with pytest.raises(DataError) as caught:
        diff_files(file, tmp_path / "b.jsonl")
    assert caught.value.code == "data.messages.missing"


def test_the_command_exits_0_when_equal_and_1_when_not(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a = tiny.write_jsonl(tmp_path / "a.jsonl", A)
    b = tiny.write_jsonl(tmp_path / "b.jsonl", [record("the pump stopped after the night shift", "sensor"), *A[1:]])
    assert main(["data", "diff", str(a), str(a)]) == 0
    capsys.readouterr()
    assert main(["data", "diff", str(a), str(b)]) == 1
    out = capsys.readouterr().out
    assert "[-power-]{+sensor+}" in out
    assert "answer: power -> sensor" in out
    assert main(["data", "diff", str(a), str(b), "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert document["moves"] == [{"field": "answer", "before": "power", "after": "sensor", "records": 1}]
