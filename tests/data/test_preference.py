from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from honekit.data.preference import check_preference_file, read_preference_file
from honekit.data.records import MAX_KEPT
from honekit.errors import DataError

from .conftest import codes, write_lines


def answer(content: Any, **extra: Any) -> list[dict[str, Any]]:
    return [{"role": "assistant", "content": content, **extra}]


def pair(number: int = 0, **changes: Any) -> dict[str, Any]:
    asked = [{"role": "system", "content": "s"}, {"role": "user", "content": f"question {number}"}]
    record = {"input": {"messages": asked}, "preferred_output": answer("yes"), "non_preferred_output": answer("no")}
    return {key: value for key, value in {**record, **changes}.items() if value is not None}


def asking(*messages: Any, **extra: Any) -> dict[str, Any]:
    return pair(input={"messages": list(messages), **extra})


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "pairs.jsonl"


def test_a_good_file_has_no_findings_and_is_read_whole(file: Path) -> None:
    renamed = {"preferred_output": None, "non_preferred_output": None}
    other = pair(9, **renamed, preferred_completion=answer("yes"), non_preferred_completion=answer("no"))
    write_lines(file, [*(pair(n) for n in range(9)), other])
    result = check_preference_file(file)
    assert result.is_good
    assert not result.warnings
    assert (result.records, result.stats["trained_messages"], result.stats["messages"]) == (10, 20, 40)
    examples = read_preference_file(file, least=10)
    assert [e.line for e in examples] == list(range(1, 11))
    assert {(e.preferred.text, e.rejected.text) for e in examples} == {("yes", "no")}
    assert examples[3].messages[1].text == "question 3"


USER = {"role": "user", "content": "a"}
CASES = [
    ("{", "data.json_syntax", "column"),
    ("[1]", "data.record", ""),
    ({"messages": [USER, *answer("b")]}, "data.preference.input", "input"),
    (pair(input="a"), "data.preference.input", "input"),
    (pair(input={}), "data.messages.missing", "input.messages"),
    (pair(input={"messages": 3}), "data.messages.type", "input.messages"),
    (asking(), "data.messages.empty", "input.messages"),
    (asking("hi"), "data.message.type", "input.messages[0]"),
    (asking({"role": "usr", "content": "a"}), "data.roles.unknown", "input.messages[0].role"),
    (asking({"role": "user", "content": ""}), "data.content.empty", "input.messages[0].content"),
    (asking({**USER, "weight": 1}), "data.weight.role", "input.messages[0].weight"),
    (asking(USER, tools="x"), "data.tools", "input.tools"),
    (pair(preferred_output=None), "data.preference.missing", "preferred_output"),
    (pair(non_preferred_output=None), "data.preference.missing", "non_preferred_output"),
    (pair(preferred_completion=answer("also")), "data.preference.twice", "preferred_completion"),
    (pair(preferred_output="yes"), "data.preference.type", "preferred_output"),
    (pair(preferred_output=[]), "data.preference.count", "preferred_output"),
    (pair(non_preferred_output=answer("a") * 2), "data.preference.count", "non_preferred_output"),
    (pair(preferred_output=[USER]), "data.preference.role", "preferred_output[0].role"),
    (pair(non_preferred_output=answer(5)), "data.content.type", "non_preferred_output[0].content"),
    (pair(non_preferred_output=answer("  ")), "data.assistant.empty", "non_preferred_output[0].content"),
    (pair(preferred_output=answer("a", weight=0)), "data.weight.all_zero", "preferred_output[0].weight"),
    (pair(non_preferred_output=answer(" yes ")), "data.preference.same", "non_preferred_output[0]"),
]


@pytest.mark.parametrize(("line", "code", "field"), CASES, ids=[f"{code}-{n}" for n, (_, code, _) in enumerate(CASES)])
def test_each_fault_is_found_at_its_line_and_field(file: Path, line: Any, code: str, field: str) -> None:
    write_lines(file, [*(pair(n) for n in range(10)), line])
    result = check_preference_file(file)
    (finding,) = result.errors
    assert (finding.code, finding.line) == (code, 11)
    assert finding.field.startswith(field)
    assert finding.fix
    with pytest.raises(DataError) as caught:
        read_preference_file(file)
    assert caught.value.code == code
    assert "pairs.jsonl:11" in caught.value.what


