"""Pairs of prompt and completion, under the names that public sets use for them, with `system` where there is one.

Source: docs.aws.amazon.com/bedrock/latest/userguide/preparing-text-data.html (non-conversational tasks),
docs.together.ai/docs/fine-tuning/data-preparation (instruction data), huggingface.co/docs/trl/dataset_formats
(prompt-completion; in its conversational form both are lists of messages).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from honekit.data.formats import openai
from honekit.data.formats.dialect import ChatRecord, Dialect, Lose, conversation, keep_only, system_and_turns, text_of
from honekit.data.lines import AddFinding

PAIRS = (
    ("prompt", "completion"),
    ("prompt", "response"),
    ("question", "answer"),
    ("input", "output"),
    ("instruction", "response"),
    ("query", "response"),
)
_CODE = "data.prompt_completion"


def pair_of(keys: Iterable[str]) -> tuple[str, str] | None:
    """The names of prompt and completion among these keys."""
    present = set(keys)
    return next((pair for pair in PAIRS if present.issuperset(pair)), None)


def read(row: dict[str, Any], add: AddFinding) -> ChatRecord | None:
    """A record that lacks one of the two keys is read by the other one's names."""
    prompt, completion = pair_of(row) or _half(row)
    if isinstance(row.get(prompt), list) and isinstance(row.get(completion), list):
        return openai.read({"messages": row[prompt] + row[completion], "tools": row.get("tools")}, add)
    asked = text_of(row, prompt, f"{_CODE}.prompt", add)
    answered = text_of(row, completion, f"{_CODE}.completion", add)
    system = text_of(row, "system", f"{_CODE}.system", add, is_needed=False)
    return None if asked is None or answered is None else conversation(system, [(asked, answered)])


def _half(row: dict[str, Any]) -> tuple[str, str]:
    return next((pair for pair in PAIRS if pair[0] in row or pair[1] in row), PAIRS[0])


def write(record: ChatRecord, lose: Lose) -> dict[str, Any] | None:
    """`{"prompt": ..., "completion": ...}` of a conversation of one turn."""
    kept = keep_only(record, lose)
    parts = system_and_turns(kept, lose) if kept else None
    if parts is None:
        return None
    system, turns = parts
    if len(turns) > 2:
        lose("turns", "messages")
        return None
    written = {} if system is None else {"system": system}
    return written | {"prompt": turns[0]["content"], "completion": turns[1]["content"]}


COMPLETION = Dialect("prompt-completion", "Prompt and completion", read, write)
