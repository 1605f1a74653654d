"""Responses through the official client, a real server and real (tiny, random) models."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import jsonschema
import openai
import pytest
from pydantic import BaseModel, Field

from honekit.store import answers

QUESTION = "what does code E41 mean?"
Connect = Callable[..., openai.OpenAI]


def ask(client: openai.OpenAI, **changes: Any) -> Any:
    return client.responses.create(**{"model": "roomy", "input": QUESTION, "max_output_tokens": 24, "temperature": 0, **changes})


def test_an_answer_says_what_a_chat_completion_says(connect: Connect) -> None:
    client = connect(_strict_response_validation=True)
    answer = ask(client, instructions="be short", metadata={"a": "b"})
    messages: Any = [{"role": "system", "content": "be short"}, {"role": "user", "content": QUESTION}]
    chat = client.chat.completions.create(model="roomy", messages=messages, max_tokens=24, temperature=0)
    assert answer.output_text == chat.choices[0].message.content
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (chat.usage.prompt_tokens, chat.usage.completion_tokens)  # type: ignore[union-attr]
    assert answer.usage.total_tokens == answer.usage.input_tokens + answer.usage.output_tokens
    assert answer.id.startswith("resp_") and answer.output[0].id.startswith("msg_")
    assert (answer.object, answer.model, answer.instructions, answer.metadata) == ("response", "roomy", "be short", {"a": "b"})
    assert (answer.truncation, answer.store, answer.background, answer.tools) == ("disabled", False, False, [])
    assert (answer.temperature, answer.top_p, answer.max_output_tokens) == (0, 1, 24)