def test_a_chat_record_is_told_apart_and_the_other_way_round(file: Path) -> None:
    from honekit.data.chat import check_chat_file

    write_lines(file, [{"messages": [USER, *answer("b")]}])
    assert "chat record" in check_preference_file(file).errors[0].fix
    write_lines(file, [pair()])
    assert "DPO" in check_chat_file(file).errors[0].fix


def test_answers_that_differ_only_in_a_tool_call_are_two_answers(file: Path) -> None:
    def calling(city: str) -> list[dict[str, Any]]:
        function = {"name": "f", "arguments": json.dumps({"city": city})}
        return answer(None, tool_calls=[{"id": "c1", "type": "function", "function": function}])

    write_lines(file, [pair(n, preferred_output=calling("Rome"), non_preferred_output=calling("Oslo")) for n in range(10)])
    result = check_preference_file(file)
    assert result.is_good
    assert result.stats["tool_records"] == 10


def test_warnings_do_not_make_a_file_bad(file: Path) -> None:
    repeated = asking(USER, USER)
    system = {"role": "system", "content": "s"}
    unknown = pair(12, note="x", input={"messages": [USER], "model": "y"})
    unusual = [asking(system), asking(USER, system)]
    write_lines(file, [*(pair(n) for n in range(10)), pair(0), repeated, unknown, *unusual])
    result = check_preference_file(file)
    assert result.is_good
    assert codes(result.warnings) == {"data.duplicate", "data.roles.repeated", "data.roles.unusual", "data.key_unknown"}
    places = {f.field for f in result.warnings if f.code == "data.roles.unusual"}
    assert places == {"preferred_output[0].role", "input.messages[1].role"}
    assert {f.field for f in result.warnings if f.code == "data.key_unknown"} == {"note", "input.model"}
    assert len(read_preference_file(file)) == 15


def test_fewer_than_ten_pairs_are_an_error_of_a_training_file_alone(file: Path) -> None:
    write_lines(file, [pair(n) for n in range(9)])
    (finding,) = check_preference_file(file).errors
    assert (finding.code, finding.line) == ("data.too_few", 0)
    assert len(read_preference_file(file)) == 9


def test_findings_are_capped_and_the_total_is_kept(file: Path) -> None:
    write_lines(file, ["{"] * (MAX_KEPT + 500))
    result = check_preference_file(file)
    assert len(result.errors) == MAX_KEPT
    assert result.stats["errors"] == MAX_KEPT + 500


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["input", "messages", "tools", "preferred_output", "non_preferred_completion", "role", "content"])
            | st.text(max_size=3),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
BROKEN = st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode())


def test_arguments_that_are_encoded_twice_are_told_of_both_answers(file: Path) -> None:
    def calling(city: str) -> list[dict[str, Any]]:
        arguments = json.dumps(json.dumps({"city": city}))
        return answer(None, tool_calls=[{"id": city, "function": {"name": "f", "arguments": arguments}}])

    write_lines(file, [pair(preferred_output=calling("Oslo"), non_preferred_output=calling("Bern"))])
    warnings = check_preference_file(file).warnings
    assert [one.field for one in warnings] == [
        f"{name}[0].tool_calls[0].function.arguments" for name in ("preferred_output", "non_preferred_output")
    ]


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(BROKEN, max_size=4))
def test_no_bytes_crash_the_check_and_what_it_passes_is_read(file: Path, lines: list[bytes]) -> None:
    file.write_bytes(b"\n".join(lines))
    result = check_preference_file(file)
    assert result.stats["errors"] >= len(result.errors)
    assert not result.is_good  # nothing here holds ten pairs
    if codes(result.errors) == {"data.too_few"}:
        assert len(read_preference_file(file, least=0)) == result.records
    else:
        with pytest.raises(DataError):
            read_preference_file(file, least=0)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(["input", "messages", "role", "content", "answer", "weight", "tool_calls"]), JSON)
def test_any_value_at_any_place_of_a_pair_is_read_or_named(file: Path, place: str, value: Any) -> None:
    spoilt = {
        "input": lambda: pair(input=value),
        "messages": lambda: pair(input={"messages": value}),
        "answer": lambda: pair(preferred_output=value),
    }
    record = spoilt.get(place, lambda: pair(preferred_output=[{**answer("x")[0], place: value}]))()
    write_lines(file, [record])
    result = check_preference_file(file)
    if result.stats["errors"] == 1:  # too few, and nothing else
        assert len(read_preference_file(file)) == 1
    else:
        assert [f.line for f in result.errors][:-1] == [1] * (len(result.errors) - 1)
