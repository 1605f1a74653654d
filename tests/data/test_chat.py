from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from honekit.chat.messages import template_variables
from honekit.data.chat import MAX_KEPT, check_chat_file, read_chat_file
from honekit.data.rows import read_rows
from honekit.errors import DataError

from .conftest import codes, write_lines


def turns(*pairs: tuple[str, Any], **extra: Any) -> dict[str, Any]:
    return {"messages": [{"role": role, "content": content} for role, content in pairs], **extra}


def good(number: int) -> dict[str, Any]:
    return turns(("system", "s"), ("user", f"question {number}"), ("assistant", "answer"))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "chat.jsonl"


def test_a_good_file_has_no_findings_and_is_read_whole(file: Path) -> None:
    write_lines(file, [good(n) for n in range(10)])
    result = check_chat_file(file)
    assert result.is_good
    assert not result.warnings
    assert result.stats["trained_messages"] == 10
    examples = read_chat_file(file)
    assert [e.line for e in examples] == list(range(1, 11))
    assert examples[0].messages[1].text == "question 0"


FUNCTIONS = {
    "functions": [{"name": "now", "parameters": {"type": "object", "properties": {}}}],
    "messages": [
        {"role": "user", "content": "What time is it?"},
        {"role": "assistant", "content": None, "function_call": {"name": "now", "arguments": "{}"}},
        {"role": "function", "name": "now", "content": "noon"},
        {"role": "assistant", "content": "It is noon."},
    ],
}


def test_functions_as_files_had_them_before_tools_are_read_as_tools(file: Path) -> None:
    write_lines(file, [*(good(n) for n in range(10)), FUNCTIONS, {**FUNCTIONS, "group": "a"}])
    result = check_chat_file(file)
    assert result.is_good and not result.warnings
    example, noted = read_chat_file(file)[10:]
    assert example.tools == [{"type": "function", "function": FUNCTIONS["functions"][0]}]
    called, told = example.messages[1:3]
    assert called.tool_calls and called.tool_calls[0].function.name == "now"
    assert (told.role, told.text, told.tool_call_id) == ("tool", "noon", called.tool_calls[0].id)
    assert noted.notes == {"group": "a"} and noted.messages == example.messages


CASES = [
    ("{", "data.json_syntax", "column"),
    ('"text"', "data.record", ""),
    ({"messages": {}}, "data.messages.type", "messages"),
    ({"messages": []}, "data.messages.empty", "messages"),
    ({"prompt": "a", "completion": "b"}, "data.messages.missing", "messages"),
    ({"messages": ["hi"]}, "data.message.type", "messages[0]"),
    (turns(("usr", "a"), ("assistant", "b")), "data.roles.unknown", "messages[0].role"),
    ({"messages": [{"content": "a"}, {"role": "assistant", "content": "b"}]}, "data.roles.missing", "messages[0].role"),
    (turns(("assistant", "a")), "data.assistant.missing", "messages"),
    (turns(("user", "a"), ("tool", "t"), ("assistant", "b")), "data.roles.order", "messages[1].role"),
    (turns(("system", "s"), ("user", "a")), "data.assistant.missing", "messages"),
    (turns(("user", "a"), ("assistant", "b"), ("user", "c")), "data.assistant.not_last", "messages[2]"),
    (turns(("user", "a"), ("assistant", "  ")), "data.assistant.empty", "messages[1].content"),
    (turns(("user", "a"), ("assistant", None)), "data.assistant.empty", "messages[1].content"),
    (turns(("user", ""), ("assistant", "b")), "data.content.empty", "messages[0].content"),
    (turns(("user", 5), ("assistant", "b")), "data.content.type", "messages[0].content"),
    (turns(("user", [{"type": "image_url"}]), ("assistant", "b")), "data.content.type", "messages[0].content[0]"),
    ({"messages": [{"role": "user", "content": "a", "weight": 1}]}, "data.weight.role", "messages[0].weight"),
    (
        {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "function_call": {"name": "f", "arguments": 5}}]},
        "data.message.field",
        "messages[1]",
    ),
    ({"messages": [{"role": "assistant", "content": "a", "weight": 0.5}]}, "data.weight.value", "messages[0].weight"),
    (
        {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b", "weight": 0}]},
        "data.weight.all_zero",
        "messages",
    ),
    (
        {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "tool_calls": [{"id": "x"}]}]},
        "data.message.field",
        "messages[1]",
    ),
    (turns(("user", "a"), ("assistant", "b"), tools="x"), "data.tools", "tools"),
]


