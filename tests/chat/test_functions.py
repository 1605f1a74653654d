from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from honekit.chat.functions import messages_with_tools, record_with_tools, uses_functions
from honekit.chat.messages import parse_messages

CALL = {"name": "now", "arguments": '{"zone": "UTC"}'}
CONVERSATION: list[dict[str, Any]] = [
    {"role": "user", "content": "What time is it?"},
    {"role": "assistant", "content": None, "function_call": CALL},
    {"role": "function", "name": "now", "content": "noon"},
    {"role": "assistant", "content": "It is noon."},
]


def test_a_call_and_its_result_become_those_of_a_tool() -> None:
    asked, called, told, answered = parse_messages(messages_with_tools(CONVERSATION))
    assert (asked.text, answered.text) == ("What time is it?", "It is noon.")
    assert called.tool_calls and vars_of(called.tool_calls[0].function) == CALL
    assert (told.role, told.text, told.tool_call_id) == ("tool", "noon", called.tool_calls[0].id)


def vars_of(function: Any) -> dict[str, str]:
    return {"name": function.name, "arguments": function.arguments}


def test_functions_become_tools_of_a_record_unless_it_has_some() -> None:
    functions = [{"name": "now", "parameters": {"type": "object", "properties": {}}}]
    record = record_with_tools({"messages": CONVERSATION, "functions": functions, "group": "a"})
    assert record["tools"] == [{"type": "function", "function": functions[0]}]
    assert "functions" not in record and record["group"] == "a"
    tools = [{"type": "function", "function": {"name": "other"}}]
    assert record_with_tools({"messages": [], "functions": functions, "tools": tools})["tools"] == tools


@pytest.mark.parametrize(
    ("record", "uses"),
    [
        ({"messages": CONVERSATION}, True),
        ({"messages": CONVERSATION[2:3]}, True),
        ({"messages": CONVERSATION[:1], "functions": [{"name": "f"}]}, True),
        ({"messages": [{"role": "assistant", "content": "a", "function_call": None}]}, False),
        ({"messages": "none"}, False),
        (["messages"], False),
    ],
)
def test_only_what_speaks_of_functions_is_rewritten(record: Any, uses: bool) -> None:
    assert uses_functions(record) is uses


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["function", "assistant", "f"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["role", "function_call", "name", "content", "messages", "functions"]), inner, max_size=4
        )
    ),
    max_leaves=12,
)


@given(JSON)
def test_nothing_that_a_file_may_hold_breaks_it(value: Any) -> None:
    if uses_functions(value):
        assert "functions" not in record_with_tools(value)
