"""Reading and changing the messages of a raw record, so that everything else in it stays as it is."""

from __future__ import annotations

import json
from typing import Any

from honekit.data.rows import said
from honekit.errors import DataError


def answer_of(record: dict[str, Any]) -> str | None:
    """The text of the last message when it is the assistant's."""
    last = record["messages"][-1]
    return said(last) if last["role"] == "assistant" else None


def set_content(messages: list[dict[str, Any]], position: int, text: str) -> None:
    """Change one message; parts that say the same stay parts. Raises: DataError[data.label_unknown]."""
    if not 0 <= position < len(messages):
        raise DataError("data.label_unknown", what=f"there is no message {position}", where="contents", mend="reload the page")
    if said(messages[position]) != text:
        messages[position]["content"] = text
        messages[position].pop("refusal", None)


def set_answer(record: dict[str, Any], text: str) -> None:
    """Change the answer, or add it where there is none yet."""
    if record["messages"][-1]["role"] != "assistant":
        record["messages"].append({"role": "assistant", "content": text})
    else:
        set_content(record["messages"], len(record["messages"]) - 1, text)


def shown_message(message: dict[str, Any]) -> dict[str, Any]:
    """A message as the page shows it; `rest` is JSON of what stands beside role and content."""
    rest = {key: value for key, value in message.items() if key not in ("role", "content")}
    return {"role": message["role"], "text": said(message), "rest": json.dumps(rest, ensure_ascii=False) if rest else ""}
