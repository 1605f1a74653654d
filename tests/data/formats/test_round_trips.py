"""Chat -> dialect -> chat gives the same record wherever the dialect can express it; and no record breaks a reader."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from honekit.data.formats.convert import convert
from honekit.data.formats.detect import detect
from honekit.data.formats.dialect import ChatRecord
from honekit.data.formats.dialects import DIALECTS

from .conftest import write_json_lines

QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
TEXT = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20).filter(str.strip)
JSON = st.recursive(st.none() | st.booleans() | st.integers() | TEXT, lambda inner: st.lists(inner, max_size=3), max_leaves=4)
NAME = st.sampled_from(["look", "count", "stop"])


@st.composite
def plain_records(draw: st.DrawFn, turns: int = 3) -> ChatRecord:
    """A system message or none, then user and assistant in turn."""
    messages = [{"role": "system", "content": draw(TEXT)}] if draw(st.booleans()) else []
    for _ in range(draw(st.integers(1, turns))):
        messages += [{"role": "user", "content": draw(TEXT)}, {"role": "assistant", "content": draw(TEXT)}]
    return {"messages": messages}


@st.composite
def records_with_calls(draw: st.DrawFn) -> ChatRecord:
    """The same with calls of tools, each answered, and definitions of the tools."""
    record = draw(plain_records())
    messages, count = [], 0
    for message in record["messages"]:
        if message["role"] == "assistant" and draw(st.booleans()):
            calls = []
            for _ in range(draw(st.integers(1, 2))):
                count += 1
                arguments = json.dumps(draw(st.dictionaries(TEXT, JSON, max_size=2)), ensure_ascii=False)
                function = {"name": draw(NAME), "arguments": arguments}
                calls.append({"id": f"call_{count}", "type": "function", "function": function})
            messages.append({"role": "assistant", "tool_calls": calls})
            messages += [{"role": "tool", "content": draw(TEXT), "tool_call_id": call["id"]} for call in calls]
        messages.append(message)
    tools = [{"type": "function", "function": {"name": name}} for name in draw(st.lists(NAME, unique=True, min_size=1))]
    return {"messages": messages, "tools": tools}


@st.composite
def weighted(draw: st.DrawFn, records: st.SearchStrategy[ChatRecord]) -> ChatRecord:
    record = draw(records)
    for message in record["messages"]:
        if message["role"] == "assistant" and draw(st.booleans()):
            message["weight"] = draw(st.sampled_from([0, 1]))
    return record


@st.composite
def openai_records(draw: st.DrawFn) -> ChatRecord:
    """All that OpenAI's format has for texts."""
    record = draw(weighted(records_with_calls()))
    if record["messages"][0]["role"] == "system" and draw(st.booleans()):
        record["messages"][0]["role"] = "developer"
    if draw(st.booleans()):
        record["messages"][-2]["name"] = draw(NAME)
    return record | draw(st.sampled_from([{}, {"parallel_tool_calls": True}]))


EXPRESSIBLE = {
    "chat": openai_records(),
    "openai": openai_records(),
    "mistral": weighted(plain_records()),
    "together": weighted(records_with_calls()),
    "gemini": records_with_calls(),
    "sharegpt": records_with_calls(),
    "bedrock-claude": plain_records(),
    "bedrock-nova": plain_records(),
    "alpaca": plain_records(),
    "prompt-completion": plain_records(turns=1),
}


def test_every_dialect_is_in_this_file() -> None:
    assert EXPRESSIBLE.keys() == DIALECTS.keys()


@pytest.mark.parametrize("name", DIALECTS)
def test_a_record_comes_back_from_a_dialect_that_can_express_it(name: str) -> None:
    @QUICK
    @given(record=EXPRESSIBLE[name])
    def comes_back(record: ChatRecord) -> None:
        told: list[Any] = []
        written = DIALECTS[name].write(record, lambda loss, field: told.append((loss, field)))
        assert written is not None
        again = DIALECTS[name].read(json.loads(json.dumps(written)), lambda *fault: told.append(fault))
        assert (again, told) == (record, [])

    comes_back()


@pytest.mark.parametrize(("to", "name"), [("parquet", "a.parquet"), ("sharegpt", "a.json"), ("gemini", "a.jsonl")])
def test_a_file_comes_back_from_another_format(tmp_path: Path, to: str, name: str) -> None:
    @settings(QUICK, max_examples=15)
    @given(records=st.lists(openai_records() if to == "parquet" else records_with_calls(), min_size=1, max_size=4))
    def comes_back(records: list[ChatRecord]) -> None:
        first = write_json_lines(tmp_path / "first.jsonl", records)
        convert(first, to, tmp_path / name)
        convert(tmp_path / name, "chat", tmp_path / "again.jsonl")
        assert [json.loads(line) for line in (tmp_path / "again.jsonl").read_text("utf-8").split("\n")[:-1]] == records

    comes_back()


@settings(QUICK, max_examples=25)
@given(records=st.lists(plain_records(turns=1), min_size=1, max_size=4), suffix=st.sampled_from([".csv", ".tsv"]))
def test_a_table_comes_back_up_to_its_line_ends(tmp_path: Path, records: list[ChatRecord], suffix: str) -> None:
    first = write_json_lines(tmp_path / "first.jsonl", records)
    convert(first, "csv", tmp_path / f"a{suffix}")
    found = [record for _, record in detect(tmp_path / f"a{suffix}").records(lambda finding: pytest.fail(finding.message))]
    for record in records:
        for message in record["messages"]:
            while "\r\n" in message["content"]:
                message["content"] = message["content"].replace("\r\n", "\n")
    assert found == records


KEYS = ["messages", "conversations", "contents", "instruction", "input", "output", "prompt", "completion", "system", "tools"]
KEYS += ["history", "schemaVersion", "systemInstruction", "question", "answer"]
INNER_KEYS = ["role", "content", "from", "value", "parts", "text", "functionCall", "name", "args", "tool_calls"]
ROWS = st.dictionaries(
    st.sampled_from(KEYS),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(INNER_KEYS), inner),
        max_leaves=12,
    ),
)


@settings(QUICK, max_examples=60)
@given(row=ROWS)
def test_any_object_is_a_record_or_a_fault_in_every_dialect(row: dict[str, Any]) -> None:
    for dialect in DIALECTS.values():
        told: list[str] = []
        record = dialect.read(row, lambda code, field, message, fix: told.append(code))  # noqa: B023
        assert (record is None) == bool(told)
        if record is not None:
            for other in DIALECTS.values():
                lost: list[str] = []
                assert other.write(record, lambda loss, field: lost.append(loss)) is not None or lost  # noqa: B023