@pytest.mark.parametrize(("line", "code", "field"), CASES, ids=[f"{code}-{n}" for n, (_, code, _) in enumerate(CASES)])
def test_each_fault_is_found_at_its_line_and_field(file: Path, line: Any, code: str, field: str) -> None:
    write_lines(file, [*(good(n) for n in range(10)), line])
    result = check_chat_file(file)
    (finding,) = [f for f in result.errors if f.code == code]
    assert finding.line == 11
    assert finding.field.startswith(field)
    assert finding.fix
    with pytest.raises(DataError) as caught:
        read_chat_file(file)
    assert caught.value.code == code
    assert "chat.jsonl:11" in caught.value.what


def test_warnings_do_not_make_a_file_bad(file: Path) -> None:
    repeated = turns(("user", "a"), ("user", "b"), ("assistant", "c"))
    write_lines(file, [*(good(n) for n in range(10)), good(0), repeated, {**good(11), "wheight": 1}])
    result = check_chat_file(file)
    assert result.is_good
    assert codes(result.warnings) == {"data.duplicate", "data.roles.repeated", "data.key_unknown"}
    assert len(read_chat_file(file)) == 13


def test_orders_that_openai_takes_are_warned_of(file: Path) -> None:
    greeted = turns(("system", "s"), ("assistant", "hello"), ("user", "a"), ("assistant", "b"))
    told_again = turns(("user", "a"), ("system", "s"), ("assistant", "b"))
    begun = turns(("assistant", "hello"), ("user", "a"), ("assistant", "b"))
    write_lines(file, [*(good(n) for n in range(10)), greeted, told_again, begun])
    result = check_chat_file(file)
    assert result.is_good
    assert [(f.code, f.line, f.field) for f in result.warnings] == [
        ("data.roles.unusual", 11, "messages[1].role"),
        ("data.roles.unusual", 12, "messages[1].role"),
        ("data.roles.unusual", 13, "messages[0].role"),
    ]
    assert "not learnt" in result.warnings[2].message


def test_a_key_that_most_records_have_is_taken_for_a_note_and_told_once(file: Path) -> None:
    write_lines(file, [*({**good(n), "building": n} for n in range(10)), good(10), {**good(11), "wheight": 1}])
    result = check_chat_file(file)
    assert [(one.line, one.field) for one in result.warnings] == [(12, "wheight")]
    assert [(one.code, one.line, one.field) for one in result.advice] == [("data.key_unknown", 1, "building")]
    assert (result.counts, result.stats["warnings"], result.stats["advice"]) == ({"data.key_unknown": 2}, 1, 1)


def test_of_notes_in_a_big_file_no_more_are_counted_than_told(file: Path) -> None:
    write_lines(file, [{**good(n), "building": n} for n in range(MAX_KEPT + 500)])
    assert check_chat_file(file).counts == {"data.key_unknown": 1}


def test_unknown_keys_are_told_in_the_order_of_the_record(file: Path) -> None:
    keys = ["zeta", "alpha", "mu", "beta", "omega", "gamma"]
    record = {**good(1), "messages": [{**good(1)["messages"][0], **dict.fromkeys(keys, 1)}, *good(1)["messages"][1:]]}
    write_lines(file, [record])
    unknown = [finding.field for finding in check_chat_file(file).warnings if finding.code == "data.key_unknown"]
    assert unknown == [f"messages[0].{key}" for key in keys]


