"""Records as they stand: question and answer of each kind of file, and any line at all without a crash."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests import tiny

from honekit.data.diff import diff_files
from honekit.data.labels import ANSWER, label_fields, labels_of
from honekit.data.rows import MISSING, each_row, read_rows
from honekit.data.stats import file_stats
from honekit.errors import DataError

USER, ANSWERED = {"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}


def rows(tmp_path: Path, *records: dict[str, Any]) -> list[Any]:
    return read_rows(tiny.write_jsonl(tmp_path / "a.jsonl", records))


def test_the_last_learnt_answer_counts_and_the_system_prompt_is_no_question(tmp_path: Path) -> None:
    turns = [{"role": "system", "content": "s"}, USER, ANSWERED, {"role": "user", "content": "again"}]
    (row,) = rows(tmp_path, {"messages": [*turns, {"role": "assistant", "content": "b"}]})
    assert (row.question, row.answer) == ("q\na\nagain", "b")
    (row,) = rows(tmp_path, {"messages": [*turns, {"role": "assistant", "content": "b", "weight": 0}]})
    assert (row.question, row.answer) == ("q", "a")


def test_pairs_give_the_preferred_answer_and_prompts_none(tmp_path: Path) -> None:
    pair = {"input": {"messages": [USER]}, "preferred_output": [ANSWERED], "non_preferred_output": [USER]}
    found = rows(tmp_path, pair, {"messages": [USER], "reference": "42"})
    assert [(row.question, row.answer) for row in found] == [("q", "a"), ("q", None)]
    assert found[1].value("reference") == "42"


def test_parts_are_joined_and_calls_of_tools_stand_as_json(tmp_path: Path) -> None:
    parts = [{"type": "text", "text": "one "}, {"type": "text", "text": "two"}]
    calls = [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]
    call = {"role": "assistant", "content": None, "tool_calls": calls}
    (row,) = rows(tmp_path, {"messages": [{"role": "user", "content": parts}, call]})
    assert row.question == "one two"
    assert json.loads(row.answer) == calls


def test_a_key_is_looked_for_in_the_record_then_in_the_answer(tmp_path: Path) -> None:
    answer = {"role": "assistant", "content": '{"site": {"name": "yard"}, "n": null}'}
    (row,) = rows(tmp_path, {"messages": [USER, answer], "metadata": {"n": 1}})
    assert (row.value("metadata.n"), row.value("site.name"), row.value("n")) == (1, "yard", None)
    assert row.value("metadata.x") is MISSING


def test_labels_are_short_answers_or_fields_that_repeat(tmp_path: Path) -> None:
    plain = rows(tmp_path, *({"messages": [USER, {"role": "assistant", "content": "ab"[n % 2]}]} for n in range(12)))
    assert label_fields(plain) == [ANSWER]
    answers = [{"kind": "ab"[n % 2], "id": n, "on": n % 3 == 0, "part": 0.5, "list": ["x"]} for n in range(12)]
    found = rows(tmp_path, *({"messages": [USER, {"role": "assistant", "content": json.dumps(a)}]} for a in answers))
    assert label_fields(found) == ["kind", "on"]
    assert labels_of(found, "on")[:2] == ["true", "false"]


def test_free_texts_are_no_labels(tmp_path: Path) -> None:
    found = rows(tmp_path, *({"messages": [USER, {"role": "assistant", "content": f"text {n}"}]} for n in range(12)))
    assert label_fields(found) == []


def test_every_line_that_holds_no_record_is_named(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text('{"messages": [{"role": "user"}]}\n{"messages": [3]}\n\n{"input": {}}\n{"a": 1,}\n')
    faults: list[Any] = []
    assert [row.line for row in each_row(file, faults)] == [1]
    assert [(fault.line, fault.code) for fault in faults] == [
        (2, "data.messages.missing"),
        (4, "data.messages.missing"),
        (5, "data.json_syntax"),
    ]


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").touch()
    with pytest.raises(DataError) as caught:
        read_rows(tmp_path / "a.jsonl")
    assert caught.value.code == "data.empty"


KEYS = st.sampled_from(["role", "content", "x", "weight"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)
TURNS = st.lists(st.fixed_dictionaries({"role": JSON}, optional={"content": JSON, "tool_calls": JSON, "weight": JSON}) | JSON)
RECORDS = st.fixed_dictionaries(
    {}, optional={"messages": TURNS | JSON, "input": st.fixed_dictionaries({"messages": TURNS}) | JSON, "preferred_output": TURNS}
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(records=st.lists(RECORDS | JSON, max_size=5), rest=st.binary(max_size=30))
def test_any_lines_give_rows_or_findings_but_no_crash(records: list[Any], rest: bytes, tmp_path: Path) -> None:
    file, other = tmp_path / "any.jsonl", tmp_path / "other.jsonl"
    file.write_bytes("".join(json.dumps(record) + "\n" for record in records).encode() + rest)
    other.write_bytes(b"".join(file.read_bytes().splitlines(keepends=True)[::-1]))
    faults: list[Any] = []
    found = list(each_row(file, faults))
    for row in found:
        assert isinstance(row.question, str)
        assert row.answer is None or isinstance(row.answer, str)
        row.value("x.role")
    label_fields(found)
    for run in (lambda: file_stats(file).as_dict(), lambda: diff_files(file, other).as_dict()):
        with contextlib.suppress(DataError):
            json.dumps(run())
