"""Mistral's chat format: OpenAI's without developer messages and names; ids of calls are nine letters and digits.

Source: docs.mistral.ai/capabilities/finetuning/text_finetuning ("Default Instruct", "Function-calling Instruct") and the
section "Prepare dataset" in the README of github.com/mistralai/mistral-finetune, which has `weight` and the rule for ids.
The key `prefix` belongs to Mistral's completion API; in training files the last answer says the same.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any

from honekit.data.formats import openai
from honekit.data.formats.dialect import ChatRecord, Dialect, Lose, keep_only
from honekit.data.lines import AddFinding

_ID = re.compile(r"[A-Za-z0-9]{9}")


def read(row: dict[str, Any], add: AddFinding) -> ChatRecord | None:
    """As OpenAI's; a true `prefix` on a message is passed over."""
    return openai.read(row, add)


def write(record: ChatRecord, lose: Lose) -> dict[str, Any] | None:
    """The record with ids of calls as Mistral wants them; the same id gives the same one everywhere."""
    kept = keep_only(record, lose, "tools", "weight")
    if kept is None:
        return None
    for message in kept["messages"]:
        if "tool_call_id" in message:
            message["tool_call_id"] = _short(message["tool_call_id"])
        if "tool_calls" in message:
            message["tool_calls"] = [{**call, "id": _short(call["id"])} for call in message["tool_calls"]]
    return kept


def _short(identity: str) -> str:
    return identity if _ID.fullmatch(identity) else hashlib.sha256(identity.encode("utf-8", "replace")).hexdigest()[:9]


MISTRAL = Dialect("mistral", "Mistral chat", read, write)