def test_tool_calls_need_no_content_and_may_be_followed_by_tool_messages(file: Path) -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    conversation = [
        {"role": "user", "content": "weather?"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": "rain"},
        {"role": "assistant", "content": "Rain."},
    ]
    write_lines(file, [*(good(n) for n in range(9)), {"messages": conversation, "tools": [{"type": "function"}]}])
    assert check_chat_file(file).is_good


def test_fewer_than_ten_records_are_an_error_of_the_file(file: Path) -> None:
    write_lines(file, [good(n) for n in range(9)])
    (finding,) = check_chat_file(file).errors
    assert (finding.code, finding.line) == ("data.too_few", 0)
    assert len(read_chat_file(file)) == 9
    with pytest.raises(DataError) as caught:
        read_chat_file(file, least=10)
    assert caught.value.code == "data.too_few"


def test_broken_bytes_and_long_lines_do_not_stop_the_check(file: Path) -> None:
    lines = [json.dumps(good(n)).encode() for n in range(10)]
    file.write_bytes(b"\n".join([b"\xff\xff", b"x" * 5_000_000, *lines]))
    result = check_chat_file(file)
    assert [(f.code, f.line) for f in result.errors] == [("data.not_utf8", 1), ("data.line_too_long", 2)]
    assert result.stats["trained_messages"] == 10


def test_findings_are_capped_and_the_total_is_kept(file: Path) -> None:
    write_lines(file, ["{"] * (MAX_KEPT + 500))
    result = check_chat_file(file)
    assert len(result.errors) == MAX_KEPT
    assert result.stats["errors"] == MAX_KEPT + 500
    with pytest.raises(DataError, match="1500 faults"):
        read_chat_file(file)


def asked(answer: dict[str, Any], number: int = 0) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": f"question {number}"}, {"role": "assistant", **answer}]}


def test_a_refusal_is_learnt_as_what_the_assistant_says(file: Path) -> None:
    refusals = [{"refusal": "No."}, {"content": None, "refusal": "No."}, {"content": [{"type": "refusal", "refusal": "No."}]}]
    write_lines(file, [*(good(n) for n in range(10)), *(asked(one, n) for n, one in enumerate(refusals))])
    result = check_chat_file(file)
    assert result.is_good and not result.warnings
    assert [(one.messages[-1].text, one.messages[-1].is_trained) for one in read_chat_file(file)[10:]] == [("No.", True)] * 3
    assert [row.answer for row in read_rows(file)[10:]] == ["No."] * 3


@pytest.mark.parametrize(
    ("line", "code", "field"),
    [
        (asked({"content": "Yes.", "refusal": "No."}), "data.refusal", "messages[1].refusal"),
        (
            asked({"content": [{"type": "text", "text": "a"}, {"type": "refusal", "refusal": "b"}]}),
            "data.refusal",
            "messages[1].content",
        ),
        ({"messages": [{"role": "user", "content": "a", "refusal": "b"}]}, "data.refusal", "messages[0].refusal"),
        (asked({"refusal": 5}), "data.content.type", "messages[1].refusal"),
        (asked({"content": [{"type": "refusal", "text": "b"}]}), "data.content.type", "messages[1].content[0]"),
    ],
)
def test_a_refusal_stands_alone_in_an_assistant_message(file: Path, line: Any, code: str, field: str) -> None:
    write_lines(file, [line])
    finding = check_chat_file(file).errors[0]
    assert (finding.code, finding.field) == (code, field)


def test_arguments_that_are_encoded_twice_are_told_and_learnt_once(file: Path) -> None:
    def called(arguments: str) -> dict[str, Any]:
        return asked({"tool_calls": [{"id": "a", "type": "function", "function": {"name": "f", "arguments": arguments}}]}, 1)

    write_lines(
        file, [*(good(n) for n in range(10)), called(json.dumps(json.dumps({"a": 1}))), called('"a"'), called('{"a": 1}')]
    )
    (finding,) = check_chat_file(file).warnings
    assert (finding.line, finding.code) == (11, "data.tool.arguments_twice")
    assert finding.field == "messages[1].tool_calls[0].function.arguments"
    messages = [one.messages[-1] for one in read_chat_file(file)[10:]]
    assert template_variables(messages[0]) == template_variables(messages[2])


def test_blank_lines_between_records_are_told(file: Path) -> None:
    lines = [json.dumps(good(n)) for n in range(10)]
    file.write_text("\n".join(["", *lines[:5], " \t", "", *lines[5:], "", ""]), encoding="utf-8")
    warnings = check_chat_file(file).warnings
    assert [(one.code, one.line) for one in warnings] == [("data.blank_line", line) for line in (1, 7, 8)]
    assert all(one.fix for one in warnings)
