"""Calls in a conversation: into the prompt, and back out of the answer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests import tiny

from honekit.chat.call_reader import CallReader
from honekit.chat.messages import Message, parse_messages
from honekit.chat.template import ChatTemplate
from honekit.chat.tools import GENERIC, PROMPT, CallForm, told_in_text

TOOL = {"type": "function", "function": {"name": "f", "description": "does f", "parameters": {"type": "object"}}}
NATIVE = (
    "{% if tools %}{% for tool in tools %}{{ tool | tojson }}{% endfor %}{% endif %}"
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}"
    '{% for call in message.tool_calls or [] %}OPEN\n{"name": "{{ call.function.name }}", '
    '"KEY": {{ call.function.arguments | tojson }}}\nCLOSE{% endfor %}<|im_end|>\n{% endfor %}'
)


def template(source: str) -> ChatTemplate:
    return ChatTemplate(source, tiny.tokenizer(), {"eos_token": tiny.SPECIAL[tiny.END]})


def written(opener: str, closer: str, key: str) -> str:
    return NATIVE.replace("OPEN", opener).replace("CLOSE", closer).replace("KEY", key)


@pytest.mark.parametrize(
    ("opener", "closer", "key"), [("<tool_call>", "</tool_call>", "arguments"), ("<call>", "</call>", "parameters")]
)
def test_a_template_shows_how_it_writes_calls(opener: str, closer: str, key: str) -> None:
    assert template(written(opener, closer, key)).native_form == CallForm(opener, closer, key)


@pytest.mark.parametrize(
    "source",
    [
        tiny.CHATML,
        written("[CALL]", "[/CALL]", "arguments"),
        written("<|im_start|>", "</x>", "arguments"),  # a control token leaves no text
        written("<tool_call>", "</tool_call>", "arguments").replace("{{ tool | tojson }}", ""),
        "{{ raise_exception('no') }}",
    ],
    ids=["no tools", "another form", "a control token", "tools not shown", "refuses"],
)
def test_other_templates_get_the_generic_form(source: str) -> None:
    assert template(source).native_form is None
    assert template(source).call_form == GENERIC


CONVERSATION = parse_messages(
    [
        {"role": "user", "content": "weather in Oslo and Rome?"},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {"id": "1", "type": "function", "function": {"name": "f", "arguments": '{"city": "Oslo"}'}},
                {"id": "2", "type": "function", "function": {"name": "f", "arguments": '{"city": "Rome"}'}},
            ],
        },
        {"role": "tool", "tool_call_id": "1", "content": "cold"},
        {"role": "tool", "tool_call_id": "2", "content": "warm"},
        {"role": "user", "content": "thanks"},
    ]
)


def test_a_template_without_tools_is_told_in_words() -> None:
    system, _, asked, told, _ = told_in_text(CONVERSATION, [TOOL])
    assert system.role == "system" and json.dumps(TOOL["function"]) in system.text
    calls = [piece for piece in CallReader(GENERIC).push(asked.text) if piece.kind != "text"]
    assert [p.text for p in calls] == ["f", '{"city": "Oslo"}', "f", '{"city": "Rome"}']
    assert told.role == "user"
    assert told.text.count("<tool_response>") == 2
    assert told.text.index("cold") < told.text.index("warm")


def test_the_documentation_shows_the_prompt_as_it_is() -> None:
    text = (Path(__file__).parents[2] / "docs" / "serving.md").read_text(encoding="utf-8")
    shown = next(block for block in text.split("```\n") if block.startswith(PROMPT[:20]))
    described = next(line for line in shown.splitlines() if line.startswith('{"name": "get_weather"'))
    assert shown.strip() == PROMPT.format(tools=described)


def test_the_functions_join_a_system_message_that_is_there() -> None:
    first, second = told_in_text([Message("developer", "Be brief."), Message("user", "x")], [TOOL])
    assert first.role == "developer"
    assert first.text.startswith("Be brief.\n\n")
    assert '"does f"' in first.text
    assert second.text == "x"


def text_of(source: str, messages: Any, tools: Any = None, *, trained: bool = False) -> str:
    """What a model with this template reads, or of it what is learnt."""
    made = template(source)
    if not trained:
        return made.tokenizer.decode(made.prompt_ids(messages, tools), skip_special_tokens=False)
    ids = made.training_ids(messages, tools)
    return made.tokenizer.decode([i for i, w in zip(ids.token_ids, ids.weights, strict=True) if w], skip_special_tokens=False)


def test_a_conversation_without_tools_is_left_alone() -> None:
    assert text_of(tiny.CHATML, [Message("user", "x")]) == "<|im_start|>user\nx<|im_end|>\n<|im_start|>assistant\n"
    results = text_of(tiny.CHATML, CONVERSATION)
    assert "<tool_response>\ncold" in results and "<tools>" not in results  # calls without tools: no prompt
    native = text_of(written("<tool_call>", "</tool_call>", "arguments"), CONVERSATION, [TOOL])
    assert "<tools>" not in native and "<|im_start|>tool\ncold" in native


CALL = {"id": "1", "type": "function", "function": {"name": "f", "arguments": '{"city": "Oslo"}'}}


def test_a_call_is_learnt_as_it_is_asked_for() -> None:
    asked, called = {"role": "user", "content": "Oslo?"}, {"role": "assistant", "content": "Let me see.", "tool_calls": [CALL]}
    learnt = text_of(tiny.CHATML, [asked, called], [TOOL], trained=True)
    assert learnt == "Let me see.\n" + GENERIC.write("f", '{"city": "Oslo"}') + "<|im_end|>"
    made = template(tiny.CHATML)
    prompt = made.prompt_ids([asked], [TOOL])
    assert made.training_ids([asked, called], [TOOL]).token_ids[: len(prompt)] == prompt
    assert text_of(
        tiny.CHATML, [asked, {**called, "weight": 0}, asked, {"role": "assistant", "content": "ok"}], trained=True
    ) == ("ok<|im_end|>")


def test_a_file_and_a_request_with_the_same_tools_read_the_same() -> None:
    of_a_file = {"function": {"parameters": {"type": "object"}, "strict": None, "name": "f", "description": "does f"}}
    asked = [Message("user", "x")]
    for source in (tiny.CHATML, written("<tool_call>", "</tool_call>", "arguments")):
        assert text_of(source, asked, [of_a_file]) == text_of(source, asked, [TOOL])


@pytest.mark.parametrize("source", [tiny.CHATML, written("<tool_call>", "</tool_call>", "arguments")], ids=["told", "native"])
def test_arguments_that_were_encoded_twice_are_learnt_as_the_object_that_they_are(source: str) -> None:
    def learnt(arguments: str) -> str:
        call = {**CALL, "function": {"name": "f", "arguments": arguments}}
        return text_of(source, [Message("user", "x"), {"role": "assistant", "tool_calls": [call]}], [TOOL], trained=True)

    assert learnt(json.dumps('{"city": "Oslo"}')) == learnt('{"city": "Oslo"}')
