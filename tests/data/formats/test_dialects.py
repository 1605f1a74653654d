"""Each dialect: what a record in it means, how faults are named, what it cannot express."""

from __future__ import annotations

import json
import re
from importlib.resources import files
from typing import Any, get_args

import pytest

from honekit.data.formats.dialect import ChatRecord, Loss
from honekit.data.formats.dialects import DIALECTS, recognise

from .conftest import chat

CALL = {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": '{"at": "pump"}'}}
TOOLS = [{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}]
WITH_TOOLS: ChatRecord = {
    "messages": [
        {"role": "user", "content": "Is the pump on?"},
        {"role": "assistant", "tool_calls": [CALL]},
        {"role": "tool", "content": '{"on": true}', "tool_call_id": "call_1"},
        {"role": "assistant", "content": "It is."},
    ],
    "tools": TOOLS,
}
TWO_TURNS = chat(("system", "Be brief."), ("user", "a"), ("assistant", "b"), ("user", "c"), ("assistant", "d"))


def read(name: str, row: dict[str, Any]) -> tuple[ChatRecord | None, list[tuple[str, str]]]:
    told: list[tuple[str, str]] = []
    record = DIALECTS[name].read(row, lambda code, field, message, fix: told.append((code, field)))
    return record, told


def write(name: str, record: ChatRecord) -> tuple[dict[str, Any] | None, list[tuple[str, str]]]:
    lost: list[tuple[str, str]] = []
    return DIALECTS[name].write(record, lambda loss, field: lost.append((loss, field))), lost


SAMPLES: list[tuple[str, dict[str, Any], ChatRecord]] = [
    ("alpaca", {"instruction": "Add.", "input": "2 3", "output": "5"}, chat(("user", "Add.\n2 3"), ("assistant", "5"))),
    (
        "alpaca",
        {"instruction": "And 4?", "input": "", "output": "9", "system": "Sums.", "history": [["2 3", "5"]]},
        chat(("system", "Sums."), ("user", "2 3"), ("assistant", "5"), ("user", "And 4?"), ("assistant", "9")),
    ),
    ("prompt-completion", {"prompt": "a", "completion": "b"}, chat(("user", "a"), ("assistant", "b"))),
    (
        "prompt-completion",
        {"question": "a", "answer": "b", "system": "s"},
        chat(("system", "s"), ("user", "a"), ("assistant", "b")),
    ),
    ("prompt-completion", {"input": "a", "output": "b", "id": 3}, chat(("user", "a"), ("assistant", "b"))),
    (
        "prompt-completion",
        {"prompt": [{"role": "user", "content": "a"}], "completion": [{"role": "assistant", "content": "b"}]},
        chat(("user", "a"), ("assistant", "b")),
    ),
    (
        "sharegpt",
        {
            "conversations": [
                {"from": "human", "value": "Is the pump on?"},
                {"from": "function_call", "value": '{"name": "look", "arguments": {"at": "pump"}}'},
                {"from": "observation", "value": '{"on": true}'},
                {"from": "gpt", "value": "It is."},
            ],
            "tools": '[{"name": "look", "parameters": {"type": "object"}}]',
        },
        WITH_TOOLS,
    ),
    (
        "sharegpt",
        {"conversations": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}], "system": "s"},
        chat(("system", "s"), ("user", "a"), ("assistant", "b")),
    ),
    (
        "gemini",
        {
            "systemInstruction": {"role": "system", "parts": [{"text": "Be "}, {"text": "brief."}]},
            "contents": [{"role": "user", "parts": [{"text": "a"}]}, {"role": "model", "parts": [{"text": "b"}]}],
        },
        chat(("system", "Be brief."), ("user", "a"), ("assistant", "b")),
    ),
    (
        "gemini",
        {
            "contents": [
                {"role": "user", "parts": [{"text": "Is the pump on?"}]},
                {"role": "model", "parts": [{"functionCall": {"name": "look", "args": {"at": "pump"}}}]},
                {"role": "user", "parts": [{"functionResponse": {"name": "look", "response": {"on": True}}}]},
                {"role": "model", "parts": [{"text": "It is."}]},
            ],
            "tools": [{"functionDeclarations": [{"name": "look", "parameters": {"type": "object"}}]}],
        },
        WITH_TOOLS,
    ),
    (
        "bedrock-claude",
        {"system": "s", "messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]},
        chat(("system", "s"), ("user", "a"), ("assistant", "b")),
    ),
    (
        "bedrock-nova",
        {
            "schemaVersion": "bedrock-conversation-2024",
            "system": [{"text": "s"}],
            "messages": [{"role": "user", "content": [{"text": "a"}]}, {"role": "assistant", "content": [{"text": "b"}]}],
        },
        chat(("system", "s"), ("user", "a"), ("assistant", "b")),
    ),
    (
        "mistral",
        {**WITH_TOOLS, "messages": [*WITH_TOOLS["messages"][:3], {"role": "assistant", "content": "It is.", "prefix": True}]},
        WITH_TOOLS,
    ),
    (
        "together",
        {"messages": [{"role": "user", "content": "a", "weight": 0}, {"role": "assistant", "content": "b", "weight": 1}]},
        {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b", "weight": 1}]},
    ),
    (
        "chat",
        {
            "messages": [
                {"role": "user", "content": [{"type": "text", "text": "a"}]},
                {"role": "assistant", "content": "b", "name": None},
            ]
        },
        chat(("user", "a"), ("assistant", "b")),
    ),
]


@pytest.mark.parametrize(("name", "row", "record"), SAMPLES)
def test_a_record_of_a_dialect_is_a_chat_record(name: str, row: dict[str, Any], record: ChatRecord) -> None:
    assert read(name, row) == (record, [])


@pytest.mark.parametrize(("name", "row"), [(name, row) for name, row, _ in SAMPLES if name not in ("mistral", "together")])
def test_a_dialect_is_recognised_by_its_keys(name: str, row: dict[str, Any]) -> None:
    assert recognise([row]) == name


FAULTS: list[tuple[str, dict[str, Any], str, str]] = [
    ("alpaca", {"instruction": "a", "input": ""}, "data.alpaca.output_missing", "output"),
    ("alpaca", {"instruction": " ", "output": "b"}, "data.alpaca.instruction_missing", "instruction"),
    ("alpaca", {"instruction": "a", "input": 4, "output": "b"}, "data.alpaca.input_type", "input"),
    ("alpaca", {"instruction": "a", "output": "b", "history": [["x"]]}, "data.alpaca.history", "history[0]"),
    ("prompt-completion", {"prompt": "a"}, "data.prompt_completion.completion_missing", "completion"),
    ("prompt-completion", {"answer": "a"}, "data.prompt_completion.prompt_missing", "question"),
    ("prompt-completion", {"prompt": "a", "completion": {"b": 1}}, "data.prompt_completion.completion_type", "completion"),
    ("sharegpt", {}, "data.sharegpt.conversations", "conversations"),
    ("sharegpt", {"conversations": [{"from": "humn", "value": "a"}]}, "data.sharegpt.from_unknown", "conversations[0].from"),
    ("sharegpt", {"conversations": [{"from": [], "value": "a"}]}, "data.sharegpt.from_unknown", "conversations[0].from"),
    ("sharegpt", {"conversations": [{"from": "human"}]}, "data.sharegpt.value_missing", "conversations[0].value"),
    ("sharegpt", {"conversations": ["hi"]}, "data.sharegpt.turn", "conversations[0]"),
    (
        "sharegpt",
        {"conversations": [{"from": "function_call", "value": "look(pump)"}]},
        "data.sharegpt.function_call",
        "conversations[0].value",
    ),
    ("sharegpt", {"conversations": [], "tools": "none"}, "data.tools", "tools"),
    ("gemini", {"contents": "a"}, "data.gemini.contents", "contents"),
    ("gemini", {"contents": [{"role": "assistant", "parts": [{"text": "a"}]}]}, "data.gemini.role", "contents[0].role"),
    ("gemini", {"contents": [{"role": "user", "parts": "a"}]}, "data.gemini.parts", "contents[0].parts"),
    ("gemini", {"contents": [{"role": "user", "parts": [{"fileData": {}}]}]}, "data.gemini.parts", "contents[0].parts[0]"),
    ("bedrock-claude", {"system": 5, "messages": []}, "data.bedrock.system", "system"),
    ("bedrock-nova", {"messages": [{"role": "user", "content": "a"}]}, "data.bedrock.content", "messages[0].content"),
    (
        "bedrock-nova",
        {"messages": [{"role": "user", "content": [{"image": {}}]}]},
        "data.bedrock.content",
        "messages[0].content[0]",
    ),
    ("chat", {"messages": [{"role": "usr", "content": "a"}]}, "data.roles.unknown", "messages[0].role"),
    ("chat", {"text": "a"}, "data.messages.missing", "messages"),
    ("chat", {"messages": [], "tools": "x"}, "data.tools", "tools"),
]


@pytest.mark.parametrize(("name", "row", "code", "field"), FAULTS)
def test_a_faulty_record_is_named_by_its_field(name: str, row: dict[str, Any], code: str, field: str) -> None:
    assert read(name, row) == (None, [(code, field)])


IMAGE = {"type": "image_url", "image_url": {"url": "data:,"}}
TEXT_ONLY = ("mistral", "together", "gemini", "bedrock-claude", "bedrock-nova", "alpaca", "sharegpt", "prompt-completion")


@pytest.mark.parametrize("name", TEXT_ONLY)
def test_developer_messages_names_and_images_are_losses_with_their_fields(name: str) -> None:
    record = {
        "messages": [
            {"role": "developer", "content": "Be brief."},
            {"role": "user", "content": [{"type": "text", "text": "What is this?"}, IMAGE], "name": "Ada"},
            {"role": "assistant", "content": "A pump."},
        ]
    }
    written, lost = write(name, record)
    assert lost == [("role", "messages[0].role"), ("name", "messages[1].name"), ("image", "messages[1].content[1]")]
    assert written is not None
    assert read(name, written)[0] == chat(("system", "Be brief."), ("user", "What is this?"), ("assistant", "A pump."))


@pytest.mark.parametrize("name", ["bedrock-claude", "bedrock-nova", "alpaca", "prompt-completion"])
def test_a_dialect_without_tools_writes_nothing_of_a_conversation_with_calls(name: str) -> None:
    assert write(name, WITH_TOOLS) == (None, [("tools", "messages[1].tool_calls")])


@pytest.mark.parametrize("name", ["bedrock-claude", "alpaca"])
def test_definitions_of_tools_that_nobody_calls_can_be_left_out(name: str) -> None:
    written, lost = write(name, {**chat(("user", "a"), ("assistant", "b")), "tools": TOOLS})
    assert written is not None
    assert lost == [("tools", "tools")]


@pytest.mark.parametrize("name", ["gemini", "bedrock-claude", "bedrock-nova", "alpaca", "sharegpt", "prompt-completion"])
def test_weight_0_is_a_loss_and_weight_1_is_none(name: str) -> None:
    def lost(weight: int) -> list[tuple[str, str]]:
        record = chat(("user", "a"), ("assistant", "b"))
        record["messages"][1]["weight"] = weight
        return write(name, record)[1]

    assert lost(0) == [("weight", "messages[1].weight")]
    assert lost(1) == []


@pytest.mark.parametrize("name", ["bedrock-claude", "bedrock-nova", "alpaca", "prompt-completion"])
def test_turns_that_do_not_alternate_cannot_be_written(name: str) -> None:
    assert write(name, chat(("user", "a"), ("user", "b"), ("assistant", "c"))) == (None, [("turns", "messages[1]")])
    assert write(name, chat(("user", "a"), ("assistant", "b"), ("user", "c")))[0] is None
    assert write(name, {"messages": []})[0] is None


def test_prompt_and_completion_have_room_for_one_turn() -> None:
    assert write("prompt-completion", TWO_TURNS) == (None, [("turns", "messages")])


def test_openai_takes_images_and_hone_does_not() -> None:
    record = chat(("user", [{"type": "text", "text": "a"}, IMAGE]), ("assistant", "b"))
    assert write("openai", record) == (record, [])
    assert write("chat", record) == (chat(("user", "a"), ("assistant", "b")), [("image", "messages[0].content[1]")])


def test_mistral_gets_ids_of_nine_characters_that_still_belong_together() -> None:
    written, lost = write("mistral", WITH_TOOLS)
    assert not lost
    assert written is not None
    identity = written["messages"][1]["tool_calls"][0]["id"]
    assert len(identity) == 9
    assert written["messages"][2]["tool_call_id"] == identity
    assert write("mistral", written) == (written, [])


def test_parallel_calls_get_their_results_in_order() -> None:
    calls = [{"name": "look", "arguments": {"at": place}} for place in ("pump", "fan")]
    turns = [
        ("human", "Both?"),
        ("function_call", json.dumps(calls)),
        ("observation", "on"),
        ("observation", "off"),
        ("gpt", "No."),
    ]
    record, told = read("sharegpt", {"conversations": [{"from": sender, "value": value} for sender, value in turns]})
    assert not told
    assert record is not None
    assert [call["id"] for call in record["messages"][1]["tool_calls"]] == ["call_1", "call_2"]
    assert [message.get("tool_call_id") for message in record["messages"]] == [None, None, "call_1", "call_2", None]


@pytest.mark.parametrize("name", ["gemini", "sharegpt"])
def test_arguments_that_are_no_object_cannot_be_written(name: str) -> None:
    record = json.loads(json.dumps(WITH_TOOLS))
    record["messages"][1]["tool_calls"][0]["function"]["arguments"] = "pump"
    assert write(name, record) == (None, [("tools", "messages[1].tool_calls")])


def test_every_fault_and_loss_has_its_section() -> None:
    text = (files("honekit") / "data" / "findings" / "formats.md").read_text(encoding="utf-8")
    sections = set(re.findall(r"^## (\S+)$", text, re.MULTILINE))
    codes = {
        code for _, _, code, _ in FAULTS if code.split(".")[1] in ("alpaca", "prompt_completion", "sharegpt", "gemini", "bedrock")
    }
    assert codes | {f"data.convert.{loss}" for loss in get_args(Loss)} <= sections
