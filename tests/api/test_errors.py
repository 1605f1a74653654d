"""What is wrong with a request, in plain words."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from honekit.api.errors import from_validation
from honekit.api.openai.chat_schema import ChatCompletionRequest


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"stop": ["a"] * 5}, "Invalid value for 'stop': List should have at most 4 items, not 5."),
        (
            {"response_format": {"type": "grammar"}},
            "Invalid value for 'response_format.type': Input should be 'text', 'json_object' or 'json_schema'.",
        ),
        ({"response_format": "json"}, "Invalid value for 'response_format': Input should be a JSON object."),
        (
            {"tool_choice": "any"},
            "Invalid value for 'tool_choice': Input should be 'none', 'auto' or 'required' or a JSON object.",
        ),
    ],
)
def test_a_fault_is_told_without_the_words_of_the_library(changes: dict[str, Any], message: str) -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": "x"}], **changes}
    with pytest.raises(ValidationError) as caught:
        ChatCompletionRequest.model_validate(body)
    errors = [{**one, "loc": ("body", *one["loc"])} for one in caught.value.errors()]
    assert from_validation(errors, body).message == message
