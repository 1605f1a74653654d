"""Together's conversational format: OpenAI's without developer messages and names.

Source: docs.together.ai/docs/fine-tuning/data-preparation (conversational data, weights 0 and 1) and
docs.together.ai/docs/fine-tuning/function-calling (`tools`, `tool_calls`, messages of the role `tool`).
"""

from __future__ import annotations

from typing import Any

from honekit.data.formats import openai
from honekit.data.formats.dialect import ChatRecord, Dialect, Lose, keep_only
from honekit.data.lines import AddFinding


def read(row: dict[str, Any], add: AddFinding) -> ChatRecord | None:
    """As OpenAI's, without the weight that Together allows on messages of other roles, where it changes nothing."""
    messages = row.get("messages")
    if isinstance(messages, list):
        row = {**row, "messages": [_weighed(message) for message in messages]}
    return openai.read(row, add)


def _weighed(message: Any) -> Any:
    if isinstance(message, dict) and message.get("role") in ("system", "user", "tool") and message.get("weight") in (0, 1):
        return {key: value for key, value in message.items() if key != "weight"}
    return message


def write(record: ChatRecord, lose: Lose) -> dict[str, Any] | None:
    """The record without what Together does not know."""
    return keep_only(record, lose, "tools", "weight")


TOGETHER = Dialect("together", "Together conversational", read, write)
