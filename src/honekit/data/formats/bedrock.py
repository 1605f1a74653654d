"""The two formats of Amazon Bedrock: Claude 3 Haiku's and Nova's. Both are texts of user and assistant in turn.

Source: docs.aws.amazon.com/bedrock/latest/userguide/preparing-text-data.html (Claude 3 Haiku: `system`, and `messages` with
no further keys; Converse format: `schemaVersion` "bedrock-conversation-2024"),
docs.aws.amazon.com/nova/latest/userguide/fine-tune-prepare-data-understanding.html (roles user and assistant, the first and
the last turn), docs.aws.amazon.com/bedrock/latest/userguide/nova-2-sft-data-prep.md (no tools).
"""

from __future__ import annotations

from typing import Any

from honekit.data.formats import openai
from honekit.data.formats.dialect import ChatRecord, Dialect, Lose, keep_only, system_and_turns
from honekit.data.lines import AddFinding, shown

SCHEMA_VERSION = "bedrock-conversation-2024"


def read_claude(row: dict[str, Any], add: AddFinding) -> ChatRecord | None:
    """The system text becomes the first message."""
    system = row.get("system")
    if system is not None and not isinstance(system, str):
        add("data.bedrock.system", "system", f"`system` is {shown(system)}, not a text", "write a JSON string")
        return None
    return _with_system(system, openai.read({"messages": row["messages"]} if "messages" in row else row, add))


def write_claude(record: ChatRecord, lose: Lose) -> dict[str, Any] | None:
    """`{"system": ..., "messages": [...]}`."""
    kept = keep_only(record, lose)
    parts = system_and_turns(kept, lose) if kept else None
    if parts is None:
        return None
    system, turns = parts
    return ({} if system is None else {"system": system}) | {"messages": turns}


def read_nova(row: dict[str, Any], add: AddFinding) -> ChatRecord | None:
    """Blocks of text become texts; other blocks (image, video, tools, reasoning) are a fault."""
    system = _text_blocks(row.get("system") or [], "system", add)
    messages = row.get("messages")
    if system is None:
        return None
    if not isinstance(messages, list):
        return openai.read({"messages": messages} if "messages" in row else row, add)
    plain: list[Any] = []
    for index, message in enumerate(messages):
        if isinstance(message, dict) and "content" in message:
            text = _text_blocks(message["content"], f"messages[{index}].content", add)
            if text is None:
                return None
            message = {**message, "content": text}
        plain.append(message)
    return _with_system(system or None, openai.read({"messages": plain}, add))


def _text_blocks(blocks: Any, at: str, add: AddFinding) -> str | None:
    if not isinstance(blocks, list):
        add("data.bedrock.content", at, f"{shown(blocks)} is no list of blocks", 'write [{"text": "..."}]')
        return None
    for number, block in enumerate(blocks):
        if not (isinstance(block, dict) and isinstance(block.get("text"), str)):
            add("data.bedrock.content", f"{at}[{number}]", "the block is no text", 'only {"text": "..."} can be learnt')
            return None
    return "".join(block["text"] for block in blocks)


def _with_system(system: str | None, record: ChatRecord | None) -> ChatRecord | None:
    if record is None or system is None:
        return record
    return {**record, "messages": [{"role": "system", "content": system}, *record["messages"]]}


def write_nova(record: ChatRecord, lose: Lose) -> dict[str, Any] | None:
    """`{"schemaVersion": ..., "system": [{"text": ...}], "messages": [{"role": ..., "content": [{"text": ...}]}]}`."""
    kept = keep_only(record, lose)
    parts = system_and_turns(kept, lose) if kept else None
    if parts is None:
        return None
    system, turns = parts
    written: dict[str, Any] = {"schemaVersion": SCHEMA_VERSION}
    if system is not None:
        written["system"] = [{"text": system}]
    return written | {"messages": [{"role": turn["role"], "content": [{"text": turn["content"]}]} for turn in turns]}


CLAUDE = Dialect("bedrock-claude", "Amazon Bedrock, Claude 3 Haiku", read_claude, write_claude)
NOVA = Dialect("bedrock-nova", "Amazon Bedrock, Nova", read_nova, write_nova)
